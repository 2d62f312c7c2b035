"""Values of MongoDB → values every database can keep (hazards of docs/moving-in.md).

Dates stay dates where a document has them as its own members; deeper down they become ISO 8601.
"""

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bson import (
    Binary,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)

from librechat_backend.lib.json import MAX_NUMBER, JSONDict, JSONValue
from librechat_backend.lib.times import to_iso

DEPTH_MAX = 50  # deeper values become null; browsers and orjson would refuse them
NUL, SURROGATE, NOT_A_NUMBER, TOO_DEEP, STRANGE_DATE, TOO_LARGE, FOREIGN, TWICE, NO_TEXT = (
    "a NUL character was removed",
    "half of a character was replaced",
    "a number that is none became empty",
    "what was nested too deep became empty",
    "a date outside of the calendar became empty",
    "a number too large for browsers became a text",
    "a value of a kind only MongoDB has became a text, or empty",
    "a name that stood there several times was taken once, with its last value",
    "bytes that are no text were replaced",
)

_AS_THEY_ARE = frozenset({bool, type(None)})
_DATES = frozenset({datetime, DatetimeMS})
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(document: Mapping[str, Any]) -> tuple[JSONDict, tuple[str, ...]]:
    """The document, and what had to be changed in it."""
    repairs: set[str] = set()
    data: JSONDict = {}
    for name, value in document.items():
        kind = type(value)
        if kind in _AS_THEY_ARE:
            data[name] = value
        elif kind in _DATES:
            data[name] = _date(value, repairs)
        else:
            data[_text(name, repairs)] = _value(value, repairs, DEPTH_MAX)
    return data, tuple(sorted(repairs)) if repairs else ()


def _value(value: Any, repairs: set[str], depth: int) -> JSONValue:
    kind = type(value)
    if kind is str:
        return _text(value, repairs)
    if kind is bool or value is None:
        return value
    if kind is int or kind is float:
        return _number(value, repairs)
    if kind is dict or kind is list:
        return _nested(value, repairs, depth)
    convert = _KINDS.get(kind)
    if convert is not None:
        return convert(value, repairs)
    repairs.add(FOREIGN)
    foreign = _FOREIGN_KINDS.get(kind) or _written
    return foreign(value, repairs)


def _nested(value: Any, repairs: set[str], depth: int) -> JSONValue:
    if depth == 0:
        repairs.add(TOO_DEEP)
        return None
    if type(value) is dict:
        return {
            _text(name, repairs): _value(each, repairs, depth - 1) for name, each in value.items()
        }
    return [_value(each, repairs, depth - 1) for each in value]


def _text(value: str, repairs: set[str]) -> str:
    if "\x00" in value:
        repairs.add(NUL)
        value = value.replace("\x00", "")
    if not value.isascii() and _SURROGATE.search(value):
        repairs.add(SURROGATE)
        value = _SURROGATE.sub("\ufffd", value)
    return value


def _number(value: float, repairs: set[str]) -> JSONValue:
    if -MAX_NUMBER <= value <= MAX_NUMBER:
        # The driver of Node.js writes whole numbers beyond 32 bits as doubles.
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if not math.isfinite(value):
        repairs.add(NOT_A_NUMBER)
        return None
    repairs.add(TOO_LARGE)
    return str(value)


def _date(value: datetime | DatetimeMS, repairs: set[str]) -> datetime | None:
    if not isinstance(value, datetime):
        repairs.add(STRANGE_DATE)
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _iso(value: Any, repairs: set[str]) -> str | None:
    return to_iso(_date(value, repairs))


def _decimal(value: Any, repairs: set[str]) -> JSONValue:
    return _number(float(value.to_decimal()), repairs)


def _written(value: Any, repairs: set[str]) -> str:
    return _text(str(value), repairs)


def _bytes(value: bytes, repairs: set[str]) -> str:
    return base64.b64encode(value).decode()


def _nothing(value: Any, repairs: set[str]) -> None:
    return None


_KINDS: dict[type, Callable[[Any, set[str]], JSONValue]] = {
    ObjectId: lambda value, _: str(value),
    datetime: _iso,
    DatetimeMS: _iso,
    Int64: lambda value, repairs: _number(int(value), repairs),
    Decimal128: _decimal,
}
_FOREIGN_KINDS: dict[type, Callable[[Any, set[str]], JSONValue]] = {
    bytes: _bytes,
    Binary: _bytes,
    Regex: lambda value, repairs: _text(str(value.pattern), repairs),
    Timestamp: lambda value, repairs: _iso(value.as_datetime(), repairs),
    DBRef: lambda value, _: str(value.id),
    MinKey: _nothing,
    MaxKey: _nothing,
}
