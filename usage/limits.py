"""How often and how much: limits that hold over all processes.

A request is checked before a model is asked and settled when the answer is over. A process draws
from the shared counters in small blocks and spends them itself, so most requests touch nothing
shared; a block is at most a sixtieth of the limit and held for a second, then given back. Tokens
are charged by an estimate of the input first, the rest when it is known, which may leave the
counter below zero for a while.

Money comes in at the same place: :func:`acquire` before, :meth:`Grant.settle` after.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import structlog
from django.conf import settings
from django.utils import timezone

from librechat_backend.lib.aio import cancel, spawn
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.per_loop import PerLoop
from usage.counters import SLOT_SECONDS, Bucket, Counters, Taken
from usage.counters_database import DatabaseCounters
from usage.counters_redis import RedisCounters

BLOCKS = 60
HOLD_SECONDS = 1.0
TEND_SECONDS = 0.25
ENTER_AGAIN_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Measure(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    PARALLEL = "parallel"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Limit:
    """``key`` names whose limit it is, and for a quota the window; ``owner`` tells people.

    ``resets_at``: the end of a quota's window, None where it never ends.
    """

    key: str
    measure: Measure
    amount: int
    owner: str
    resets_at: datetime | None = None
    bucket: Bucket = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        per_seconds = None if self.measure is Measure.QUOTA else 60.0
        bucket = Bucket(f"{self.key}:{self.measure}", self.amount, per_seconds)
        object.__setattr__(self, "bucket", bucket)


class LimitReached(Exception):
    """``retry_after_seconds`` None: waiting does not help."""

    def __init__(self, limit: Limit, retry_after_seconds: float | None) -> None:
        self.limit, self.retry_after_seconds = limit, retry_after_seconds
        super().__init__(_words(limit))


def _words(limit: Limit) -> str:
    if limit.measure is Measure.PARALLEL:
        return f"{limit.owner} allows {limit.amount} requests at once."
    if limit.measure is Measure.QUOTA:
        end = limit.resets_at
        until = f" It begins anew at {end:%Y-%m-%d %H:%M} UTC." if end else ""
        return f"The quota of {limit.owner}, {limit.amount} tokens, is used up.{until}"
    return f"{limit.owner} allows {limit.amount} {limit.measure} a minute."


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit, as far as this process knows; ``full_in_seconds``: until all of
    it is there again."""

    limit: Limit
    left: int
    full_in_seconds: float


@dataclass
class _Lease:
    """What this process has drawn and not spent."""

    bucket: Bucket
    permits: int = 0
    drawn_at: float = 0.0
    left: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Grant:
    """Leave for one request. ``settle`` must be called once, with the tokens it took."""

    def __init__(self, limiter: "Limiter", limits: Sequence[Limit], tokens: int) -> None:
        self._limiter, self.limits, self._charged = limiter, tuple(limits), max(tokens, 1)
        self.places: dict[str, str] = {}

    def settle(self, tokens: int) -> None:
        for limit in self.limits:
            if limit.measure in (Measure.TOKENS, Measure.QUOTA):
                self._limiter.charge(limit, tokens - self._charged)
        self._limiter.leave(self.places)

    def standings(self) -> list[Standing]:
        return [self._limiter.standing(limit) for limit in self.limits]


