"""The prices in force, kept in memory and validated by the access stamp."""

from dataclasses import dataclass
from datetime import time
from typing import Any

from django.db.models import QuerySet

from accounts.models.stamp import current_stamp
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.remembered_rows import RememberedRows
from usage.models import Price
from usage.pricing import PriceData, PriceTable, Rates, Tier

_COLUMNS = tuple(field.attname for field in Price._meta.concrete_fields)
_RATES = (
    "input", "output", "cache_read", "cache_write", "reasoning", "input_audio", "input_image",
    "output_audio", "output_image",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Stored:
    """The rows as they were under ``stamp``."""

    stamp: str
    rows: list[list[PriceData]]
    table: PriceTable


_cached: _Stored | None = None


def current_prices(stamp: str | None = None) -> PriceTable:
    """No query besides that of the stamp while nothing has changed, else one.

    ``stamp``: the access stamp, where the caller has read it already. For sync views and database
    threads.
    """
    global _cached
    # The stamp is read before the rows: rows newer than it are read again next time.
    stamp = current_stamp() if stamp is None else stamp
    cached = _cached
    if cached is None or cached.stamp != stamp:
        cached = _cached = _read(stamp, cached)
    return cached.table


def _read(stamp: str, before: _Stored | None) -> _Stored:
    """Most stamps are of something else: then the table stays, with what it remembers."""
    rows = _ROWS.read()
    if before is not None and rows == before.rows:
        return _Stored(stamp, rows, before.table)
    return _Stored(stamp, rows, PriceTable(data for row in rows for data in row))


def _query() -> QuerySet[Any, Any]:
    return Price.objects.order_by("id").values_list(*_COLUMNS)


def price_data(row: Any) -> list[PriceData]:
    """``row`` is a Price, or has its columns: one price, and one more for each of its ``tiers``
    that holds at a time of day."""
    rates = Rates(**{name: getattr(row, f"{name}_credits") for name in _RATES})
    daily = [tier for tier in row.tiers if "from" in tier]
    tiers = tuple(
        Tier(tier["above_tokens"], _rates(tier, rates))
        for tier in row.tiers
        if "above_tokens" in tier
    )
    known: dict[str, Any] = {
        "id": row.id,
        "model": row.model,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "kind": row.kind,
        "channel_id": row.channel_id,
        "match": row.match,
        "request_credits": row.request_credits,
    }
    return [
        PriceData(**known, rates=rates, tiers=tiers),
        *(PriceData(**known, rates=_rates(tier, rates), daily=_hours(tier)) for tier in daily),
    ]


def _rates(tier: JSONDict, base: Rates) -> Rates:
    """What a tier does not name is as below it."""
    return Rates(**{name: tier.get(name, getattr(base, name)) for name in _RATES})


def _hours(tier: JSONDict) -> tuple[time, time]:
    return time.fromisoformat(tier["from"]), time.fromisoformat(tier["until"])


_ROWS = RememberedRows(_query, _COLUMNS, price_data)
