"""Stripe's messages that are forged, broken, odd or about something else."""

import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from billing.models import Customer, Payment, Plan, StripeEvent, Subscription
from librechat_backend.lib.json import BODY_LIMIT_BYTES
from tests.billing.fake_stripe import event, send, signature_of
from tests.billing.stripe_messages import NOW, balance_of, paid_checkout, subscription


def test_credits_are_given_when_a_checkout_is_paid(alice: User, top_up: Plan) -> None:
    answer = send(paid_checkout(alice, top_up))
    assert answer.status_code == 200
    assert answer.json() == {"received": True, "outcome": "5000000 credits"}
    assert balance_of(alice) == 5_000_000


@pytest.mark.parametrize(
    "signing", [{"secret": "whsec_of_another"}, {"at": time.time() - 301}, {"secret": "x"}]
)
def test_forged_or_recorded_message_is_refused(alice: User, top_up: Plan, signing: Any) -> None:
    assert send(paid_checkout(alice, top_up), **signing).status_code == 400
    assert balance_of(alice) == 0
    assert not StripeEvent.objects.exists()


def test_signature_of_another_body_is_refused(alice: User, top_up: Plan) -> None:
    signature = signature_of(b'{"id": "evt_1"}')
    answer = Client().post(
        "/api/billing/webhook",
        paid_checkout(alice, top_up),
        content_type="application/json",
        headers={"stripe-signature": signature},
    )
    assert answer.status_code == 400
    assert balance_of(alice) == 0


@pytest.mark.parametrize(
    "header", ["", "t=,v1=", "v1=abc", "t=x,v1=\u00e9", "t=1,v1=\u00e9", "t=1" * 1000, ",=,"]
)
def test_garbage_in_place_of_a_signature_is_refused(header: str) -> None:
    answer = Client().post(
        "/api/billing/webhook",
        {},
        content_type="application/json",
        headers={"stripe-signature": header},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "message", [[], {}, {"id": "evt_1", "type": "invoice.paid"}, {"id": 1, "type": "x", "data": {}}]
)
def test_signed_garbage_is_refused(message: Any) -> None:
    assert send(message).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": 1e400}', b"[" * 100_000])
def test_signed_body_that_is_no_json_is_refused(body: bytes) -> None:
    answer = Client().post(
        "/api/billing/webhook",
        body,
        content_type="application/json",
        headers={"stripe-signature": signature_of(body)},
    )
    assert answer.status_code == 400


def test_body_above_the_limit_is_refused() -> None:
    answer = Client().post(
        "/api/billing/webhook", b"x" * (BODY_LIMIT_BYTES + 1), content_type="application/json"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "changes",
    [{"amount_total": 10**15 + 1}, {"amount_total": 2**64 - 1}, {"id": "c" * 256}, {"id": ""},
     {"customer": "c" * 256}, {"payment_intent": {"id": "p" * 256}}],
)  # fmt: skip
def test_payment_no_column_holds_is_refused_whole(
    alice: User, top_up: Plan, changes: dict[str, Any]
) -> None:
    """It was a 500; and what is refused can be sent again."""
    assert send(paid_checkout(alice, top_up, **changes)).status_code == 400
    assert not StripeEvent.objects.exists()
    assert not Payment.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("moment", [253_402_300_800, 10**15, 2**63])
def test_times_no_calendar_has_are_refused(alice: User, monthly: Plan, moment: int) -> None:
    assert send(subscription(alice, monthly, "active", moment)).status_code == 400
    late = subscription(alice, monthly, "active", NOW)
    late["data"]["object"]["current_period_end"] = moment
    assert send(late).status_code == 400
    assert not Subscription.objects.exists()


def test_long_status_is_cut(alice: User, monthly: Plan) -> None:
    answer = send(subscription(alice, monthly, "s" * 1000, NOW))
    assert answer.json()["outcome"] == "s" * 30


@pytest.mark.parametrize("kind", ["checkout.session.completed", "invoice.paid", "charge.refunded",
    "charge.dispute.created", "customer.subscription.updated", "invoice_payment.paid", "x.y"],
)  # fmt: skip
def test_message_about_something_else_of_the_account_is_taken_as_nothing(kind: str) -> None:
    subject: dict[str, Any] = {"id": "x_1", "lines": {"data": [7]}, "items": None, "metadata": []}
    assert send(event(kind, subject)).status_code == 200
    assert not Payment.objects.exists()


def test_nothing_is_taken_without_a_secret(settings: Any, alice: User, top_up: Plan) -> None:
    settings.STRIPE_WEBHOOK_SECRET = []
    assert send(paid_checkout(alice, top_up)).status_code == 404
