"""The pages of balances, budgets and the ledger in the administration."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, User
from gateway.services import create_token
from librechat_backend.lib.ids import new_object_id
from presets.models import Preset
from presets.services import save_preset
from tests.usage.ledger.machine import assert_rows_agree, make_budget, pool_of
from usage.entries import Face, RequestEntry, Share
from usage.ledger.leases import open_periods
from usage.ledger.movements import open_balance
from usage.ledger.pools import balance_pool, period_id
from usage.ledger.windows import window_of
from usage.models import Balance, BillingRules, Budget, BudgetPeriod, LedgerEntry, RequestLog
from usage.rows import write_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def add(name: str) -> str:
    return reverse(f"admin:usage_{name}_add")


def change(row: Any) -> str:
    return reverse(f"admin:usage_{row._meta.model_name}_change", args=[row.pk])


REFILL = {"refill_credits": 0, "refill_interval_value": 30, "refill_interval_unit": "days"}


def test_balance_is_changed_by_hand_with_a_reason(
    page: Client, alice: User, admin_user: User
) -> None:
    BillingRules.objects.create(start_credits=500)
    balance = open_balance(alice)
    data = {
        "usd": "-0.0002", "reason": "A mistake.", "auto_refill": "unknown", **REFILL,
        "last_refill_at_0": "2026-01-01", "last_refill_at_1": "00:00",
    }  # fmt: skip
    refused = page.post(change(balance), data | {"reason": ""})
    assert "Say why." in refused.content.decode()
    assert page.post(change(balance), data).status_code == 302
    balance.refresh_from_db()
    assert balance.credits == 300
    entry = LedgerEntry.objects.get(kind="adjustment")
    assert (entry.amount, entry.by, entry.reason) == (-200, admin_user, "A mistake.")
    assert "$0.0003" in page.get(change(balance)).content.decode()


def budget_form(**fields: Any) -> dict[str, Any]:
    return {
        "name": "", "window": "month", "is_active": "on", "limit": "2.5", "extra": "",
        "fallback_preset": "", **fields,
    }  # fmt: skip


def test_budget_is_made_for_who_is_picked(page: Client, alice: User) -> None:
    sales = Group.objects.create(name="Sales", slug="sales")
    key = create_token(user=alice, name="Reports").token
    for fields in (
        {"owner_kind": "everyone"},
        {"owner_kind": "user", "person": alice.pk},
        {"owner_kind": "group", "group": sales.pk},
        {"owner_kind": "token", "key": key.prefix},
    ):
        answer = page.post(add("budget"), budget_form(**fields))
        assert answer.status_code == 302, answer.context["adminform"].errors
    made = set(Budget.objects.values_list("owner_kind", "owner_id", "limit_credits"))
    assert made == {
        ("everyone", "", 2_500_000), ("user", alice.pk, 2_500_000),
        ("group", str(sales.pk), 2_500_000), ("token", key.pk, 2_500_000),
    }  # fmt: skip
    shown = page.get(reverse("admin:usage_budget_changelist")).content.decode()
    for name in ("everyone together", "person alice@example.com", "group Sales"):
        assert name in shown
    for budget in Budget.objects.all():
        assert page.get(change(budget)).status_code == 200


def test_budget_names_who_answers_when_it_is_used_up(page: Client) -> None:
    save_preset(
        actor=None,
        preset=None,
        fields={"slug": "small", "name": "Small", "endpoint": "Demo", "model": "demo-echo"},
    )
    form = page.get(add("budget")).content.decode()
    assert '<option value="small">Small (small)</option>' in form
    assert "nobody: the call is refused" in form
    fields = budget_form(owner_kind="everyone", fallback_preset="small")
    assert page.post(add("budget"), fields).status_code == 302
    budget = Budget.objects.get()
    assert budget.fallback_preset == "small"
    fields["fallback_preset"] = "unknown"
    assert "Select a valid choice" in page.post(change(budget), fields).content.decode()
    # A preset that is gone stays to be seen, and can be taken out.
    Preset.objects.all().delete()
    assert (
        '<option value="small" selected>small</option>' in page.get(change(budget)).content.decode()
    )


def test_budget_without_an_owner_or_a_second_one_is_refused(page: Client, alice: User) -> None:
    answer = page.post(add("budget"), budget_form(owner_kind="user"))
    assert "Choose whose budget this is." in answer.content.decode()
    answer = page.post(add("budget"), budget_form(owner_kind="token", key="sk-unknown"))
    assert "No API key begins like this." in answer.content.decode()
    make_budget(1, "user", alice.pk)
    answer = page.post(add("budget"), budget_form(owner_kind="user", person=alice.pk))
    assert "There is such a budget already" in answer.content.decode()
    assert Budget.objects.count() == 1


def test_budget_gets_more_once_until_its_window_ends(page: Client) -> None:
    budget = make_budget(1_000_000, window="day")
    answer = page.post(
        change(budget), budget_form(owner_kind="everyone", window="day", limit="1", extra="0.5")
    )
    assert answer.status_code == 302
    budget.refresh_from_db()
    now = datetime.now(UTC)
    end = window_of("day", now)[1]
    assert end is not None
    assert (budget.extra_until, budget.limit_at(now), budget.limit_at(end)) == (
        end, 1_500_000, 1_000_000,
    )  # fmt: skip


def test_list_of_budgets_shows_what_is_used_with_few_queries(
    page: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for person in (alice, bob):
        budget = make_budget(2_000_000, "user", person.pk)
        start, end = window_of("month", datetime.now(UTC))
        BudgetPeriod.objects.create(
            id=period_id(budget.pk, start), budget=budget, starts_at=start, ends_at=end,
            used=500_000,
        )  # fmt: skip
    address = reverse("admin:usage_budget_changelist")
    page.get(address)
    with django_assert_num_queries(7):
        shown = page.get(address).content.decode()
    assert shown.count("$0.50 of $2.00") == 2


def test_entries_cannot_be_changed(page: Client, alice: User) -> None:
    open_balance(alice)
    entry = LedgerEntry.objects.get()
    shown = page.get(change(entry)).content.decode()
    assert "+$0.02" in shown
    assert page.post(change(entry), {"amount": 5}).status_code == 403
    assert page.get(add("ledgerentry")).status_code == 403
    assert "alice@example.com" in page.get(
        f"{reverse('admin:usage_ledgerentry_changelist')}?user__id__exact={alice.pk}"
    ).content.decode()  # fmt: skip
    entry.refresh_from_db()
    assert entry.amount == Balance.objects.get().credits == 20_000


def test_request_is_refunded_once_with_a_reason_when_it_was_paid(
    page: Client, alice: User, admin_user: User
) -> None:
    balance, entry, period = a_paid_request(alice)
    address = reverse("admin:usage_ledgerentry_refund", args=[entry.pk])
    assert address in page.get(change(entry)).content.decode()
    assert "Say why." in page.post(address, {"reason": " "}, follow=True).content.decode()
    for _ in range(2):
        answer = page.post(address, {"reason": "A bad answer."}, follow=True)
        assert "Paid back" in answer.content.decode()
    assert address not in answer.content.decode()
    back = LedgerEntry.objects.get(kind="refund")
    assert (back.amount, back.by, back.reason) == (300, admin_user, "A bad answer.")
    balance.refresh_from_db()
    period.refresh_from_db()
    assert (balance.credits, period.used) == (20_000, 0)
    page.post(reverse("admin:usage_ledgerentry_refund", args=[back.pk]), {"reason": "Again."})
    assert LedgerEntry.objects.filter(kind="refund").count() == 1
    assert_rows_agree()


def test_refund_is_for_those_who_may_change_balances(alice: User, bob: User) -> None:
    balance, entry, _ = a_paid_request(alice)
    address = reverse("admin:usage_ledgerentry_refund", args=[entry.pk])
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    for person in (alice, bob):
        client = Client()
        client.force_login(User.objects.get(pk=person.pk))
        assert client.post(address, {"reason": "For me."}).status_code in (302, 403)
    balance.refresh_from_db()
    assert balance.credits == 19_700


def a_paid_request(person: User) -> tuple[Balance, LedgerEntry, BudgetPeriod]:
    balance, budget = open_balance(person), make_budget(1000)
    pools = pool_of(budget), balance_pool(person.pk)
    paid = RequestEntry(Face.API, "chat.completions", user_id=person.pk, id=new_object_id())
    paid.cost_credits, paid.shares = 300, tuple(Share(pool.key) for pool in pools)
    open_periods(pools)
    write_rows([paid])
    return balance, LedgerEntry.objects.get(pk=paid.id), BudgetPeriod.objects.get()


def test_page_of_a_person_says_what_they_spent(page: Client, alice: User) -> None:
    RequestLog.objects.create(
        user=alice, face="chat", operation="chat", status="ok", cost_credits=1_250_000
    )
    shown = page.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    assert "0 tokens out, $1.25" in shown


def test_others_see_none_of_it(alice: User, admin_user: User) -> None:
    client = Client()
    client.force_login(alice)
    for name in ("balance", "budget", "ledgerentry"):
        assert client.get(reverse(f"admin:usage_{name}_changelist")).status_code in (302, 403)