class Limiter:
    """The limits as one event loop knows them."""

    def __init__(self, fast: Counters, durable: Counters) -> None:
        self._fast, self._durable = fast, durable
        self._leases: dict[str, _Lease] = {}
        self._debts: dict[str, int] = {}
        self._limits: dict[str, Limit] = {}
        self._places: dict[str, str] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._renewed_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def acquire(self, limits: Sequence[Limit], *, tokens: int) -> Grant:
        """``tokens``: an estimate of what the request takes at least. Raises LimitReached."""
        grant = Grant(self, limits, tokens)
        if self._task is None and limits:
            self._task = spawn(self._tend(), name="limits")
        taken: list[tuple[Limit, int]] = []
        try:
            for limit in limits:
                if limit.measure is Measure.PARALLEL:
                    await self._enter(limit, grant)
                else:
                    amount = 1 if limit.measure is Measure.REQUESTS else max(tokens, 1)
                    if not self._spend_here(self._lease(limit), amount):
                        await self._draw(limit, amount)
                    taken.append((limit, amount))
        except BaseException:
            # What was taken for a request that does not happen goes back.
            for limit, amount in taken:
                self.charge(limit, -amount)
            self.leave(grant.places)
            raise
        return grant

    async def _draw(self, limit: Limit, amount: int) -> None:
        lease = self._lease(limit)
        async with lease.lock:
            if self._spend_here(lease, amount):
                return
            await self._pay_debt(lease.bucket.key)
            missing = amount - lease.permits
            block = max(missing, limit.amount // BLOCKS)
            taken = await self._home(limit).take(lease.bucket, wanted=block, least=missing)
            lease.left, lease.drawn_at = taken.left, asyncio.get_running_loop().time()
            if not taken.granted:
                raise LimitReached(limit, self._wait(limit, taken))
            lease.permits += taken.granted - amount

    def _spend_here(self, lease: _Lease, amount: int) -> bool:
        if lease.permits < amount:
            return False
        lease.permits -= amount
        return True

    def _wait(self, limit: Limit, taken: Taken) -> float | None:
        if limit.measure is Measure.QUOTA:
            if limit.resets_at is None:
                return None
            return max((limit.resets_at - timezone.now()).total_seconds(), 1.0)
        return 60.0 if taken.wait_seconds is None else taken.wait_seconds

    async def _enter(self, limit: Limit, grant: Grant) -> None:
        key, holder = limit.bucket.key, new_object_id()
        for pause in (ENTER_AGAIN_SECONDS, 0.0):
            # Who has just been answered here is still on the way out.
            if self._leaving:
                await asyncio.wait(set(self._leaving))
            if await self._fast.enter(key, limit=limit.amount, holder=holder):
                grant.places[holder] = self._places[holder] = key
                return
            await asyncio.sleep(pause)
        raise LimitReached(limit, 1.0)

    def charge(self, limit: Limit, tokens: int) -> None:
        """Beside what was drawn: more, or (negative) less."""
        lease = self._lease(limit)
        lease.permits -= tokens
        if lease.permits < 0:
            key = lease.bucket.key
            self._debts[key] = self._debts.get(key, 0) - lease.permits
            lease.permits = 0

    def leave(self, places: dict[str, str]) -> None:
        for holder, key in places.items():
            self._places.pop(holder, None)
            task = spawn(self._fast.leave(key, holder=holder), name="limits: leave")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def standing(self, limit: Limit) -> Standing:
        lease = self._lease(limit)
        left = max(math.floor(lease.left) + lease.permits, 0)
        return Standing(limit, left, 60.0 * (limit.amount - min(left, limit.amount)) / limit.amount)

    def _lease(self, limit: Limit) -> _Lease:
        bucket = limit.bucket
        lease = self._leases.get(bucket.key)
        if lease is None or (lease.bucket is not bucket and lease.bucket != bucket):
            lease = self._leases[bucket.key] = _Lease(bucket)
            self._limits[bucket.key] = limit
        return lease

    def _home(self, limit: Limit) -> Counters:
        return self._durable if limit.measure is Measure.QUOTA else self._fast

    # -- beside the requests -------------------------------------------------------------------

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            try:
                await self._pay_debts()
                await self._give_back(older_than=HOLD_SECONDS)
                await self._renew()
            except Exception:  # noqa: BLE001 - the next time the counters may be back
                log.exception("limits_failed")

    async def _pay_debts(self) -> None:
        for key in list(self._debts):
            await self._pay_debt(key)

    async def _pay_debt(self, key: str) -> None:
        amount, limit = self._debts.pop(key, 0), self._limits[key]
        if not amount:
            return
        try:
            await self._home(limit).spend(limit.bucket, amount)
        except BaseException:
            self._debts[key] = self._debts.get(key, 0) + amount
            raise

    async def _give_back(self, *, older_than: float) -> None:
        before = asyncio.get_running_loop().time() - older_than
        for key, lease in list(self._leases.items()):
            if lease.drawn_at > before or lease.lock.locked():
                continue
            amount, lease.permits = lease.permits, 0
            if amount:
                limit = self._limits[key]
                await self._home(limit).spend(limit.bucket, -amount)
            elif key not in self._debts:
                del self._leases[key], self._limits[key]

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._places and now - self._renewed_at > SLOT_SECONDS / 3:
            self._renewed_at = now
            await self._fast.renew(dict(self._places))

    async def close(self) -> None:
        """Give back and pay what is open."""
        if self._task is not None:
            await cancel([self._task])
        if self._leaving:
            await asyncio.wait(set(self._leaving))
        await self._pay_debts()
        await self._give_back(older_than=0.0)
        await self._fast.close()


def _make_limiter() -> Limiter:
    durable = DatabaseCounters()
    fast = RedisCounters(settings.REDIS_URL) if settings.REDIS_URL else durable
    return Limiter(fast, durable)


_limiters = PerLoop(_make_limiter)


def get_limiter() -> Limiter:
    """The limiter of the running event loop."""
    return _limiters.get()


async def acquire(limits: Sequence[Limit], *, tokens: int) -> Grant:
    """Leave for a request, or LimitReached."""
    return await get_limiter().acquire(limits, tokens=tokens)


async def close_limiter() -> None:
    """When the server ends."""
    limiter = _limiters.pop()
    if limiter is not None:
        await limiter.close()
