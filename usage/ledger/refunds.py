"""Requests that are paid back: to the person, and to the windows of the budgets."""

from django.db import transaction
from django.db.models import F

from accounts.models import User
from usage.models import Balance, BudgetPeriod, LedgerEntry

Kind = LedgerEntry.Kind


class NotRefundable(Exception):
    """Nobody and no budget paid for it."""


def refund_of(entry: LedgerEntry) -> LedgerEntry | None:
    """What was paid back of ``entry``; None: nothing yet."""
    return LedgerEntry.objects.filter(reference=_reference(entry.pk)).first()


def can_refund(entry: LedgerEntry) -> bool:
    return entry.kind == Kind.USAGE and bool(entry.amount or (entry.cost and entry.periods))


@transaction.atomic
def refund(*, entry_id: str, reason: str, by: User | None) -> LedgerEntry:
    """Pay a request back, whole; the entry of it, however often this is called.

    Windows of budgets that are removed, and people, get nothing. The log of requests still says
    what it cost. Raises NotRefundable, LedgerEntry.DoesNotExist.
    """
    entry = LedgerEntry.objects.select_for_update().get(pk=entry_id)
    known = refund_of(entry)
    if known is not None:
        return known
    if not can_refund(entry):
        raise NotRefundable("Nothing was paid for this.")
    amount = _pay_back(entry)
    return LedgerEntry.objects.create(
        user_id=entry.user_id,
        amount=amount,
        kind=Kind.REFUND,
        reference=_reference(entry.pk),
        reason=reason[:300],
        by=by,
        request_id=entry.request_id,
        operation=entry.operation,
        model=entry.model,
        periods=entry.periods,
        details={"entry": entry.pk, "cost": entry.cost},
    )


def _pay_back(entry: LedgerEntry) -> int:
    """What the balance got. In the order of usage/ledger/leases.py."""
    balance = Balance.objects.filter(user_id=entry.user_id)
    has_balance = balance.update(credits=F("credits") - entry.amount)
    for period_id in sorted(entry.periods):
        BudgetPeriod.objects.filter(pk=period_id).update(used=F("used") - entry.cost)
    return -entry.amount if has_balance else 0


def _reference(entry_id: str) -> str:
    return f"refund:{entry_id}"
