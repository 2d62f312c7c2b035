"""The table of prices as it is kept in memory."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models.stamp import current_stamp
from usage.entries import Tokens
from usage.models import Price, RequestLog
from usage.prices import current_prices
from usage.pricing import PriceData, cost_credits

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)


def add_price(model: str = "gpt-4.1", **known: object) -> Price:
    return Price.objects.create(
        **{
            "model": model, "kind": "openai", "valid_from": START,
            "input_credits": 2_000_000, "output_credits": 8_000_000, **known,
        }
    )  # fmt: skip


def find(model: str = "gpt-4.1", at: datetime | None = None) -> PriceData | None:
    return current_prices().find(
        model=model, kind="openai", channel_id="c1", at=at or timezone.now()
    )


def test_table_is_read_once_for_each_stamp(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    add_price()
    stamp = current_stamp()
    current_prices(stamp)
    with django_assert_num_queries(0):
        assert current_prices(stamp) is current_prices(stamp)
    with django_assert_num_queries(1):
        current_prices()


def test_changed_price_counts_at_once() -> None:
    row = add_price()
    assert find() is not None
    row.valid_until = timezone.now()
    row.save()
    assert find() is None
    add_price(valid_from=row.valid_until, input_credits=1)
    now = find()
    assert now is not None
    assert now.rates.input == 1
    before = find(at=row.valid_until - timedelta(seconds=1))
    assert before is not None
    assert before.id == row.id


def test_tier_has_the_prices_below_it_where_it_names_none() -> None:
    add_price(tiers=[{"above_tokens": 10, "input": 4_000_000}], cache_read_credits=500_000)
    price = find()
    assert price is not None
    assert cost_credits(price, Tokens(10, 1, cache_read_tokens=4)) == 12 + 2 + 8
    assert cost_credits(price, Tokens(11, 1, cache_read_tokens=4)) == 28 + 2 + 8


def test_tier_may_be_of_a_time_of_day() -> None:
    add_price(tiers=[{"from": "01:00", "until": "04:00", "input": 5}])
    at_night, at_noon = (
        find(at=datetime.combine(START.date(), moment, UTC)) for moment in (time(2), time(12))
    )
    assert at_night is not None
    assert at_noon is not None
    assert (at_night.id, at_night.rates.input, at_night.rates.output) == (at_noon.id, 5, 8_000_000)
    assert at_noon.rates.input == 2_000_000


def test_database_refuses_a_request_that_would_give_credits() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RequestLog.objects.create(face="api", status="ok", operation="chat", cost_credits=-1)
    assert not RequestLog.objects.exists()
