"""Stripe's messages, signed as Stripe signs them: credited exactly once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, Membership, User
from billing.models import Customer, Payment, Plan, Subscription
from billing.services.payments import credits_due
from tests.billing.fake_stripe import event, send
from tests.billing.stripe_messages import (
    NOW,
    balance_of,
    dispute,
    paid_checkout,
    paid_invoice,
    refund,
    subscription,
)
from tests.factories import UserFactory

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
