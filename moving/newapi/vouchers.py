"""Redemption codes of the old server that nobody has used yet."""

from billing.services.vouchers import is_kept, keep_voucher
from moving.newapi.move import Move
from moving.newapi.reading import credits_of, read_voucher
from moving.newapi.values import Deleted, Row, Unreadable, text


def take_vouchers(move: Move) -> None:
    for rows in move.source.batches("redemptions"):
        for row in rows:
            _take_voucher(move, row)


def _take_voucher(move: Move, row: Row) -> None:
    tally, example = move.tally("redemptions"), text(row, "name")
    tally.read += 1
    try:
        found = read_voucher(row, move.now)
    except Deleted as problem:
        tally.skip(str(problem), example)
        return
    except Unreadable as problem:
        tally.skip(str(problem), example, is_lost=True)
        return
    credits = credits_of(found.units, move.units_per_usd)
    is_new = (
        not is_kept(code=found.code)
        if move.is_dry
        else keep_voucher(
            code=found.code, credits=credits, expires_at=found.expires_at, note=found.name
        )
    )
    tally.written += is_new
    tally.unchanged += not is_new
    if is_new:
        tally.add("credits", credits)
