"""Payments, and the credits that follow from them.

Stripe's messages come in any order, some twice, so each only notes a fact on the payment's row;
the ledger then gets the difference between what follows from all facts and what it was given.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from billing.models import Payment, Plan
from librechat_backend.lib.json import JSONDict
from usage.ledger.movements import credit, take_back
from usage.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class Paid:
    """``amount`` in the currency's smallest unit; ``credits`` what was bought with it."""

    stripe_id: str
    payment_intent: str
    user: User | None
    plan: Plan | None
    amount: int
    currency: str
    credits: int
    document_url: str = ""


@transaction.atomic
def note_paid(paid: Paid) -> Payment:
    payment = _of_document(paid.stripe_id, paid.payment_intent)
    payment.user, payment.plan = paid.user, paid.plan
    payment.amount, payment.currency = paid.amount, paid.currency
    payment.credits = paid.credits
    payment.document_url = paid.document_url or payment.document_url
    return _settled(payment)


@transaction.atomic
def note_intent(*, stripe_id: str, payment_intent: str) -> Payment:
    """Which payment intent paid an invoice: refunds and disputes name that alone."""
    return _settled(_of_document(stripe_id, payment_intent))


@transaction.atomic
def note_refunded(*, payment_intent: str, refunded: int) -> Payment:
    """``refunded``: all that was given back so far."""
    payment = _of_intent(payment_intent)
    payment.refunded = max(payment.refunded, refunded)
    return _settled(payment)


@transaction.atomic
def note_disputed(*, payment_intent: str, disputed: int, at: datetime) -> Payment:
    """``disputed``: what the person's bank holds back now; 0 when we won."""
    payment = _of_intent(payment_intent)
    if payment.disputed_at is None or at >= payment.disputed_at:
        payment.disputed, payment.disputed_at = disputed, at
    return _settled(payment)


def _of_document(stripe_id: str, payment_intent: str) -> Payment:
    """The row of a checkout or an invoice, locked. Needs a transaction.

    Where two documents speak of one payment intent it is the same money: the first has the row. A
    refund that came before both made one under the intent's own name, which becomes theirs.
    """
    known = Payment.objects.filter(payment_intent=payment_intent).first()
    if known is not None and known.stripe_id != payment_intent:
        return _locked(known)
    payment = _locked(Payment.objects.get_or_create(stripe_id=stripe_id)[0])
    if known is not None:
        payment.refunded = max(payment.refunded, known.refunded)
        payment.disputed, payment.disputed_at = known.disputed, known.disputed_at
        known.delete()
    payment.payment_intent = payment_intent or payment.payment_intent
    return payment


def _of_intent(payment_intent: str) -> Payment:
    """As above, of a refund or a dispute."""
    row, _ = Payment.objects.get_or_create(
        payment_intent=payment_intent, defaults={"stripe_id": payment_intent}
    )
    return _locked(row)


def _locked(row: Payment) -> Payment:
    return Payment.objects.select_for_update().get(pk=row.pk)


def credits_due(payment: Payment) -> int:
    """What the payment is worth now: refunds and disputes take their share, rounded down."""
    kept = max(payment.amount - max(payment.refunded, payment.disputed), 0)
    return payment.credits * kept // payment.amount if payment.amount else 0


def _settled(payment: Payment) -> Payment:
    difference = credits_due(payment) - payment.granted
    if difference and payment.user is not None:
        _move(payment.user, payment, difference)
        payment.granted += difference
    payment.save()
    return payment


def _move(user: User, payment: Payment, difference: int) -> None:
    name = payment.plan.name if payment.plan else "Payment"
    details: JSONDict = {"payment": payment.stripe_id, "plan": payment.plan_id}
    if difference > 0:
        credit(
            user=user,
            amount=difference,
            kind=LedgerEntry.Kind.PAYMENT,
            reason=name,
            details=details,
        )
    else:
        take_back(user=user, amount=-difference, reason=f"{name}, paid back", details=details)
