"""After a move: is in the database what was read?"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from gateway.models import ApiToken
from moving.checks import Check
from moving.newapi.move import Move
from providers.models import Channel
from usage.models import LedgerEntry

_AT_ONCE = 500


def check(move: Move) -> Iterator[Check]:
    for name, tally in move.tallies.items():
        accounted = tally.stored_count + tally.merged + tally.skipped_count
        found = f"{accounted:,} of {tally.read:,} rows"
        yield Check(name, "accounted for", found, accounted == tally.read)
    for name, what, rows, field, wanted in (
        ("users", "credits", LedgerEntry.objects.all(), "reference", move.credited),
        ("channels", "rows", Channel.objects.all(), "pk", move.channel_ids),
        ("tokens", "rows", ApiToken.objects.all(), "token_hash", move.token_hashes),
    ):
        count = _count(rows, field, wanted)
        yield Check(name, what, f"{count:,} of {len(wanted):,}", count == len(wanted))


def _count(rows: QuerySet[Any, Any], field: str, wanted: Sequence[str]) -> int:
    """How many of ``wanted`` there are; few at a time, for databases limit what a query names."""
    parts = (wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE))
    return sum(rows.filter(**{f"{field}__in": part}).count() for part in parts)
