"""How much is left of everything a call would be paid from."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from usage.ledger.movements import open_balance
from usage.ledger.pools import Pool
from usage.models import Balance, BudgetPeriod


@dataclass(frozen=True, slots=True)
class Standing:
    """Credits; ``aside`` for calls in progress, of a balance part of what is ``left``."""

    pool: Pool
    left: int
    used: int = 0
    aside: int = 0


def standings(user: User, pools: Sequence[Pool]) -> list[Standing]:
    """At most two queries, but those that open a balance."""
    budgets = [pool for pool in pools if pool.budget is not None]
    found = BudgetPeriod.objects.in_bulk([pool.row_id for pool in budgets])
    told = [_of_budget(pool, found.get(pool.row_id)) for pool in budgets]
    return told + [_of_balance(pool, open_balance(user)) for pool in pools if pool.budget is None]


def tightest(told: Sequence[Standing]) -> Standing | None:
    """What will refuse first."""
    return min(told, key=lambda standing: standing.left, default=None)


def _of_budget(pool: Pool, period: BudgetPeriod | None) -> Standing:
    if period is None:
        return Standing(pool, pool.limit)
    return Standing(pool, pool.limit - period.used, period.used, period.leased)


def _of_balance(pool: Pool, balance: Balance) -> Standing:
    return Standing(pool, balance.credits, aside=balance.leased)
