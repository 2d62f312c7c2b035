"""What Stripe's messages mean. Each is taken in once, whole or not at all.

Facts about Stripe's objects: docs.stripe.com/api. Where a member moved between versions of its
API, both places are read, because an account's webhook keeps the version it was made with.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from django.db import transaction

from accounts.models import User
from billing.models import Customer, Plan, StripeEvent, Subscription
from billing.services.payments import Paid, note_disputed, note_intent, note_paid, note_refunded
from billing.services.subscriptions import SubscriptionState, note_subscription
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

log = structlog.get_logger(__name__)

NOT_OURS = "nothing of ours"
_MOST_ID_CHARACTERS = 255
# In the currency's smallest unit; far beyond any payment, and sums of it still fit a column.
_MOST = 10**15
_LAST_SECOND = 253_402_300_799  # of the year 9999


@transaction.atomic
def take_in(event: JSONDict) -> str:
    """The outcome, in words. Raises InvalidRequest for what is no event, or cannot be stored."""
    event_id, kind = _id(event.get("id")), _text(event.get("type"))
    subject = _at(event, "data", "object")
    if not event_id or not kind or not isinstance(subject, dict):
        raise InvalidRequest("This is no event.")
    happened_at = _moment(event.get("created")) or datetime.now(UTC)
    row, is_new = StripeEvent.objects.get_or_create(
        id=event_id, defaults={"kind": kind[:100], "created_at": happened_at}
    )
    if not is_new:
        return row.outcome
    handle = _HANDLERS.get(kind)
    row.outcome = handle(subject, happened_at) if handle else NOT_OURS
    row.save(update_fields=["outcome"])
    log.info("stripe_event", id=event_id, kind=kind, outcome=row.outcome)
    return row.outcome


# -- Payments ----------------------------------------------------------------------------------


def _checkout(session: JSONDict, happened_at: datetime) -> str:
    """A checkout that was paid. Of a subscription the invoices are paid, not the checkout."""
    user, plan = _buyer(session), _plan(session)
    _remember_customer(session, user)
    if session.get("mode") != "payment" or session.get("payment_status") != "paid":
        return "no payment yet"
    if plan is None:
        return NOT_OURS
    payment = note_paid(
        Paid(
            stripe_id=_own_id(session),
            payment_intent=_id(session.get("payment_intent")),
            user=user,
            plan=plan,
            amount=_whole(session.get("amount_total")),
            currency=_text(session.get("currency"))[:3],
            credits=_bought(session, plan),
        )
    )
    return f"{payment.granted} credits"


def _invoice_paid(invoice: JSONDict, happened_at: datetime) -> str:
    user, plan = _buyer(invoice), _plan_of_invoice(invoice)
    if plan is None:
        return NOT_OURS
    amount = _whole(invoice.get("amount_paid"))
    payment = note_paid(
        Paid(
            stripe_id=_own_id(invoice),
            payment_intent=_id(invoice.get("payment_intent")),
            user=user,
            plan=plan,
            amount=amount,
            currency=_text(invoice.get("currency"))[:3],
            credits=_bought_by_invoice(invoice, plan, amount),
            document_url=_text(invoice.get("hosted_invoice_url"))[:1024],
        )
    )
    return f"{payment.granted} credits"


def _bought_by_invoice(invoice: JSONDict, plan: Plan, amount: int) -> int:
    """A change between two plans is paid in part, and brings that part of the credits."""
    if invoice.get("billing_reason") != "subscription_update":
        return plan.credits
    return min(plan.credits * amount // plan.amount, plan.credits)


def _invoice_payment(payment: JSONDict, happened_at: datetime) -> str:
    """Newer versions tell here which payment intent paid an invoice."""
    invoice = _id(payment.get("invoice"))
    intent = _id(_at(payment, "payment", "payment_intent"))
    if not invoice or not intent:
        return NOT_OURS
    note_intent(stripe_id=invoice, payment_intent=intent)
    return "noted"


def _charge_refunded(charge: JSONDict, happened_at: datetime) -> str:
    intent = _id(charge.get("payment_intent"))
    if not intent:
        return NOT_OURS
    refunded = _whole(charge.get("amount_refunded"))
    payment = note_refunded(payment_intent=intent, refunded=refunded)
    return f"{payment.granted} credits are left of it"


def _dispute(dispute: JSONDict, happened_at: datetime) -> str:
    intent = _id(dispute.get("payment_intent"))
    if not intent:
        return NOT_OURS
    is_won = dispute.get("status") in ("won", "warning_closed")
    amount = 0 if is_won else _whole(dispute.get("amount"))
    payment = note_disputed(payment_intent=intent, disputed=amount, at=happened_at)
    return f"{payment.granted} credits are left of it"


# -- Subscriptions -----------------------------------------------------------------------------


def _subscription(subscription: JSONDict, happened_at: datetime) -> str:
    user, plan = _buyer(subscription), _plan_of_subscription(subscription)
    if user is None or plan is None:
        return NOT_OURS
    item = _first(_at(subscription, "items", "data"))
    period_end = subscription.get("current_period_end") or item.get("current_period_end")
    status = _text(subscription.get("status"))[:30]
    is_news = note_subscription(
        SubscriptionState(
            stripe_id=_own_id(subscription),
            user=user,
            plan=plan,
            status=status,
            ends_with_period=subscription.get("cancel_at_period_end") is True,
            period_ends_at=_moment(period_end),
            changed_at=happened_at,
        )
    )
    return status if is_news else "older than what is known"


_HANDLERS: dict[str, Callable[[JSONDict, datetime], str]] = {
    "checkout.session.completed": _checkout,
    "checkout.session.async_payment_succeeded": _checkout,
    "invoice.paid": _invoice_paid,
    "invoice_payment.paid": _invoice_payment,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
}


# -- Whose, and which plan ---------------------------------------------------------------------


def _buyer(subject: JSONDict) -> User | None:
    """By our own mark first: a customer may be shared or made anew at Stripe."""
    named = _text(_metadata(subject).get("user_id")) or _text(subject.get("client_reference_id"))
    found = User.objects.filter(pk=named).first() if named else None
    if found is not None:
        return found
    customer = Customer.objects.filter(stripe_id=_id(subject.get("customer")))
    known = customer.select_related("user").first()
    return known.user if known else None


def _remember_customer(session: JSONDict, user: User | None) -> None:
    customer = _id(session.get("customer"))
    if customer and user and not Customer.objects.filter(stripe_id=customer).exists():
        Customer.objects.update_or_create(user=user, defaults={"stripe_id": customer})


def _bought(session: JSONDict, plan: Plan) -> int:
    """What was offered when the person went to pay; the plan may have changed since."""
    named = _text(_metadata(session).get("credits"))
    return int(named) if named.isdecimal() and len(named) < 16 else plan.credits


def _plan(subject: JSONDict) -> Plan | None:
    plan_id = _text(_metadata(subject).get("plan_id"))
    return Plan.objects.filter(pk=plan_id).first() if plan_id else None


def _plan_at_price(price_id: str) -> Plan | None:
    return Plan.objects.filter(stripe_price_id=price_id).first() if price_id else None


def _plan_of_subscription(subscription: JSONDict) -> Plan | None:
    """By its price: who changes plans in the portal changes that, and not our mark."""
    item = _first(_at(subscription, "items", "data"))
    return _plan_at_price(_id(item.get("price"))) or _plan(subscription)


def _plan_of_invoice(invoice: JSONDict) -> Plan | None:
    """The newest line that is a plan's; else that of the subscription."""
    lines = _at(invoice, "lines", "data")
    for line in reversed(lines if isinstance(lines, list) else []):
        price = _id(_at(line, "pricing", "price_details", "price")) or _id(_at(line, "price"))
        plan = _plan_at_price(price)
        if plan is not None:
            return plan
    name = _id(_at(invoice, "parent", "subscription_details", "subscription"))
    name = name or _id(invoice.get("subscription"))
    known = Subscription.objects.filter(stripe_id=name).select_related("plan").first()
    return known.plan if known else _plan(invoice)


