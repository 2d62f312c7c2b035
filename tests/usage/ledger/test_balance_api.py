"""What a person is told of the credits they have."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, User
from accounts.services.groups import add_member
from tests.conftest import ClientFor
from tests.usage.ledger.machine import make_budget
from usage.ledger.movements import adjust, open_balance
from usage.ledger.pools import period_id
from usage.ledger.windows import window_of
from usage.models import Balance, BillingRules, BudgetPeriod

pytestmark = pytest.mark.django_db


def test_balance_is_204_without_a_body_while_there_are_none(
    alice: User, client_for: ClientFor
) -> None:
    answer = client_for(alice).get("/api/balance")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client_for(alice).get("/api/config").json()["balance"] == {"enabled": False}
    assert not Balance.objects.exists()


def test_balance_is_opened_when_it_is_first_asked_for(alice: User, client_for: ClientFor) -> None:
    BillingRules.objects.create(has_balances=True, start_credits=500)
    answer = client_for(alice).get("/api/balance")
    assert answer.json() == {"user": alice.pk, "tokenCredits": 500, "autoRefillEnabled": False}


def test_refill_is_told_where_there_is_one(alice: User, client_for: ClientFor) -> None:
    BillingRules.objects.create(has_balances=True, auto_refill=True, refill_credits=70)
    open_balance(alice)
    Balance.objects.update(last_refill_at=datetime(2026, 1, 1, tzinfo=UTC))
    refill = {"refillIntervalValue": 30, "refillIntervalUnit": "days", "refillAmount": 70}
    assert client_for(alice).get("/api/balance").json() == {
        "user": alice.pk, "tokenCredits": 20_000, "autoRefillEnabled": True,
        "lastRefill": "2026-01-01T00:00:00.000Z", **refill,
    }  # fmt: skip
    assert client_for(alice).get("/api/config").json()["balance"] == {
        "enabled": True, "startBalance": 20_000, "autoRefillEnabled": True, **refill,
    }  # fmt: skip


def test_everybody_sees_their_own_balance(
    alice: User, bob: User, client_for: ClientFor, stranger: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    BillingRules.objects.create(has_balances=True, start_credits=0)
    adjust(user=alice, amount=7, reason="a gift", by=bob)
    assert client_for(bob).get("/api/balance").json()["tokenCredits"] == 0
    client = client_for(alice)
    with django_assert_num_queries(3):  # the person, the stamp, the balance
        assert client.get("/api/balance").json()["tokenCredits"] == 7
    assert stranger.get("/api/balance").status_code == 401


def used(budget: Any, credits: int) -> None:
    start, end = window_of(budget.window, datetime.now(UTC))
    BudgetPeriod.objects.create(
        id=period_id(budget.pk, start), budget=budget, starts_at=start, ends_at=end, used=credits
    )


def test_limits_list_every_budget_on_the_way_and_the_tightest(
    alice: User, bob: User, client_for: ClientFor, stranger: Client
) -> None:
    company = Group.objects.create(name="Company", slug="company")
    sales = Group.objects.create(name="Sales", slug="sales", parent=company)
    add_member(actor=None, group=sales, user=alice)
    used(make_budget(1000, "group", str(company.pk), name="All of it"), 950)
    used(make_budget(500, "group", str(sales.pk)), 100)
    make_budget(200, "user", bob.pk)
    told = client_for(alice).get("/api/usage/limits").json()
    found = {limit["owner"]: (limit["used"], limit["limit"]) for limit in told["limits"]}
    assert found == {"the group Sales": (100, 500), "the group Company": (950, 1000)}
    (worst,) = [limit for limit in told["limits"] if limit["key"] == told["tightest"]]
    assert (worst["name"], worst["remaining"], worst["window"]) == ("All of it", 50, "month")
    own = client_for(bob).get("/api/usage/limits").json()
    assert [limit["owner"] for limit in own["limits"]] == ["you"]
    assert stranger.get("/api/usage/limits").status_code == 401
