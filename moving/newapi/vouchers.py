"""Redemption codes of the old server that nobody has used yet."""

from billing.services.vouchers import is_kept, keep_voucher
from moving.newapi.move import Move
from moving.newapi.reading import Voucher, credits_of, read_voucher
from moving.newapi.values import Deleted, Row, Unreadable, text
from moving.tally import Tally


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
    except Unreadable as problem:
        tally.skip(str(problem), example, is_lost=True)
    else:
        _keep(move, tally, found)


def _keep(move: Move, tally: Tally, found: Voucher) -> None:
    credits = credits_of(found.units, move.units_per_usd)
    if move.is_dry:
        is_new = not is_kept(code=found.code)
    else:
        is_new = keep_voucher(
            code=found.code, credits=credits, expires_at=found.expires_at, note=found.name
        )
    tally.written += is_new
    tally.unchanged += not is_new
    if is_new:
        tally.add("credits", credits)
