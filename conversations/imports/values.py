"""What a foreign file says → values that can be stored. Pure.

Nothing here raises: a value of the wrong kind counts as none.
"""

import math
from datetime import UTC, datetime, timedelta

from librechat_backend.lib.json import MAX_NUMBER, JSONDict, JSONValue, storable_text
from librechat_backend.lib.times import from_iso

DEPTH_MAX = 50
TOKENS_MAX = 2**31 - 1
# Larger numbers are milliseconds: as seconds they would be in the year 5138.
SECONDS_MAX = 100_000_000_000
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)


def text(value: JSONValue, limit: int | None = None) -> str:
    """``value`` if it is one, without what databases cannot store; at most ``limit`` characters."""
    if not isinstance(value, str):
        return ""
    found = storable_text(value)
    return found if limit is None else found[:limit]


def line(value: JSONValue, limit: int) -> str:
    """As :func:`text`, in one line."""
    return " ".join(text(value).split())[:limit]


def texts(value: JSONValue, *, count: int, length: int) -> list[str]:
    """Those of a list that say something, each once, ``count`` at most."""
    found: dict[str, None] = {}
    for item in items(value):
        if len(found) == count:
            break
        if name := line(item, length):
            found[name] = None
    return list(found)


def members(value: JSONValue) -> JSONDict:
    return value if isinstance(value, dict) else {}


def items(value: JSONValue) -> list[JSONValue]:
    return value if isinstance(value, list) else []


def token_count(value: JSONValue) -> int | None:
    is_count = type(value) is int and 0 <= value <= TOKENS_MAX
    return value if is_count else None


def moment(value: JSONValue) -> datetime | None:
    """Of seconds or milliseconds since 1970, or of ISO 8601; None where no chat can be from."""
    try:
        found = _moment(value)
    except (ValueError, OverflowError):
        return None
    latest = datetime.now(UTC) + CLOCK_SKEW
    return found if found is not None and EARLIEST <= found <= latest else None


def _moment(value: JSONValue) -> datetime | None:
    if isinstance(value, str):
        return from_iso(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    seconds = value / 1000 if value > SECONDS_MAX else value
    return datetime.fromtimestamp(seconds, UTC)


def storable(value: JSONValue, depth: int = DEPTH_MAX) -> JSONValue:
    """``value`` as a JSON column can keep it; what is nested too deep becomes null.

    Numbers a browser could not read become text.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) and abs(value) <= MAX_NUMBER else str(value)
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {text(name): storable(item, depth - 1) for name, item in value.items()}
    return [storable(item, depth - 1) for item in items(value)]
