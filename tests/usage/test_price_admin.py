"""The admin pages of prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from usage.models import BillingRules, Price, RequestLog
from usage.price_changes import set_price
from usage.prices import current_prices
from usage.pricing import Rates

pytestmark = pytest.mark.django_db

LIST, START = "/admin/usage/price/", datetime(2020, 1, 1, tzinfo=UTC)
FORM = {"model": "gpt-4.1", "kind": "openai", "input": "2.5", "output": "10"}


def old_price(**known: object) -> Price:
    fields = {"model": "gpt-4.1", "kind": "openai", "valid_from": START, "source": "genai-prices"}
    rates = {"input_credits": 1_000_000, "output_credits": 37_500}
    return Price.objects.create(**{**fields, **rates, **known})


def test_prices_are_listed_in_dollars_for_a_million(admin_client: Client) -> None:
    old_price(cache_read_credits=125_000)
    page = admin_client.get(LIST).content.decode()
    assert all(text in page for text in ("gpt-4.1", "$1.00", "$0.0375", "$0.125", "genai-prices"))


def test_list_has_what_holds_now_or_held(admin_client: Client) -> None:
    old_price(model="ended", valid_until=timezone.now() - timedelta(days=1))
    old_price(model="coming", valid_from=timezone.now() + timedelta(days=1))
    old_price(model="present")
    for period, models in (
        ("", {"present"}), ("past", {"ended"}), ("later", {"coming"}),
        ("all", {"present", "ended", "coming"}),
    ):  # fmt: skip
        page = admin_client.get(LIST, {"period": period} if period else {}).content.decode()
        assert {m for m in ("present", "ended", "coming") if f">{m}<" in page} == models


def test_list_costs_a_constant_number_of_queries(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        old_price(model=f"m{number}")
        if number in (0, 19):
            with django_assert_num_queries(5):
                admin_client.get(LIST)


def test_saved_price_begins_now_and_the_past_stays(admin_client: Client) -> None:
    old = old_price(tiers=[{"above_tokens": 5, "input": 1}], match={"starts_with": "gpt-4.1"})
    answer = admin_client.post(f"{LIST}{old.pk}/change/", FORM)
    assert answer.status_code == 302, answer.content
    past, new = Price.objects.order_by("valid_from")
    assert (past.pk, past.valid_until, past.input_credits) == (old.pk, new.valid_from, 1_000_000)
    assert (new.input_credits, new.output_credits, new.source) == (2_500_000, 10**7, "by hand")
    assert (new.valid_until, new.tiers, new.match) == (None, [], {"starts_with": "gpt-4.1"})
    assert admin_client.post(f"{LIST}{past.pk}/change/", FORM).status_code == 403
    assert admin_client.post(f"{LIST}{new.pk}/delete/", {"post": "yes"}).status_code == 403


def test_price_is_added_for_a_channel(admin_client: Client) -> None:
    answer = admin_client.post(
        f"{LIST}add/", {"model": "own", "channel_id": "c1", "input": "0", "output": "0.000001"}
    )
    assert answer.status_code == 302, answer.content
    found = current_prices().find(model="own", kind="x", channel_id="c1", at=timezone.now())
    assert found is not None
    assert found.rates == Rates(0, 1)


@pytest.mark.parametrize("wrong", [{"input": "-1"}, {"output": ""}, {"input": "x"}, {"model": ""}])
def test_nonsense_is_refused(admin_client: Client, wrong: dict[str, str]) -> None:
    assert admin_client.post(f"{LIST}add/", FORM | wrong).status_code == 200
    assert not Price.objects.exists()


def test_models_without_a_price_are_found(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    known = {"face": "api", "operation": "x", "status": "ok", "channel_id": "c1"}
    for served, cost, days in (("dear/one", None, 1), ("dear/one", None, 2), ("paid", 5, 1),
                               ("old", None, 40)):  # fmt: skip
        RequestLog.objects.create(
            **known, served_model=served, cost_credits=cost, input_tokens=700,
            created_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip
    page = admin_client.get(f"{LIST}unpriced/").content.decode()
    assert "<td>1400</td>" in page
    assert "?model=dear%2Fone&amp;channel_id=c1" in page
    assert "paid" not in page
    assert ">old<" not in page
    with django_assert_num_queries(3):
        admin_client.get(f"{LIST}unpriced/")
    form = admin_client.get(f"{LIST}add/?model=dear%2Fone&channel_id=c1").content.decode()
    assert 'value="dear/one"' in form


def test_stranger_sees_no_prices(client: Client, alice: User) -> None:
    client.force_login(alice)
    for path in (LIST, f"{LIST}add/", f"{LIST}unpriced/", "/admin/usage/billingrules/"):
        assert client.get(path).status_code in (302, 403)


def test_there_is_one_row_of_rules(admin_client: Client) -> None:
    assert admin_client.get("/admin/usage/billingrules/").url.endswith("/add/")  # type: ignore[attr-defined]
    fields = {
        "shows_cost": "on", "currency_code": "EUR", "currency_rate": "0.9", "start_credits": "1",
        "refill_interval_value": "1", "refill_interval_unit": "days", "refill_credits": "1",
        "unpriced": "allow", "reserved_output_tokens": "4096",
    }  # fmt: skip
    answer = admin_client.post("/admin/usage/billingrules/add/", fields)
    assert answer.status_code == 302, answer.content
    rules = BillingRules.objects.get()
    assert (rules.shows_cost, rules.currency_rate) == (True, Decimal("0.9"))
    assert admin_client.get("/admin/usage/billingrules/").url.endswith("/1/change/")  # type: ignore[attr-defined]
    again = admin_client.post("/admin/usage/billingrules/add/", fields)
    assert again.url == "/admin/usage/billingrules/1/change/"  # type: ignore[attr-defined]
    assert BillingRules.objects.get() == rules


@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    steps=st.lists(st.tuples(st.sampled_from(["gpt-4.1", "o3"]), st.integers(0, 10**7)), max_size=6)
)
def test_price_changes_never_rewrite_what_was(steps: list[tuple[str, int]]) -> None:
    """Whatever is set: each moment's price stays the price of that moment."""
    Price.objects.all().delete()
    seen: list[tuple[datetime, str, int | None]] = []
    for model, credits in steps:
        set_price(model=model, kind="openai", channel_id="", rates=Rates(credits, credits))
        now = timezone.now()
        seen += [(now, name, _price(name, now)) for name in ("gpt-4.1", "o3")]
        assert _price(model, now) == credits
        assert [_price(name, at) for at, name, _ in seen] == [price for *_, price in seen]


def _price(model: str, at: datetime) -> int | None:
    found = current_prices().find(model=model, kind="openai", channel_id="", at=at)
    return found.rates.input if found else None
