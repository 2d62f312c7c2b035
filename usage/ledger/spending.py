"""Credits spent by this process without asking anybody, from leases (usage/ledger/leases.py).

A call puts aside what it may cost at most, in every pool it is paid from, before a model is
asked; when its cost is known, the rest is free again. Where a lease has too little, more is
drawn; what nobody needs for a second is given back. So N processes never hold more than there is.

A process that was slow may have lost its leases to others: it believes in them for a while after
each renewal only, and asks when that is over.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from librechat_backend.lib.aio import cancel, in_database, spawn, uninterrupted
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.per_loop import PerLoop
from usage.entries import Share
from usage.ledger import leases
from usage.ledger.leases import Draw, Drawn, Return
from usage.ledger.pools import Pool

HOLD_SECONDS = 1.0
TEND_SECONDS = 0.25
RENEW_SECONDS = 3.0
# Well before others may think that we are dead.
TRUST_SECONDS = 8.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Holding:
    """A lease of this process. Its row holds what is ``free``, what is ``aside`` for calls in
    progress, and what was spent and is not settled yet."""

    pool: Pool
    lease_id: str = ""
    free: int = 0
    aside: int = 0
    drawn_at: float = 0.0
    trusted_until: float = 0.0
    is_lost: bool = False


class Reservation:
    """``amount`` credits of each holding, until it is settled or released. Again does nothing."""

    def __init__(self, holdings: Sequence[_Holding], amount: int) -> None:
        self._holdings, self.amount = tuple(holdings), amount
        for holding in self._holdings:
            holding.free -= amount
            holding.aside += amount

    def settle(self, cost: int) -> tuple[Share, ...]:
        """The call is over and cost this much; what is to be written with its row.

        More than was put aside is taken from what is free here, the rest from the pool itself.
        """
        shares = tuple(self._share(holding, cost) for holding in self._holdings)
        self._holdings = ()
        return shares

    def _share(self, holding: _Holding, cost: int) -> Share:
        holding.aside -= self.amount
        holding.free += self.amount
        covered = 0 if holding.is_lost else min(cost, holding.free)
        holding.free -= covered
        return Share(holding.pool.key, holding.lease_id, covered)

    def release(self) -> None:
        """The call took nothing."""
        self.settle(0)


class Spender:
    """The leases of one event loop, which is a process to the others."""

    def __init__(self) -> None:
        self.process = new_object_id()
        self._holdings: dict[str, _Holding] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._renewed_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def reserve(self, pools: Sequence[Pool], *, wanted: int, least: int) -> Reservation:
        """``wanted`` credits of every pool; where there is less, what there is, but at least
        ``least``. Raises SpendingRefused; then nothing is put aside.
        """
        if not wanted or not pools:
            return Reservation((), 0)
        found = self._enough(pools, wanted)
        if found is not None:
            return Reservation(found, wanted)
        made: list[Reservation] = []

        async def draw() -> None:
            made.append(await self._draw_alone(pools, wanted, least))

        try:
            await uninterrupted(draw())
        except asyncio.CancelledError:
            for reservation in made:
                reservation.release()
            raise
        return made[0]

    async def _draw_alone(self, pools: Sequence[Pool], wanted: int, least: int) -> Reservation:
        """Of one pool one draw at a time; the next may find that the block was large enough."""
        async with AsyncExitStack() as stack:
            for key in sorted({pool.key for pool in pools}):
                await stack.enter_async_context(self._locks.setdefault(key, asyncio.Lock()))
            return await self._draw(pools, wanted, least)

    def _enough(self, pools: Sequence[Pool], wanted: int) -> list[_Holding] | None:
        now = asyncio.get_running_loop().time()
        found = [self._holdings.get(pool.key) for pool in pools]
        usable = [
            holding
            for holding, pool in zip(found, pools, strict=True)
            if holding is not None
            and holding.free >= wanted
            and now < holding.trusted_until
            and holding.pool.limit == pool.limit
        ]
        return usable if len(usable) == len(pools) else None

    async def _draw(self, pools: Sequence[Pool], wanted: int, least: int) -> Reservation:
        found = self._enough(pools, wanted)
        if found is not None:
            return Reservation(found, wanted)
        # Nobody else may spend meanwhile what is counted on here.
        holdings = [self._holdings.setdefault(pool.key, _Holding(pool)) for pool in pools]
        claimed = [holding.free for holding in holdings]
        for holding in holdings:
            holding.free = 0
        draws = [
            Draw(pool, holding.lease_id, have)
            for pool, holding, have in zip(pools, holdings, claimed, strict=True)
        ]
        asked_at = asyncio.get_running_loop().time()
        try:
            drawn = await in_database(leases.draw, self.process, draws, wanted=wanted, least=least)
        except BaseException:
            for holding, have in zip(holdings, claimed, strict=True):
                holding.free += have
            raise
        return Reservation(self._hold(pools, drawn, asked_at), drawn.amount)

    def _hold(self, pools: Sequence[Pool], drawn: Drawn, asked_at: float) -> list[_Holding]:
        held = []
        for pool, got in zip(pools, drawn.held, strict=True):
            holding = self._holdings[pool.key]
            if holding.lease_id not in ("", got.lease_id):
                self._lose(holding)
                holding = self._holdings[pool.key] = _Holding(pool)
            holding.pool, holding.lease_id = pool, got.lease_id
            holding.free += got.free
            holding.drawn_at = asked_at
            holding.trusted_until = asked_at + TRUST_SECONDS
            held.append(holding)
        if self._task is None:
            self._task = spawn(self._tend(), name="leases")
        return held

    def forgive(self, shares: Sequence[Share]) -> None:
        """What was to be paid is not: another process has written down that call."""
        by_lease = {holding.lease_id: holding for holding in self._holdings.values()}
        for share in shares:
            if holding := by_lease.get(share.lease_id):
                holding.free += share.covered

    def _lose(self, holding: _Holding) -> None:
        log.warning("lease_lost", pool=holding.pool.key, aside=holding.aside)
        holding.is_lost, holding.free = True, 0
        self._holdings.pop(holding.pool.key, None)

    # -- beside the calls ----------------------------------------------------------------------

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            try:
                await self._renew()
                await self._give_back_idle()
            except Exception:  # noqa: BLE001 - the next time the database may be back
                log.exception("leases_failed")

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._holdings or now - self._renewed_at < RENEW_SECONDS:
            return
        self._renewed_at = now
        # Those drawn while this is asked are not known to it.
        before = {holding.lease_id: holding for holding in self._holdings.values()}
        kept = await in_database(leases.renew, self.process)
        for lease_id, holding in before.items():
            if lease_id in kept:
                holding.trusted_until = max(holding.trusted_until, now + TRUST_SECONDS)
            elif lease_id and holding is self._holdings.get(holding.pool.key):
                self._lose(holding)
        await in_database(leases.tidy_leases)

    async def _give_back_idle(self) -> None:
        before = asyncio.get_running_loop().time() - HOLD_SECONDS
        idle = [
            holding
            for holding in self._holdings.values()
            if holding.drawn_at <= before and (holding.free or not holding.aside)
        ]
        async with AsyncExitStack() as stack:
            unused = []
            for holding in sorted(idle, key=lambda holding: holding.pool.key):
                lock = self._locks.setdefault(holding.pool.key, asyncio.Lock())
                if not lock.locked():
                    await stack.enter_async_context(lock)
                    unused.append(holding)
            if unused:
                await uninterrupted(self._give_back(unused))

    async def _give_back(self, holdings: Sequence[_Holding]) -> None:
        returns = []
        for holding in holdings:
            returns.append(Return(holding.pool.key, holding.lease_id, holding.free))
            holding.free = 0
        try:
            still_there = await in_database(leases.give_back, returns)
        except BaseException:
            for holding, each in zip(holdings, returns, strict=True):
                holding.free += each.credits
            raise
        now = asyncio.get_running_loop().time()
        for holding in holdings:
            holding.drawn_at = now
            if holding.lease_id in still_there:
                continue
            if holding.aside:
                self._lose(holding)
            self._holdings.pop(holding.pool.key, None)

    async def close(self) -> None:
        """Give back what is left, when everything is settled."""
        if self._task is not None:
            await cancel([self._task])
            self._task = None
        if self._holdings:
            self._holdings.clear()
            await in_database(leases.give_back_all, self.process)


_spenders = PerLoop(Spender)


def get_spender() -> Spender:
    """The spender of the running event loop."""
    return _spenders.get()


async def close_spender() -> None:
    """When the server ends, after the last row of a request was written."""
    spender = _spenders.pop()
    if spender is not None:
        await spender.close()
