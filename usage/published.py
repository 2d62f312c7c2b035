"""What is publicly known of models: prices and context windows. The only import site of
genai_prices, whose data is in the package; the network is never asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.metadata import version
from typing import Any

from librechat_backend.lib.json import JSONDict
from usage.pricing import CREDITS_PER_USD

SOURCE = "genai-prices"
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)

# Kind of channel → who is paid there, the nearest first: a service that resells models of others
# under their names and prices lists only what is its own. Of services that anybody may run, and
# of those that can be any, nothing is known.
PROVIDERS = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "google": ("google",),
    "azure": ("azure", "openai", "anthropic", "deepseek", "x-ai", "moonshotai"),
    "openrouter": ("openrouter",),
    "groq": ("groq",),
    "mistral": ("mistral",),
    "deepseek": ("deepseek",),
    "xai": ("x-ai",),
    "together": ("together",),
    "fireworks": ("fireworks",),
    "perplexity": ("perplexity",),
    "cloudflare": ("cloudflare",),
}
_RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "input_image": "input_image_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
}
# No provider tells how much of an answer these are, so what it costs cannot be known.
_UNCOUNTED = ("output_video_mtok", "output_citation_mtok")
_CLAUSES = ("equals", "starts_with", "ends_with", "contains", "regex")


@dataclass(frozen=True, slots=True)
class PublishedPrice:
    """As a row of usage.models.Price: its columns under their names."""

    kind: str
    model: str
    valid_from: datetime
    valid_until: datetime | None
    match: JSONDict | None
    rates: dict[str, int]
    request_credits: int = 0
    tiers: list[JSONDict] = field(default_factory=list)

    def columns(self) -> JSONDict:
        """What it costs, and for which names."""
        rates = {f"{name}_credits": self.rates.get(name) for name in _RATES}
        return {
            **rates,
            "match": self.match,
            "request_credits": self.request_credits,
            "tiers": self.tiers,
        }


def source() -> str:
    return f"{SOURCE} {version('genai-prices')}"


def published_prices() -> list[PublishedPrice]:
    """All that can be told in tokens and requests, the prices of one model in their order."""
    return [price for kind in PROVIDERS for price in _of_kind(kind)]


def _of_kind(kind: str) -> Iterator[PublishedPrice]:
    by_id = {provider.id: provider for provider in _providers()}
    nearer: list[Any] = []
    for provider_id in PROVIDERS[kind]:
        models = by_id[provider_id].models
        for model in models:
            if not any(own.is_match(model.id) for own in nearer):
                yield from _of_model(kind, model)
        nearer += models


def _of_model(kind: str, model: Any) -> Iterator[PublishedPrice]:
    """A list of prices names the latest last; some hold for hours of the day alone."""
    listed = model.prices if isinstance(model.prices, list) else [_Always(model.prices)]
    lasting = [price for price in listed if not hasattr(price.constraint, "start_time")]
    hours = [price for price in listed if hasattr(price.constraint, "start_time")]
    starts = [_start(price) for price in lasting]
    starts[0] = ALWAYS
    for price, start, end in zip(lasting, starts, [*starts[1:], None], strict=True):
        known = _told(price.prices)
        daily = [_daily(each) for each in hours] if end is None else []
        if known is None or None in daily:
            continue
        yield PublishedPrice(
            kind=kind,
            model=model.id,
            valid_from=start,
            valid_until=end,
            match=_match(model),
            rates=known,
            request_credits=_per_request(price.prices),
            tiers=[*_tiers(price.prices), *(each for each in daily if each)],
        )


@dataclass(frozen=True, slots=True)
class _Always:
    """A price without conditions, as those with some are."""

    prices: Any
    constraint: None = None


def _start(price: Any) -> datetime:
    date = getattr(price.constraint, "start_date", None)
    return datetime.combine(date, time(0), UTC) if date else ALWAYS


def _told(prices: Any) -> dict[str, int] | None:
    """None for what is paid by other things than tokens and requests, or is not known."""
    if any(getattr(prices, name) is not None for name in _UNCOUNTED):
        return None
    rates = {name: _base(getattr(prices, key)) for name, key in _RATES.items()}
    if rates["input"] is None:
        return None
    known = {name: rate for name, rate in rates.items() if rate is not None}
    return {"output": 0, **known}


def _base(price: Any) -> int | None:
    return None if price is None else _credits(getattr(price, "base", price))


def _credits(usd: Decimal) -> int:
    return int((usd * CREDITS_PER_USD).to_integral_value(ROUND_HALF_UP))


def _per_request(prices: Any) -> int:
    for_thousand = prices.requests_kcount
    return 0 if for_thousand is None else _credits(_base_usd(for_thousand) / 1000)


def _base_usd(price: Any) -> Decimal:
    usd: Decimal = getattr(price, "base", price)
    return usd


def _tiers(prices: Any) -> list[JSONDict]:
    """Each sort of tokens has tiers of its own; here one tier names all that differ."""
    tiered = {name: getattr(prices, key) for name, key in _RATES.items()}
    tiered = {name: price for name, price in tiered.items() if hasattr(price, "tiers")}
    starts = sorted({tier.start for price in tiered.values() for tier in price.tiers})
    return [
        {"above_tokens": start}
        | {name: _credits(_at(price, start)) for name, price in tiered.items()}
        for start in starts
    ]


def _at(price: Any, start: int) -> Decimal:
    usd: Decimal = price.base
    for tier in price.tiers:
        usd = tier.price if tier.start <= start else usd
    return usd


def _daily(price: Any) -> JSONDict | None:
    """As a tier; None: it cannot be told."""
    rates = _told(price.prices)
    if rates is None or _tiers(price.prices):
        return None
    hours = {"from": price.constraint.start_time, "until": price.constraint.end_time}
    return {name: f"{at:%H:%M}" for name, at in hours.items()} | rates


def _match(model: Any) -> JSONDict | None:
    match = _clause(model.match)
    return None if match == {"equals": model.id} else match


def _clause(clause: Any) -> JSONDict:
    for word in ("or", "and"):
        if hasattr(clause, f"{word}_"):
            return {word: [_clause(part) for part in getattr(clause, f"{word}_")]}
    word = next(word for word in _CLAUSES if hasattr(clause, word))
    return {word: getattr(clause, word)}


@cache
def known_windows(first: frozenset[str]) -> dict[str, int]:
    """Model id, in small letters → context window. Services that resell a model may cut its
    window: those in ``first``, its makers, win."""
    windows: dict[str, int] = {}
    for provider in sorted(_providers(), key=lambda provider: provider.id not in first):
        for model in provider.models:
            if model.context_window:
                windows.setdefault(model.id.lower(), model.context_window)
    return windows


def _providers() -> list[Any]:
    from genai_prices.data import providers

    return list(providers)
