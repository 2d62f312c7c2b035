"""Columns of foreign tables → values. Pure.

SQLite keeps anything in any column, and versions differ in what there is: an absent column counts
as an empty one.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from librechat_backend.lib import json

Row = Mapping[str, Any]

_SEPARATORS = re.compile(r"[,\s]+")
_EMPTY = frozenset({"", "0", "0.0", "{}", "[]", "null", "false"})


class Unreadable(ValueError):
    """Why a row cannot be taken over."""


class Deleted(Unreadable):
    """Somebody has deleted it already; nobody will miss it."""


def text(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return "" if value is None else str(value).replace("\0", "").strip()


def integer(row: Row, name: str, default: int = 0) -> int:
    """Raises Unreadable."""
    value = row.get(name)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{name} is no number") from None


def identity(row: Row) -> int:
    """Raises Unreadable for a row nothing else could name."""
    found = integer(row, "id")
    if found <= 0:
        raise Unreadable("it has no id")
    return found


def boolean(row: Row, name: str) -> bool:
    return text(row, name).lower() not in ("", "0", "false", "f", "no")


def words(row: Row, name: str) -> list[str]:
    """What stands between commas or in lines of their own, each once."""
    return list(dict.fromkeys(filter(None, _SEPARATORS.split(text(row, name)))))


def names(row: Row, name: str) -> list[str]:
    """Between commas; a name may hold spaces."""
    parts = (part.strip() for part in text(row, name).split(","))
    return list(dict.fromkeys(filter(None, parts)))


def mapping(row: Row, name: str) -> dict[str, Any]:
    """A JSON object. Raises Unreadable for any other text."""
    raw = text(row, name)
    if not raw or raw == "null":
        return {}
    try:
        value = json.loads(raw)
    except json.DecodeError:
        raise Unreadable(f"{name} is no JSON") from None
    if not isinstance(value, dict) or not json.is_storable(raw.encode(), value):
        raise Unreadable(f"{name} is no JSON object that can be kept")
    return value


def moment(row: Row, name: str) -> datetime | None:
    """Seconds since 1970; none for 0 and -1. Raises Unreadable."""
    seconds = integer(row, name)
    if seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unreadable(f"{name} is no time") from None


def is_empty(row: Row, name: str) -> bool:
    """Whether nothing is said in this column."""
    return text(row, name).lower() in _EMPTY
