"""What one call may be paid from, and what is put aside for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from usage.ledger.pools import Billing, Payer, Pool
from usage.ledger.refusals import SpendingRefused
from usage.ledger.spending import Reservation, get_spender
from usage.models import BillingRules, Budget
from usage.pricing import PriceTable, worst_case

# A call for which there is credit for its input and so many words begins.
LEAST_OUTPUT_TOKENS = 16
AGAIN_SECONDS = 0.2


class Unpriced(Exception):
    """The model has no price, and such models are refused."""


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens of a call. ``input`` is estimated, and the call reads ``most_input`` at most, and
    ``most_sound`` besides.
    ``output`` is the most an answer may have; None: nobody limits it. ``answers``: how many are
    asked for, of which some providers read the input for each."""

    input: int
    output: int | None = None
    answers: int = 1
    most_input: int = 0
    most_sound: int = 0

    def most_output(self, rules: BillingRules) -> int:
        each = rules.reserved_output_tokens if self.output is None else self.output
        return each * self.answers


class Purse:
    """Of one call; it is asked for each channel that is tried.

    ``measure`` is called when something is to be paid, and only then, with the name of the model.
    ``patience_seconds``: how long it waits for credits of the person's own that other calls have
    put aside.
    """

    def __init__(
        self,
        payer: Payer,
        *,
        billing: Billing,
        prices: PriceTable,
        measure: Callable[[str], Size],
        patience_seconds: float = 0.0,
    ) -> None:
        self._payer, self._billing, self._prices = payer, billing, prices
        self._measure, self._patience_seconds = measure, patience_seconds
        self._size: Size | None = None
        self._paid_from: tuple[str, ...] = ()
        self.reservation: Reservation | None = None
        self.amount = 0

    async def cover(self, *, model: str, kind: str, channel_id: str, channel_name: str) -> None:
        """Put aside what a call of ``model`` on this channel may cost at most; what was put aside
        for a channel before it is free again. Raises SpendingRefused, Unpriced.
        """
        now = datetime.now(UTC)
        price = self._prices.find(model=model, kind=kind, channel_id=channel_id, at=now)
        if price is None:
            self.release()
            if self._billing.rules.unpriced == BillingRules.Unpriced.REFUSE:
                raise Unpriced(f"{model} has no price, and such models are not used here.")
            return
        pools = self._billing.pools_of(self._payer, now)
        pools += self._billing.channel_pools(channel_id, channel_name, now)
        if not pools:
            return
        size = self._size = self._measure(model)
        output = size.most_output(self._billing.rules)
        await self._reserve(
            pools,
            wanted=worst_case(
                price,
                input_tokens=max(size.input, size.most_input) * size.answers,
                output_tokens=output,
                sound_tokens=size.most_sound * size.answers,
            ),
            least=worst_case(
                price, input_tokens=size.input, output_tokens=min(output, LEAST_OUTPUT_TOKENS)
            ),
        )

    async def _reserve(self, pools: tuple[Pool, ...], *, wanted: int, least: int) -> None:
        keys = tuple(pool.key for pool in pools)
        if self.reservation is not None and keys == self._paid_from and wanted <= self.amount:
            return
        self.release()
        try:
            reservation = await self._reserved(pools, wanted, least)
        except SpendingRefused as refused:
            refused.input_tokens = self._size.input if self._size else 0
            raise
        self.reservation, self.amount, self._paid_from = reservation, reservation.amount, keys

    async def _reserved(self, pools: tuple[Pool, ...], wanted: int, least: int) -> Reservation:
        clock = asyncio.get_running_loop().time
        patient_until = clock() + self._patience_seconds
        while True:
            try:
                return await get_spender().reserve(pools, wanted=wanted, least=least)
            except SpendingRefused as refused:
                if not (refused.is_busy and refused.is_balance) or clock() >= patient_until:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    def release(self) -> None:
        reservation, self.reservation = self.reservation, None
        if reservation is not None:
            reservation.settle(0)


def is_of_channel(refused: SpendingRefused) -> bool:
    """Whether another channel may be paid."""
    budget = refused.pool.budget
    return budget is not None and budget.owner_kind == Budget.Owner.CHANNEL
