"""The order of a move from one-api or new-api."""

from moving.newapi.channels import take_channels
from moving.newapi.move import Move
from moving.newapi.people import take_groups, take_people, take_second_factors
from moving.newapi.tokens import take_tokens
from moving.newapi.values import names, text
from moving.newapi.vouchers import take_vouchers

# What a table holds that is not taken over, or why that loses nothing.
OTHER_TABLES = {
    "abilities": "made from the channels",
    "logs": "the log of requests stays with the old server",
    "quota_data": "statistics stay with the old server",
    "options": "settings are made by hand",
    "sessions": "people sign in anew",
}
_DEFAULT = "there is nothing like it here"


def take_over(move: Move) -> None:
    """Everything, in an order in which each finds what it belongs to."""
    wanted = _groups(move)
    take_groups(move, wanted)
    take_people(move)
    take_second_factors(move)
    take_channels(move)
    take_tokens(move)
    take_vouchers(move)
    _list_the_rest(move)


def _groups(move: Move) -> set[str]:
    """All that people are in or channels are for."""
    found = set()
    for rows in move.source.batches("users"):
        found |= {text(row, "group") or "default" for row in rows}
    move.groups_in_use = found.copy()
    for rows in move.source.batches("channels"):
        found |= {name for row in rows for name in names(row, "group") or ["default"]}
    return found


def _list_the_rest(move: Move) -> None:
    for table, count in sorted(move.source.other_tables.items()):
        if count:
            _skip(move, table, count)
    for rows in move.source.batches("options"):
        for row in rows:
            _skip(move, "options", 1, text(row, "key"))


def _skip(move: Move, table: str, count: int, example: str = "") -> None:
    tally = move.tally(table)
    tally.read += count
    reason = OTHER_TABLES.get(table, _DEFAULT)
    tally.skip(reason, example)
    tally.skipped[reason]["count"] += count - 1
