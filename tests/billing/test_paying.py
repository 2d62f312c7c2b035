"""The way to pay, and what people see of what they paid."""

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from billing.models import Customer, Plan, Voucher
from billing.money import money
from billing.services.vouchers import create_vouchers
from tests.billing.fake_stripe import FakeStripe, send
from tests.billing.stripe_messages import NOW, balance_of, paid_checkout, subscription
from tests.conftest import ClientFor


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/api/billing/{path}", body or {}, content_type="application/json")


def test_plans_on_offer_are_listed_in_order(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan, monthly: Plan
) -> None:
    Plan.objects.create(name="Old", amount=1, credits=1, is_active=False)
    plans = client_for(alice).get("/api/billing/plans").json()["plans"]
    assert [plan["name"] for plan in plans] == ["Five dollars", "Team"]
    assert plans[0] == {
        "id": top_up.pk, "name": "Five dollars", "description": "", "amount": 500,
        "currency": "usd", "interval": "once", "credits": 5_000_000,
    }  # fmt: skip


def test_nothing_is_offered_when_payments_are_not_set_up(
    alice: User, client_for: ClientFor, top_up: Plan
) -> None:
    client = client_for(alice)
    assert client.get("/api/billing/plans").json() == {"plans": []}
    assert post(client, "checkout", {"planId": top_up.pk}).status_code == 404
    assert post(client, "portal").status_code == 404


def test_checkout_names_person_plan_and_price(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan, settings: Settings
) -> None:
    settings.DOMAIN_CLIENT = "https://chat.example.com"
    answer = post(client_for(alice), "checkout", {"planId": top_up.pk})
    assert answer.json() == {"url": "https://checkout.stripe.test/cs_1"}
    (form,) = fake_stripe.asked("/v1/checkout/sessions")
    expected = {
        "mode": "payment", "customer": "cus_1", "client_reference_id": alice.pk,
        "line_items[0][price_data][unit_amount]": "500", "metadata[plan_id]": top_up.pk,
        "metadata[credits]": "5000000", "payment_intent_data[metadata][user_id]": alice.pk,
        "success_url": "https://chat.example.com/billing?paid=1",
    }  # fmt: skip
    assert expected.items() <= form.items()


def test_subscription_is_bought_at_the_price_made_at_stripe(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, monthly: Plan
) -> None:
    post(client_for(alice), "checkout", {"planId": monthly.pk})
    (form,) = fake_stripe.asked("/v1/checkout/sessions")
    expected = {
        "mode": "subscription", "line_items[0][price]": "price_team",
        "subscription_data[metadata][plan_id]": monthly.pk,
    }  # fmt: skip
    assert expected.items() <= form.items()


def test_person_is_one_customer_however_often_they_pay(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan
) -> None:
    for _ in range(2):
        post(client_for(alice), "checkout", {"planId": top_up.pk})
    assert len(fake_stripe.asked("/v1/customers")) == 1
    assert Customer.objects.get().user == alice


def test_second_subscription_to_a_plan_is_refused(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, monthly: Plan
) -> None:
    send(subscription(alice, monthly, "active", NOW))
    assert post(client_for(alice), "checkout", {"planId": monthly.pk}).status_code == 409


def test_portal_is_opened_for_who_has_paid(
    alice: User, bob: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan
) -> None:
    send(paid_checkout(alice, top_up))
    answer = post(client_for(alice), "portal")
    assert answer.json() == {"url": "https://billing.stripe.test/1"}
    assert fake_stripe.asked("/v1/billing_portal/sessions")[0]["customer"] == f"cus_{alice.pk}"
    assert post(client_for(bob), "portal").status_code == 404


def test_person_is_told_when_stripe_is_down(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan
) -> None:
    fake_stripe.is_down = True
    answer = post(client_for(alice), "checkout", {"planId": top_up.pk})
    assert answer.status_code == 502
    assert "try again" in answer.json()["message"]
    assert not Customer.objects.exists()


@pytest.mark.parametrize("body", [{}, {"planId": 7}, {"planId": "\x00"}, {"planId": "x"}, []])
def test_checkout_of_no_plan_is_refused(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, body: Any
) -> None:
    assert post(client_for(alice), "checkout", body).status_code in (400, 404)


def test_everybody_sees_their_own_payments(
    alice: User,
    bob: User,
    client_for: ClientFor,
    top_up: Plan,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for name in "123":
        send(paid_checkout(alice, top_up, name))
    client = client_for(alice)
    with django_assert_num_queries(3):  # the caller, payments, subscriptions
        listed = client.get("/api/billing/invoices").json()
    assert [row["credits"] for row in listed["payments"]] == [5_000_000] * 3
    others = client_for(bob).get("/api/billing/invoices").json()
    assert others == {"payments": [], "subscriptions": []}


def test_checkouts_are_limited(
    alice: User, client_for: ClientFor, fake_stripe: FakeStripe, top_up: Plan, settings: Settings
) -> None:
    settings.CHECKOUT_MAX = 1
    client = client_for(alice)
    statuses = [post(client, "checkout", {"planId": top_up.pk}).status_code for _ in range(2)]
    assert statuses == [200, 429]


# -- The administration ------------------------------------------------------------------------


def test_admin_makes_vouchers_whose_codes_are_shown_once(
    admin_client: Client, alice: User, client_for: ClientFor
) -> None:
    form = {"count": "3", "credits": "1000000", "uses": "1", "note": "For the team"}
    page = admin_client.post(reverse("admin:billing_voucher_add"), form).content.decode()
    codes = page.partition('id="codes">')[2].partition("</pre>")[0].split()
    assert len(codes) == Voucher.objects.count() == 3
    assert (
        codes[0]
        not in admin_client.get(reverse("admin:billing_voucher_changelist")).content.decode()
    )
    assert post(client_for(alice), "vouchers/redeem", {"code": codes[0]}).status_code == 200
    assert balance_of(alice) == 1_000_000


@pytest.mark.parametrize("model", ["plan", "voucher", "payment", "subscription", "stripeevent"])
def test_admin_pages_open(admin_client: Client, alice: User, monthly: Plan, model: str) -> None:
    send(subscription(alice, monthly, "active", NOW))
    send(paid_checkout(alice, monthly))
    create_vouchers(count=1, credits=1, uses=1, expires_at=None, note="")
    row = apps.get_model("billing", model)._default_manager.first()
    assert row is not None
    pages = [
        reverse(f"admin:billing_{model}_changelist"),
        reverse(f"admin:billing_{model}_change", args=[row.pk]),
    ]
    assert [admin_client.get(page).status_code for page in pages] == [200, 200]


def test_staff_without_the_right_sees_no_payments(alice: User, client: Client) -> None:
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    assert client.get(reverse("admin:billing_payment_changelist")).status_code == 403


def test_page_lets_nothing_of_elsewhere_in() -> None:
    page = Client().get("/billing")
    assert page.status_code == 200
    assert "default-src 'none'" in page["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (500, "usd", "5.00 USD"),
        (5, "eur", "0.05 EUR"),
        (123456, "usd", "1,234.56 USD"),
        (500, "jpy", "500 JPY"),
    ],
)
def test_money_is_written_in_its_currency(amount: int, currency: str, words: str) -> None:
    assert money(amount, currency) == words
