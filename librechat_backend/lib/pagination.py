"""Pages that continue after the last row shown, however many rows came or went meanwhile.

A cursor is opaque to the client: base64 of the JSON ``[names, values]`` of the last row's keys.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from librechat_backend.lib import json
from librechat_backend.lib.times import from_iso

MAX_COUNT = 2**31 - 1  # what a column of counts holds
M = TypeVar("M", bound=Model)
Row = Mapping[str, Any]


def parse_text(value: json.JSONValue) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def parse_moment(value: json.JSONValue) -> datetime:
    return from_iso(parse_text(value))


def parse_count(value: json.JSONValue) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise TypeError("expected a count")
    return value


@dataclass(frozen=True, slots=True)
class Key:
    """A column of the order, never null, and how its value is read back from a cursor.

    ``is_opposite``: sorted against the direction of the others.
    """

    name: str
    parse: Callable[[json.JSONValue], Any]
    is_opposite: bool = False


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order in which no two rows are equal: the last key is unique."""

    keys: tuple[Key, ...]
    is_descending: bool

    def page(
        self, rows: QuerySet[M, dict[str, Any]], *, cursor: str, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """At most ``limit`` rows after ``cursor``, and the cursor of the next page if there is one.

        An unusable ``cursor`` means the first page. One query.
        """
        values = self.decode(cursor)
        if values is not None:
            rows = rows.filter(self._after(values))
        found = list(rows.order_by(*self._order())[: limit + 1])
        shown = found[:limit]
        return shown, self.encode(shown[-1]) if len(found) > limit else None

    def encode(self, row: Row) -> str:
        text = json.dumps([self._names(), [row[name] for name in self._names()]])
        return base64.urlsafe_b64encode(text).decode()

    def decode(self, cursor: str) -> list[Any] | None:
        """The values of the keys, or None for what is no cursor of this order."""
        try:
            names, values = json.loads(base64.urlsafe_b64decode(cursor))
            if names != self._names():
                return None
            return [key.parse(value) for key, value in zip(self.keys, values, strict=True)]
        except (ValueError, TypeError, OverflowError):
            return None

    def _names(self) -> list[str]:
        return [key.name for key in self.keys]

    def _order(self) -> list[str]:
        return [f"-{key.name}" if self._descends(key) else key.name for key in self.keys]

    def _after(self, values: Sequence[Any]) -> Q:
        names = self._names()
        after = Q()
        for i, key in enumerate(self.keys):
            after |= Q(
                **dict(zip(names[:i], values, strict=False)),
                **{f"{key.name}__{self._beyond(key)}": values[i]},
            )
        # Implied by the rest, but this is the part databases look up in an index.
        return Q(**{f"{names[0]}__{self._beyond(self.keys[0])}e": values[0]}) & after

    def _descends(self, key: Key) -> bool:
        return self.is_descending is not key.is_opposite

    def _beyond(self, key: Key) -> str:
        return "lt" if self._descends(key) else "gt"
