"""Credits on their way: taken out of pools for a process, and given back. Spent ones are settled
(usage/ledger/settling.py).

What processes hold of a pool is the sum of its leases, in every committed state. Rows are locked
in one order, so nobody waits in a circle: pool by pool by their keys, in each first the lease,
then the pool. Times are the database's: clocks of processes may differ.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from librechat_backend.lib.ids import new_object_id
from usage.ledger.movements import lock_balance
from usage.ledger.pools import BALANCE, Pool
from usage.ledger.refusals import SpendingRefused
from usage.models import Balance, BudgetPeriod, Lease

# A process that has not renewed its leases for so long is dead, and they are given back.
SILENT_SECONDS = 15.0
# Of what is left in a pool a process takes this part, if it needs less.
BLOCKS = 60


@dataclass(frozen=True, slots=True)
class Draw:
    """``have`` of the lease are free in the process that draws; ``lease_id`` empty: no lease."""

    pool: Pool
    lease_id: str = ""
    have: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """``free`` credits of the lease; another id than before: the one before was given back."""

    lease_id: str
    free: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """``amount`` can be spent of every pool; ``held`` in the order of the draws."""

    amount: int
    held: tuple[Held, ...]


@dataclass(slots=True)
class _Level:
    """A locked pool. ``left`` may be leased, ``needed`` must be."""

    pool: Pool
    lease: Lease | None
    have: int
    used: int
    leased: int
    total: int

    @property
    def left(self) -> int:
        return self.total - self.used - self.leased

    @property
    def reach(self) -> int:
        return self.have + self.left


@transaction.atomic
def draw(process: str, draws: Sequence[Draw], *, wanted: int, least: int) -> Drawn:
    """Make ``wanted`` credits spendable in every pool, or as much as there is, but not less than
    ``least``. Raises SpendingRefused; then nothing was taken.
    """
    order = sorted(range(len(draws)), key=lambda number: draws[number].pool.key)
    levels = {number: _lock(draws[number], least) for number in order}
    amount = min(wanted, *(level.reach for level in levels.values()))
    if amount < least:
        raise _refusal(levels.values(), least)
    for level in levels.values():
        _take(process, level, amount)
    return Drawn(amount, tuple(_held(levels[number]) for number in range(len(draws))))


def _lock(draw: Draw, least: int) -> _Level:
    lease = Lease.objects.select_for_update().filter(pk=draw.lease_id).first()
    # Credits of a lease that was given back are somebody else's now.
    have = draw.have if lease is not None else 0
    is_balance = draw.pool.budget is None
    level = (_lock_balance if is_balance else _lock_period)(draw.pool, lease, have, least)
    if level.reach < least:
        level.leased -= give_back_silent(draw.pool.key, but=draw.lease_id)
    return level


def _lock_balance(pool: Pool, lease: Lease | None, have: int, least: int) -> _Level:
    balance = lock_balance(pool.row_id, needed=least)
    return _Level(pool, lease, have, used=0, leased=balance.leased, total=balance.credits)


def _lock_period(pool: Pool, lease: Lease | None, have: int, least: int) -> _Level:
    period = lock_period(pool)
    return _Level(pool, lease, have, used=period.used, leased=period.leased, total=pool.limit)


def lock_period(pool: Pool) -> BudgetPeriod:
    """Made when it is first needed. Needs a transaction."""
    assert pool.budget is not None  # noqa: S101 - of a budget's pool
    found = BudgetPeriod.objects.select_for_update().filter(pk=pool.row_id).first()
    if found is not None:
        return found
    BudgetPeriod.objects.bulk_create(
        [
            BudgetPeriod(
                id=pool.row_id,
                budget_id=pool.budget.id,
                starts_at=pool.starts_at,
                ends_at=pool.ends_at,
            )
        ],
        ignore_conflicts=True,
    )
    return BudgetPeriod.objects.select_for_update().get(pk=pool.row_id)


def open_periods(pools: Iterable[Pool]) -> None:
    """For what is spent without having been put aside."""
    with transaction.atomic():
        for pool in sorted(pools, key=lambda pool: pool.key):
            if pool.budget is not None:
                lock_period(pool)
            else:
                lock_balance(pool.row_id, needed=0)


def _refusal(levels: Iterable[_Level], least: int) -> SpendingRefused:
    """By the pool that is used up; else by the one with least left."""

    def is_busy(level: _Level) -> bool:
        return level.used + least <= level.total

    worst = min(levels, key=lambda level: (is_busy(level), level.reach))
    return SpendingRefused(
        worst.pool,
        used=worst.used,
        left=worst.total - worst.used,
        needed=least,
        is_busy=is_busy(worst),
    )


def _take(process: str, level: _Level, amount: int) -> None:
    """A block where there is plenty, exactly what is missing where there is little; where more is
    leased than may be, for a limit was lowered, that goes back."""
    is_plenty = level.left >= 0
    block = max(amount - level.have, level.left // BLOCKS, 0) if is_plenty else level.left
    pool_rows(level.pool.key).update(leased=F("leased") + block)
    if level.lease is None:
        level.lease = Lease(id=new_object_id(), process=process, pool=level.pool.key, credits=block)
        # Of the database's clock, like every later renewal.
        level.lease.renewed_at = Now()
        level.lease.save(force_insert=True)
    else:
        Lease.objects.filter(pk=level.lease.pk).update(
            credits=F("credits") + block, renewed_at=Now()
        )
    level.have += block


def _held(level: _Level) -> Held:
    assert level.lease is not None  # noqa: S101 - each was taken from
    return Held(level.lease.id, level.have)


def pool_rows(key: str) -> "models.QuerySet[Balance] | models.QuerySet[BudgetPeriod]":
    """The row of a pool, for an update."""
    kind, _, row_id = key.partition(":")
    if kind == BALANCE:
        return Balance.objects.filter(pk=row_id)
    return BudgetPeriod.objects.filter(pk=row_id)


def spend(key: str, cost: int, *, returned: int) -> None:
    """``cost`` is gone, ``returned`` credits are no longer leased."""
    kind, _, row_id = key.partition(":")
    leased = F("leased") - returned
    if kind == BALANCE:
        Balance.objects.filter(pk=row_id).update(credits=F("credits") - cost, leased=leased)
    else:
        BudgetPeriod.objects.filter(pk=row_id).update(used=F("used") + cost, leased=leased)


@dataclass(frozen=True, slots=True)
class Return:
    """``credits`` of a lease that are not needed."""

    pool_key: str
    lease_id: str
    credits: int


@transaction.atomic
def give_back(returns: Sequence[Return]) -> set[str]:
    """Leases that were given back already are left alone, and those that end up empty removed; the
    ids of those that are still there, for something of them is not settled yet.
    """
    for each in sorted(returns, key=lambda each: each.pool_key):
        if each.credits and cut(each.lease_id, each.credits):
            pool_rows(each.pool_key).update(leased=F("leased") - each.credits)
    found = Lease.objects.filter(pk__in=[each.lease_id for each in returns])
    found.filter(credits=0).delete()
    return set(found.values_list("pk", flat=True))


def cut(lease_id: str, credits: int) -> bool:
    """Take ``credits`` out of a lease; False where it is not there any more."""
    held = Lease.objects.filter(pk=lease_id, credits__gte=credits)
    return bool(held.update(credits=F("credits") - credits))


def renew(process: str) -> set[str]:
    """Say that the process is alive; the ids of the leases it still has."""
    own = Lease.objects.filter(process=process)
    own.update(renewed_at=Now())
    return set(own.values_list("pk", flat=True))


@transaction.atomic
def give_back_silent(pool_key: str, *, but: str = "") -> int:
    """Return what processes that fell silent hold of a pool; how many credits.

    A row that is locked belongs to somebody who lives, and so does the lease ``but`` of who asks.
    """
    found = _silent().select_for_update(skip_locked=True).filter(pool=pool_key).exclude(pk=but)
    return sum(map(_return, found.order_by("id")))


def tidy_leases() -> None:
    """Give back what dead processes left in any pool."""
    for key in set(_silent().values_list("pool", flat=True)):
        give_back_silent(key)


def _silent() -> "models.QuerySet[Lease]":
    return Lease.objects.filter(renewed_at__lt=Now() - timedelta(seconds=SILENT_SECONDS))


@transaction.atomic
def give_back_all(process: str) -> int:
    """When a process ends; how many credits."""
    own = Lease.objects.select_for_update().filter(process=process)
    return sum(map(_return, own.order_by("pool", "id")))


def _return(lease: Lease) -> int:
    pool_rows(lease.pool).update(leased=F("leased") - lease.credits)
    lease.delete()
    return lease.credits
