"""JSON: the types of JSON values, and orjson behind two functions."""

from typing import Any

import orjson

# The only names under which untyped data travels; they mark the borders of the program.
JSONValue = Any
JSONDict = dict[str, Any]

BODY_LIMIT_BYTES = 3 * 1024 * 1024  # contract 01 §1.1

dumps = orjson.dumps
DecodeError = orjson.JSONDecodeError


def dumps_indented(value: JSONValue) -> bytes:
    """For people to read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def loads(data: bytes | str) -> JSONValue:
    """Parse JSON. NUL characters are removed: PostgreSQL can store them nowhere.

    Raises DecodeError.
    """
    value = orjson.loads(data)
    has_nul = b"\\u0000" in data if isinstance(data, bytes) else "\\u0000" in data
    return _without_nul(value) if has_nul else value


def _without_nul(value: JSONValue) -> JSONValue:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value