def _metadata(subject: JSONDict) -> JSONDict:
    """Of the thing itself; of an invoice, what was said of its subscription."""
    for path in (("metadata",), ("parent", "subscription_details", "metadata"),
                 ("subscription_details", "metadata")):  # fmt: skip
        found = _at(subject, *path)
        if isinstance(found, dict) and found:
            return found
    return {}


# -- Reading ------------------------------------------------------------------------------------


def _at(value: JSONValue, *path: str) -> JSONValue:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _first(value: JSONValue) -> JSONDict:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}


def _text(value: JSONValue) -> str:
    return value.replace("\x00", "") if isinstance(value, str) else ""


def _id(value: JSONValue) -> str:
    """Stripe writes the id alone, or the whole object in its place. Raises InvalidRequest."""
    found = _text(value.get("id") if isinstance(value, dict) else value)
    if len(found) > _MOST_ID_CHARACTERS:
        raise InvalidRequest("An id of this event is too long.")
    return found


def _own_id(subject: JSONDict) -> str:
    """Of what is stored under it. Raises InvalidRequest."""
    if not (found := _id(subject.get("id"))):
        raise InvalidRequest("What this event is about has no id.")
    return found


def _whole(value: JSONValue) -> int:
    """Raises InvalidRequest for an amount that no column holds."""
    if type(value) is not int:
        return 0
    if value > _MOST:
        raise InvalidRequest("A number of this event is too large.")
    return max(value, 0)


def _moment(value: JSONValue) -> datetime | None:
    seconds = _whole(value)
    if seconds > _LAST_SECOND:
        raise InvalidRequest("A time of this event is too far away.")
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
