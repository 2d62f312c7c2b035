"""The published prices → rows, without touching what is past or was set by hand.

A price that differs from now on ends the row that holds and begins a new one; a row that has not
begun yet is replaced. What a request has cost stays on its row, whatever becomes of prices.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from librechat_backend.lib.json import JSONDict
from usage import published
from usage.models import Price
from usage.published import PublishedPrice

Key = tuple[str, str]
_COLUMNS = tuple(PublishedPrice("", "", published.ALWAYS, None, None, {}).columns())


class Verb(StrEnum):
    ADD = "add"
    CHANGE = "change"
    KEEP = "keep"  # set by hand, and other than what is published


@dataclass(slots=True)
class Difference:
    """What one model costs from now on: ``before`` and ``after`` begin with the present price."""

    verb: Verb
    kind: str
    model: str
    before: list[Price] = field(default_factory=list)
    after: list[PublishedPrice] = field(default_factory=list)


def differences(now: datetime) -> list[Difference]:
    """Between what is published and what is stored, for calls from ``now`` on. One query."""
    stored, wanted = _stored(now), _wanted(now)
    found = []
    for key, after in wanted.items():
        before = stored.get(key, [])
        if [_of_row(row, now) for row in before] == [_of_published(each, now) for each in after]:
            continue
        verb = Verb.ADD if not before else Verb.CHANGE
        if any(not row.source.startswith(published.SOURCE) for row in before):
            verb = Verb.KEEP
        found.append(Difference(verb, *key, before, after))
    return found


def _stored(now: datetime) -> dict[Key, list[Price]]:
    rows = Price.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now), channel_id="")
    by_key: dict[Key, list[Price]] = defaultdict(list)
    for row in rows.order_by("valid_from"):
        by_key[row.kind, row.model].append(row)
    return by_key


def _wanted(now: datetime) -> dict[Key, list[PublishedPrice]]:
    by_key: dict[Key, list[PublishedPrice]] = defaultdict(list)
    for price in published.published_prices():
        if price.valid_until is None or price.valid_until > now:
            by_key[price.kind, price.model].append(price)
    return by_key


def _of_row(row: Price, now: datetime) -> tuple[datetime, datetime | None, JSONDict]:
    """What of a row still matters."""
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return max(row.valid_from, now), row.valid_until, columns


def _of_published(
    price: PublishedPrice, now: datetime
) -> tuple[datetime, datetime | None, JSONDict]:
    return max(price.valid_from, now), price.valid_until, price.columns()


@transaction.atomic
def apply(found: list[Difference], *, now: datetime) -> None:
    """Make the rows say what is published; those set by hand stay."""
    ours = [difference for difference in found if difference.verb is not Verb.KEEP]
    known = set(Price.objects.filter(channel_id="").values_list("kind", "model"))
    for difference in ours:
        _end(difference.before, now)
    source = published.source()
    Price.objects.bulk_create(
        Price(
            kind=price.kind,
            model=price.model,
            # What was never priced before has had this price all the time.
            valid_from=_start(price, now, is_new=(price.kind, price.model) not in known),
            valid_until=price.valid_until,
            source=source,
            **price.columns(),
        )
        for difference in ours
        for price in difference.after
    )


def _start(price: PublishedPrice, now: datetime, *, is_new: bool) -> datetime:
    return price.valid_from if is_new else max(price.valid_from, now)


def _end(rows: list[Price], now: datetime) -> None:
    """What has begun ends; what has not never was."""
    for row in rows:
        if row.valid_from < now:
            row.valid_until = now
            row.save(update_fields=["valid_until"])
        else:
            row.delete()
