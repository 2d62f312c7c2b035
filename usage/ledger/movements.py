"""Credits that come and go by other ways than requests. With usage/ledger/settling.py the only
writer of balances.

A movement and the balance it changes are written in one transaction. The row of the balance is
locked first, so of two writers with one ``reference`` the second finds the entry of the first.
"""

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts.models import User
from librechat_backend.lib.json import JSONDict
from usage.ledger.rules import billing_rules, refill_of
from usage.models import Balance, LedgerEntry

Kind = LedgerEntry.Kind


def open_balance(user: User) -> Balance:
    """The balance of ``user``; who has none yet gets one with the credits to begin with, once."""
    return Balance.objects.filter(user=user).first() or _open(user.pk)


@transaction.atomic
def _open(user_id: str) -> Balance:
    balance, is_new = Balance.objects.get_or_create(user_id=user_id)
    start = billing_rules().start_credits
    if is_new and start:
        _move(user_id, start, Kind.START, reference=f"start:{user_id}")
        balance.refresh_from_db()
    return balance


@transaction.atomic
def credit(
    *,
    user: User,
    amount: int,
    kind: LedgerEntry.Kind,
    reason: str,
    by: User | None = None,
    reference: str | None = None,
    details: JSONDict | None = None,
) -> LedgerEntry:
    """Give ``user`` ``amount`` > 0 credits; the entry.

    ``reference`` names what caused it elsewhere: for one reference credits are given once, however
    often and by how many at a time this is called. A balance that is taken over (kind IMPORT)
    begins with nothing else; any other begins with the credits to begin with.
    """
    if amount <= 0:
        raise ValueError("Credits that are given are more than none.")
    if kind is Kind.IMPORT:
        Balance.objects.get_or_create(user=user)
    else:
        open_balance(user)
    return _move(user.pk, amount, kind, reference=reference, reason=reason, by=by, details=details)


@transaction.atomic
def adjust(
    *, user: User, amount: int, reason: str, by: User | None, reference: str | None = None
) -> LedgerEntry:
    """Add ``amount`` credits by hand, or take them away where it is negative; the entry."""
    open_balance(user)
    return _move(user.pk, amount, Kind.ADJUSTMENT, reference=reference, reason=reason, by=by)


def lock_balance(user_id: str, *, needed: int) -> Balance:
    """The row, opened and refilled where ``needed`` credits would use it up. Needs a transaction.

    The row is locked while it is decided, so an interval brings one refill whoever asks.
    """
    balance = Balance.objects.select_for_update().filter(user_id=user_id).first()
    if balance is None:
        _open(user_id)
        balance = Balance.objects.select_for_update().get(user_id=user_id)
    if balance.credits > needed:
        return balance
    now, refill = timezone.now(), refill_of(balance, billing_rules())
    if refill is None or now < refill.due_at(balance.last_refill_at):
        return balance
    _move(user_id, refill.credits, Kind.REFILL)
    Balance.objects.filter(user_id=user_id).update(last_refill_at=now)
    balance.refresh_from_db()
    return balance


@transaction.atomic
def take_back(
    *, user: User, amount: int, reason: str, details: JSONDict | None = None
) -> LedgerEntry:
    """Take ``amount`` > 0 credits whose payment was paid back; the balance may fall below zero."""
    if amount <= 0:
        raise ValueError("Credits that are taken back are more than none.")
    open_balance(user)
    return _move(user.pk, -amount, Kind.REFUND, reason=reason, details=details)


@transaction.atomic
def take_over(*, user_id: str, credits: int, origin: str) -> LedgerEntry | None:
    """Let ``origin``, a balance elsewhere, have brought ``credits`` in all; the entry of what it
    brought more, or less, than at the last time, None where it brought the same.

    What happened here meanwhile stays. Such a balance begins with nothing else.
    """
    Balance.objects.get_or_create(user_id=user_id)
    Balance.objects.select_for_update().get(user_id=user_id)
    # Entries outlive people, and keep their references.
    brought = LedgerEntry.objects.filter(reference__startswith=f"{origin}:")
    known = brought.aggregate(sum=Sum("amount", filter=Q(user=user_id)), count=Count("pk"))
    difference = credits - (known["sum"] or 0)
    if not difference:
        return None
    return _move(user_id, difference, Kind.IMPORT, reference=f"{origin}:{known['count']}")


def _move(
    user_id: str,
    amount: int,
    kind: LedgerEntry.Kind,
    *,
    reference: str | None = None,
    reason: str = "",
    by: User | None = None,
    details: JSONDict | None = None,
) -> LedgerEntry:
    """Needs a transaction, and that there is a balance."""
    balance = Balance.objects.select_for_update().get(user_id=user_id)
    if reference is not None:
        known = LedgerEntry.objects.filter(reference=reference).first()
        if known is not None:
            return known
    balance.credits += amount
    balance.save(update_fields=["credits"])
    return LedgerEntry.objects.create(
        user_id=user_id,
        amount=amount,
        kind=kind,
        reference=reference,
        reason=reason[:300],
        by=by,
        details=details or {},
    )
