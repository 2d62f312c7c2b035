"""Billing as programs and the billing page read it. Amounts in the smallest unit, credits whole."""

from billing.models import Payment, Plan, Subscription
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso
from usage.models import LedgerEntry


def plan_wire(plan: Plan) -> JSONDict:
    return {
        "id": plan.pk,
        "name": plan.name,
        "description": plan.description,
        "amount": plan.amount,
        "currency": plan.currency,
        "interval": plan.interval,
        "credits": plan.credits,
    }


def subscription_wire(subscription: Subscription) -> JSONDict:
    ends = subscription.period_ends_at
    return {
        "planId": subscription.plan_id,
        "name": subscription.plan.name,
        "status": subscription.status,
        "endsWithPeriod": subscription.ends_with_period,
        "periodEndsAt": to_iso(ends),
    }


def payment_wire(payment: Payment) -> JSONDict:
    return {
        "id": payment.pk,
        "createdAt": to_iso(payment.created_at),
        "name": payment.plan.name if payment.plan else "",
        "amount": payment.amount,
        "refunded": payment.refunded,
        "currency": payment.currency,
        "credits": payment.granted,
        "documentUrl": payment.document_url or None,
    }


def movement_wire(entry: LedgerEntry) -> JSONDict:
    return {"credits": entry.amount, "createdAt": to_iso(entry.created_at)}
