"""The published prices as rows: against the package's own arithmetic, and synced repeatedly."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from genai_prices import data
from genai_prices.types import Usage

from providers.registry import SERVICES
from usage import price_sync, published
from usage.entries import Tokens
from usage.models import Price
from usage.prices import current_prices
from usage.pricing import cost_credits

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKENS = Tokens(300_000, 2_000, cache_read_tokens=100_000, cache_write_tokens=50_000)


def sync(*options: str) -> str:
    out = StringIO()
    call_command("sync_prices", *options, stdout=out)
    return out.getvalue()


def words_of(clause: Any) -> Iterator[str]:
    for word in ("equals", "starts_with", "ends_with", "contains"):
        if hasattr(clause, word):
            yield getattr(clause, word)
    for word in ("or_", "and_"):
        for part in getattr(clause, word, ()):
            yield from words_of(part)


def every_name() -> Iterator[tuple[str, Any, str, Any]]:
    """Kind, provider, a name, and the model the package takes it for."""
    by_id = {provider.id: provider for provider in data.providers}
    for kind, (first, *_) in published.PROVIDERS.items():
        provider = by_id[first]
        for name in {word for model in provider.models for word in words_of(model.match)}:
            model = provider.find_model(name, all_providers=data.providers)
            if model is not None:
                yield kind, provider, name, model


def test_kinds_are_those_of_channels() -> None:
    assert published.PROVIDERS.keys() <= SERVICES.keys()


@pytest.mark.parametrize("hour", [2, 12])
def test_every_name_costs_what_the_package_says(hour: int) -> None:
    """To the credit but one: the package does not round the prices of a million tokens."""
    sync("--if-empty")
    table, at = current_prices(), NOW.replace(hour=hour)
    names = list(every_name())
    compared = 0
    for kind, provider, name, model in random.Random(7).sample(names, 600):
        price = table.find(model=name, kind=kind, channel_id="", at=at)
        prices = model.get_prices(at)
        if published._told(prices) is None:
            assert price is None, name
            continue
        usage = Usage(
            input_tokens=TOKENS.input_tokens,
            output_tokens=TOKENS.output_tokens,
            cache_read_tokens=TOKENS.cache_read_tokens,
            cache_write_tokens=TOKENS.cache_write_tokens,
        )
        said = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
        assert price is not None, name
        assert abs(cost_credits(price, TOKENS) - said * 1_000_000) <= 1, (kind, name)
        compared += 1
    assert compared > 400


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "gpt-audio"), ("openai", "gpt-4o-transcribe"), ("openai", "gpt-image-1.5"),
        ("google", "gemini-2.5-flash"), ("google", "gemini-2.5-flash-image"),
    ],
)  # fmt: skip
def test_sound_and_pictures_cost_what_the_package_says(kind: str, model: str) -> None:
    sync("--if-empty")
    price = current_prices().find(model=model, kind=kind, channel_id="", at=NOW)
    assert price is not None
    by_id = {provider.id: provider for provider in data.providers}
    provider = by_id[published.PROVIDERS[kind][0]]
    found = provider.find_model(model, all_providers=data.providers)
    assert found is not None
    media = {
        "input_audio_tokens": 700, "input_image_tokens": 200,
        "output_audio_tokens": 300, "output_image_tokens": 100,
    }  # fmt: skip
    usage = Usage(input_tokens=1_000, output_tokens=500, **media)
    said = found.calc_price(usage, provider, genai_request_timestamp=NOW).total_price
    tokens = Tokens(1_000, 500, **media, tells_media=True)
    assert abs(cost_credits(price, tokens) - said * 1_000_000) <= 1


def test_second_sync_changes_nothing() -> None:
    assert "have new prices" in sync("--apply")
    before = list(Price.objects.order_by("id").values())
    assert "0 new, 0 changed, 0 set by hand" in sync("--apply")
    assert list(Price.objects.order_by("id").values()) == before


def test_dry_run_writes_nothing() -> None:
    assert "+ openai gpt-4.1: $2.00 / $8.00" in sync("--dry-run")
    assert not Price.objects.exists()


def test_first_start_leaves_prices_alone_that_exist() -> None:
    row = Price.objects.create(model="x", input_credits=1, output_credits=1)
    assert sync("--if-empty") == ""
    assert Price.objects.get() == row


def test_changed_price_ends_the_old_row_and_begins_a_new_one() -> None:
    sync("--apply")
    row = Price.objects.get(model="gpt-4.1", kind="openai")
    was = Price.objects.filter(pk=row.pk)
    was.update(input_credits=1)
    assert "~ openai gpt-4.1: $0.000001 / $8.00 → $2.00 / $8.00" in sync("--apply")
    old, new = Price.objects.filter(model="gpt-4.1", kind="openai").order_by("valid_from")
    assert (old.pk, old.input_credits, new.input_credits) == (row.pk, 1, 2_000_000)
    assert old.valid_until == new.valid_from
    assert new.valid_until is None
    for moment, price in ((new.valid_from - timedelta(seconds=1), old), (timezone.now(), new)):
        found = current_prices().find(model="gpt-4.1", kind="openai", channel_id="", at=moment)
        assert found is not None
        assert found.id == price.id


def test_price_set_by_hand_stays() -> None:
    by_hand = Price.objects.create(
        model="gpt-4.1", kind="openai", input_credits=5, output_credits=5
    )
    assert "= openai gpt-4.1: $0.000005 / $0.000005 → $2.00 / $8.00 (set by hand" in sync("--apply")
    assert Price.objects.get(model="gpt-4.1", kind="openai") == by_hand
    assert "0 new, 0 changed, 1 set by hand" in sync("--apply")


def test_price_that_is_announced_begins_at_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    day = NOW + timedelta(days=10)
    rates = {"input": 1, "output": 1}
    first = published.PublishedPrice("openai", "new", published.ALWAYS, day, None, rates)
    second = published.PublishedPrice("openai", "new", day, None, None, {**rates, "input": 2})
    for wanted in ([first, second], [second], [first, second]):
        monkeypatch.setattr(published, "published_prices", lambda wanted=wanted: wanted)
        price_sync.apply(price_sync.differences(NOW), now=NOW)
        rows = Price.objects.filter(model="new").order_by("valid_from")
        assert [(row.input_credits, row.valid_until) for row in rows][-1] == (2, None)
        assert price_sync.differences(NOW) == []
