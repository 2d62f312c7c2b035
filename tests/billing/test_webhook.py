"""Stripe's messages, signed as Stripe signs them: credited exactly once, or refused."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, Membership, User
from billing.models import Customer, Payment, Plan, StripeEvent, Subscription
from billing.services.payments import credits_due
from librechat_backend.lib.json import BODY_LIMIT_BYTES
from tests.billing.fake_stripe import event, send, signature_of
from tests.factories import UserFactory
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


# -- Signatures --------------------------------------------------------------------------------


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


# -- Once --------------------------------------------------------------------------------------


def test_credits_are_given_once_when_the_message_comes_again(alice: User, top_up: Plan) -> None:
    message = paid_checkout(alice, top_up)
    again = {**message, "id": "evt_another_about_the_same"}
    assert [send(each).status_code for each in (message, message, again)] == [200, 200, 200]
    assert balance_of(alice) == 5_000_000


@pytest.mark.django_db(transaction=True)
def test_credits_are_given_once_when_messages_come_at_the_same_time(
    alice: User, top_up: Plan
) -> None:
    messages = [paid_checkout(alice, top_up)] * 4 + [
        {**paid_checkout(alice, top_up), "id": f"evt_{number}"} for number in range(4)
    ]

    def sent(message: Any) -> int:
        try:
            return int(send(message).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(sent, messages))
    # Stripe sends again what met a locked database.
    assert set(statuses) <= {200, 500}
    assert 200 in statuses
    assert balance_of(alice) == 5_000_000


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_messages_changes_nothing(
    alice: User, top_up: Plan, order: tuple[int, ...]
) -> None:
    messages = [paid_checkout(alice, top_up), refund(200), refund(100)]
    for index in order:
        assert send(messages[index]).status_code == 200
    assert balance_of(alice) == 3_000_000
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(("status", "left"), [("won", 5_000_000), ("lost", 0)])
def test_dispute_takes_the_credits_unless_it_is_won(
    alice: User, top_up: Plan, order: tuple[int, ...], status: str, left: int
) -> None:
    messages = [
        paid_checkout(alice, top_up),
        dispute("created", "needs_response", NOW),
        dispute("closed", status, NOW + 60),
    ]
    for index in order:
        send(messages[index])
    assert balance_of(alice) == left


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.lists(st.integers(0, 5), max_size=14))
def test_credits_follow_from_what_was_heard_alone(
    alice: User, top_up: Plan, order: list[int]
) -> None:
    """Whatever came, how often and in which order."""
    user = UserFactory.create()
    name = user.pk
    amounts = {2: 100, 3: 200, 4: 500}
    for index in order:
        if index in amounts:
            send({**refund(amounts[index], name)})
        elif index == 5:
            send(dispute("created", "needs_response", NOW, name))
        else:
            send(paid_checkout(user, top_up, name))
    back = max([amounts.get(index, 500 if index == 5 else 0) for index in order], default=0)
    is_paid = bool({0, 1} & set(order))
    assert balance_of(user) == (top_up.credits * (500 - back) // 500 if is_paid else 0)


# -- What was bought ---------------------------------------------------------------------------


def test_nothing_is_given_before_the_money_is_there(alice: User, top_up: Plan) -> None:
    send(paid_checkout(alice, top_up, payment_status="unpaid"))
    assert balance_of(alice) == 0
    later = paid_checkout(alice, top_up)
    send({**later, "id": "evt_later", "type": "checkout.session.async_payment_succeeded"})
    assert balance_of(alice) == 5_000_000


def test_what_was_offered_counts_when_the_plan_changed_meanwhile(alice: User, top_up: Plan) -> None:
    message = paid_checkout(alice, top_up)
    Plan.objects.update(credits=1)
    send(message)
    assert balance_of(alice) == 5_000_000


def test_each_invoice_of_a_subscription_brings_credits(alice: User, monthly: Plan) -> None:
    send(subscription(alice, monthly, "active", NOW))
    for number in ("1", "2", "2"):
        send(paid_invoice(alice, monthly, number))
    assert balance_of(alice) == 40_000_000


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_invoice_is_refunded_by_its_payment_intent(
    alice: User, monthly: Plan, order: tuple[int, ...]
) -> None:
    """Which newer versions of the interface tell in a message of its own."""
    link = {
        "id": "inpay_1", "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    }  # fmt: skip
    messages = [
        paid_invoice(alice, monthly),
        event("invoice_payment.paid", link),
        refund(1000),
    ]
    for index in order:
        assert send(messages[index]).status_code == 200
    assert balance_of(alice) == 10_000_000


def test_older_form_of_an_invoice_is_read(alice: User, monthly: Plan) -> None:
    Customer.objects.create(user=alice, stripe_id="cus_old")
    message = paid_invoice(
        alice,
        monthly,
        lines={"data": [{"price": {"id": "price_team"}}]},
        parent=None,
        subscription="sub_1",
        customer="cus_old",
        payment_intent="pi_1",
    )
    send(message)
    send(refund(2000))
    assert balance_of(alice) == 0
    assert Payment.objects.get().amount == 2000


def test_change_between_plans_brings_the_part_that_was_paid(alice: User, monthly: Plan) -> None:
    send(paid_invoice(alice, monthly, billing_reason="subscription_update", amount_paid=500))
    assert balance_of(alice) == 5_000_000


def test_payment_stays_in_the_books_when_the_person_has_gone(alice: User, top_up: Plan) -> None:
    message = paid_checkout(alice, top_up)
    alice.delete()
    assert send(message).status_code == 200
    assert Payment.objects.get().granted == 0


# -- Subscriptions and groups ------------------------------------------------------------------


@pytest.fixture
def team(monthly: Plan) -> Group:
    monthly.group = Group.objects.create(name="Team", slug="team")
    monthly.save()
    return monthly.group


def is_member(user: User, group: Group) -> bool:
    return Membership.objects.filter(user=user, group=group).exists()


def test_subscribers_are_in_the_group_while_they_pay(
    alice: User, monthly: Plan, team: Group
) -> None:
    send(subscription(alice, monthly, "active", NOW))
    assert is_member(alice, team)
    send(subscription(alice, monthly, "past_due", NOW + 1))
    assert is_member(alice, team)
    send(subscription(alice, monthly, "canceled", NOW + 2))
    assert not is_member(alice, team)


def test_end_of_a_subscription_holds_when_older_messages_come_late(
    alice: User, monthly: Plan, team: Group
) -> None:
    send(subscription(alice, monthly, "canceled", NOW + 9))
    send(subscription(alice, monthly, "active", NOW))
    send(subscription(alice, monthly, "active", NOW + 9))
    assert not is_member(alice, team)
    assert Subscription.objects.get().status == "canceled"


def test_member_by_hand_stays_when_the_subscription_ends(
    alice: User, monthly: Plan, team: Group
) -> None:
    Membership.objects.create(user=alice, group=team)
    send(subscription(alice, monthly, "active", NOW))
    send(subscription(alice, monthly, "canceled", NOW + 1))
    assert is_member(alice, team)


def test_group_follows_when_the_plan_is_changed(alice: User, monthly: Plan, team: Group) -> None:
    other = Plan.objects.create(
        name="Small", amount=100, credits=1, interval="month", stripe_price_id="price_small"
    )
    send(subscription(alice, monthly, "active", NOW))
    send(subscription(alice, other, "active", NOW + 1))
    assert Subscription.objects.get().plan == other
    assert not is_member(alice, team)


@given(
    amount=st.integers(0, 10**9),
    refunded=st.integers(0, 10**9),
    disputed=st.integers(0, 10**9),
    credits=st.integers(0, 10**12),
)
def test_credits_of_a_payment_lie_between_none_and_all(
    amount: int, refunded: int, disputed: int, credits: int
) -> None:
    payment = Payment(amount=amount, refunded=refunded, disputed=disputed, credits=credits)
    assert 0 <= credits_due(payment) <= credits
    if amount and not refunded and not disputed:
        assert credits_due(payment) == credits


def test_credits_are_given_once_when_a_checkout_has_an_invoice_too(
    alice: User, top_up: Plan
) -> None:
    send(paid_checkout(alice, top_up))
    mark = {"user_id": alice.pk, "plan_id": top_up.pk}
    send(paid_invoice(alice, top_up, payment_intent="pi_1", metadata=mark, lines={}, parent=None))
    assert balance_of(alice) == 5_000_000
