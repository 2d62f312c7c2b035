"""Processes that spend, as a test has them: spenders in one event loop."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Now

from librechat_backend.lib.aio import in_database
from usage.entries import Face, RequestEntry, Status
from usage.ledger.pools import Pool, current_billing
from usage.ledger.spending import Reservation, Spender
from usage.models import Balance, Budget, BudgetPeriod, Lease, LedgerEntry
from usage.recorder import prepare
from usage.rows import write_rows

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def make_budget(
    limit: int, owner_kind: str = "everyone", owner_id: str = "", **fields: Any
) -> Budget:
    return Budget.objects.create(
        owner_kind=owner_kind, owner_id=owner_id, limit_credits=limit, **fields
    )


def pool_of(budget: Budget, now: datetime = NOW) -> Pool:
    """As the next request sees it."""
    found = current_billing().budgets[budget.owner_kind, budget.owner_id]
    return next(each for each in found if each.id == budget.pk).pool(now, "everyone")


def finished(
    reservation: Reservation, cost: int | None, user_id: str | None = None
) -> RequestEntry:
    """The row of a call that is over, ready to be stored."""
    entry = RequestEntry(Face.API, "chat.completions", user_id=user_id, status=Status.OK)
    entry.requested_model, entry.cost_credits, entry.reservation = "m", cost, reservation
    prepare(entry)
    return entry


async def store(*entries: RequestEntry) -> None:
    await in_database(write_rows, entries)


def fall_silent(spender: Spender) -> None:
    """As if it had not run for a minute."""
    past = Now() - timedelta(seconds=60)
    Lease.objects.filter(process=spender.process).update(renewed_at=past)


def distrust(spender: Spender) -> None:
    """What a process that was slow does, when its clock says so."""
    for holding in spender._holdings.values():
        holding.trusted_until = 0.0


def assert_rows_agree() -> None:
    """What must be so in every committed state."""
    for period in BudgetPeriod.objects.all():
        assert period.leased == _leased(f"period:{period.pk}")
        assert period.used == _paid_from(period.pk)
    for balance in Balance.objects.all():
        assert balance.leased == _leased(f"balance:{balance.pk}")
        entries = LedgerEntry.objects.filter(user_id=balance.pk)
        assert balance.credits == (entries.aggregate(total=Sum("amount"))["total"] or 0)
    assert not LedgerEntry.objects.filter(cost__lt=0).exists()


def _leased(pool_key: str) -> int:
    return Lease.objects.filter(pool=pool_key).aggregate(total=Sum("credits"))["total"] or 0


def _paid_from(period_id: str) -> int:
    """Less what was refunded."""
    entries = [e for e in LedgerEntry.objects.all() if period_id in e.periods]
    back: int = sum(entry.details["cost"] for entry in entries if entry.kind == "refund")
    return sum(entry.cost for entry in entries) - back


async def gathered(calls: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What each returned or raised."""
    return await asyncio.gather(*calls, return_exceptions=True)
