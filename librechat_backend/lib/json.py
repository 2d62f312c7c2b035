"""JSON: the types of JSON values, and orjson behind two functions."""

import re
from collections.abc import Iterable
from typing import Any

import orjson

# The only names under which untyped data travels; they mark the borders of the program.
JSONValue = Any
JSONDict = dict[str, Any]

BODY_LIMIT_BYTES = 3 * 1024 * 1024  # contract 01 §1.1

MAX_NUMBER = 2**53 - 1  # beyond it a number does not survive JSON in the browser
# Only texts with one of these can hold a larger number: most need no second look.
_LONG_NUMBER = re.compile(rb"[0-9]{16}|[0-9][eE]\+?[0-9]")
MAX_DEPTH = 100
_SURROGATE = re.compile("[\ud800-\udfff]")
# orjson reads four times as deep as it writes; something is left for what is put around a value.
_WRITABLE_DEPTH = 250

dumps = orjson.dumps
DecodeError = orjson.JSONDecodeError


def dumps_sorted(value: JSONValue) -> bytes:
    """Equal values give equal bytes, in whatever order their members came."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def dumps_indented(value: JSONValue) -> bytes:
    """For people to read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def loads(data: bytes | str) -> JSONValue:
    """Parse JSON. NUL characters are removed: PostgreSQL can store them nowhere.

    Raises DecodeError.
    """
    value = orjson.loads(data)
    has_nul = b"\\u0000" in data if isinstance(data, bytes) else "\\u0000" in data
    if not has_nul:
        return value
    try:
        return _without_nul(value)
    except RecursionError:
        raise DecodeError("It is nested too deep.", "", 0) from None


def storable_text(text: str) -> str:
    """``text`` as a database and JSON can hold it, for what was not read by :func:`loads`: without
    NUL characters, and halves of characters replaced."""
    found = text.replace("\x00", "")
    return found if found.isascii() else _SURROGATE.sub("\ufffd", found)


def is_writable(data: bytes, value: JSONValue) -> bool:
    """Whether ``value``, parsed from ``data``, is not nested too deep to be written again."""
    if data.count(b"[") + data.count(b"{") <= _WRITABLE_DEPTH:
        return True
    try:
        orjson.dumps([[[[value]]]])
    except orjson.JSONEncodeError:
        return False
    return True


def is_storable(data: bytes, value: JSONValue) -> bool:
    """Whether ``value``, parsed from ``data``, can be kept in a JSON column and written again.

    PostgreSQL keeps numbers digit by digit and gives large ones back as integers that cannot be
    written any more; nor can what is nested too deep.
    """
    is_suspect = _LONG_NUMBER.search(data) or data.count(b"[") + data.count(b"{") > MAX_DEPTH
    return not is_suspect or _is_modest(value)


def _is_modest(value: JSONValue) -> bool:
    row = [value]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(each, int | float) and abs(each) > MAX_NUMBER for each in row):
            return False
        row = [child for each in row for child in _children(each)]
        if not row:
            return True
    return False


def _children(value: JSONValue) -> Iterable[JSONValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _without_nul(value: JSONValue) -> JSONValue:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value
