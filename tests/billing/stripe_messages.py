"""What Stripe tells of payments, and what a person has of them."""

import time
from typing import Any

from django.db.models import Sum

from accounts.models import User
from billing.models import Plan
from tests.billing.fake_stripe import event
from usage.models import Balance, LedgerEntry

NOW = int(time.time())


def paid_checkout(user: User, plan: Plan, name: str = "1", **changes: Any) -> Any:
    mark = {"user_id": user.pk, "plan_id": plan.pk, "credits": str(plan.credits)}
    session = {
        "id": f"cs_{name}", "object": "checkout.session", "mode": "payment",
        "payment_status": "paid", "payment_intent": f"pi_{name}", "customer": f"cus_{user.pk}",
        "client_reference_id": user.pk, "amount_total": plan.amount, "currency": "usd",
        "metadata": mark,
    }  # fmt: skip
    return event("checkout.session.completed", session | changes)


def refund(amount: int, name: str = "1") -> Any:
    charge = {"id": f"ch_{name}", "payment_intent": f"pi_{name}", "amount_refunded": amount}
    return event("charge.refunded", charge, event_id=f"evt_refund_{name}_{amount}")


def dispute(kind: str, status: str, created: int, name: str = "1") -> Any:
    subject = {"id": f"dp_{name}", "payment_intent": f"pi_{name}", "amount": 500, "status": status}
    return event(f"charge.dispute.{kind}", subject, created=created)


def subscription(user: User, plan: Plan, status: str, created: int, name: str = "1") -> Any:
    item = {"price": {"id": plan.stripe_price_id}, "current_period_end": NOW + 86_400}
    subject = {
        "id": f"sub_{name}", "status": status, "cancel_at_period_end": False,
        "customer": f"cus_{user.pk}", "items": {"data": [item]},
        "metadata": {"user_id": user.pk, "plan_id": plan.pk},
    }  # fmt: skip
    kind = "deleted" if status == "canceled" else "updated"
    return event(f"customer.subscription.{kind}", subject, created=created)


def paid_invoice(user: User, plan: Plan, name: str = "1", **changes: Any) -> Any:
    line = {"pricing": {"price_details": {"price": plan.stripe_price_id}}}
    details = {"subscription": "sub_1", "metadata": {"user_id": user.pk, "plan_id": plan.pk}}
    invoice = {
        "id": f"in_{name}", "object": "invoice", "amount_paid": plan.amount, "currency": "usd",
        "billing_reason": "subscription_cycle", "lines": {"data": [line]},
        "parent": {"subscription_details": details},
        "hosted_invoice_url": "https://invoice.stripe.test/1",
    }  # fmt: skip
    return event("invoice.paid", invoice | changes)


def balance_of(user: User) -> int:
    """As the ledger and the balance both say."""
    entries = LedgerEntry.objects.filter(user=user).aggregate(sum=Sum("amount"))["sum"] or 0
    held = Balance.objects.filter(user=user).values_list("credits", flat=True).first() or 0
    assert entries == held
    return held
