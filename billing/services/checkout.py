"""The way to Stripe's pages, where money is paid."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError

from accounts.models import User
from billing import stripe_api
from billing.models import Customer, Plan
from librechat_backend.lib.errors import Conflict, NotFound
from librechat_backend.lib.json import JSONDict

PAGE = "/billing"


def start_checkout(*, user: User, plan_id: str) -> str:
    """Where to pay. Raises NotFound, Conflict where the plan is had already, NotSetUp,
    StripeUnavailable."""
    stripe_api.client()
    plan = Plan.objects.filter(pk=plan_id, is_active=True).first()
    if plan is None:
        raise NotFound("This plan is not offered.")
    if plan.interval != Plan.Interval.ONCE and _has(user, plan):
        raise Conflict("You have this plan already.")
    return stripe_api.create_checkout(_checkout(user, plan, customer_of(user)))


def open_portal(*, user: User) -> str:
    """Raises NotFound for who never paid, NotSetUp, StripeUnavailable."""
    stripe_api.client()
    customer = Customer.objects.filter(user=user).first()
    if customer is None:
        raise NotFound("There is nothing to manage yet.")
    return stripe_api.create_portal(customer_id=customer.stripe_id, return_url=_page())


def customer_of(user: User) -> str:
    known = Customer.objects.filter(user=user).first()
    if known is not None:
        return known.stripe_id
    stripe_id = stripe_api.create_customer(user_id=user.pk, email=user.email, name=user.name)
    try:
        return Customer.objects.get_or_create(user=user, defaults={"stripe_id": stripe_id})[
            0
        ].stripe_id
    except IntegrityError as error:
        raise Conflict("Please try again.") from error


def _has(user: User, plan: Plan) -> bool:
    return user.subscriptions.filter(plan=plan, status__in=("active", "trialing")).exists()


def _checkout(user: User, plan: Plan, customer_id: str) -> JSONDict:
    mark: JSONDict = {"user_id": user.pk, "plan_id": plan.pk, "credits": str(plan.credits)}
    is_once = plan.interval == Plan.Interval.ONCE
    follow = "payment_intent_data" if is_once else "subscription_data"
    return {
        "mode": "payment" if is_once else "subscription",
        "customer": customer_id,
        "client_reference_id": user.pk,
        "line_items": [{"quantity": 1, **_price(plan)}],
        "metadata": mark,
        follow: {"metadata": mark},
        "success_url": _page("?paid=1"),
        "cancel_url": _page(),
    }


def _price(plan: Plan) -> JSONDict:
    if plan.stripe_price_id:
        return {"price": plan.stripe_price_id}
    data: dict[str, Any] = {
        "currency": plan.currency,
        "unit_amount": plan.amount,
        "product_data": {"name": plan.name},
    }
    if plan.interval != Plan.Interval.ONCE:
        data["recurring"] = {"interval": plan.interval}
    return {"price_data": data}


def _page(query: str = "") -> str:
    return f"{settings.DOMAIN_CLIENT}{PAGE}{query}"
