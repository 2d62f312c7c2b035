"""What a plain document says → values of columns. Pure; nothing here raises."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from librechat_backend.lib.ids import NO_PARENT, is_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import from_iso

NAMESPACE = UUID("5b0f0d0e-6f0b-4b1e-8c53-2f9a0e1b7d42")
RESERVED_IDS = frozenset({"new", "PENDING", "search", NO_PARENT})
DATES = (
    "createdAt", "updatedAt", "updated_at", "expiredAt", "expiresAt", "displayFrom", "displayTo",
    "lastRefill", "grantedAt", "archivedAt",
)  # fmt: skip
WHOLE_NUMBER_MAX = 2**31 - 1


def text(document: JSONDict, name: str, limit: int | None = None) -> str:
    value = document.get(name)
    return value[:limit] if isinstance(value, str) else ""


def texts(value: JSONValue, limit: int | None = None) -> list[str]:
    """Those of a list that say something, each once."""
    found = (item[:limit] for item in items(value) if isinstance(item, str) and item)
    return list(dict.fromkeys(found))


def items(value: JSONValue) -> list[JSONValue]:
    return value if isinstance(value, list) else []


def rows(value: JSONValue) -> list[JSONDict]:
    return [item for item in items(value) if isinstance(item, dict)]


def members(value: JSONValue) -> JSONDict:
    return value if isinstance(value, dict) else {}


def whole(value: JSONValue) -> int | None:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= WHOLE_NUMBER_MAX else None


def moment(value: JSONValue) -> datetime | None:
    """Scripts of third parties store dates as texts, or as milliseconds."""
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return from_iso(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def has_odd_date(document: JSONDict) -> bool:
    """Whether one of the dates that count says nothing."""
    return any(
        value is not None and type(value) is not datetime and moment(value) is None
        for value in map(document.get, DATES)
    )


def made_at(document_id: str) -> datetime:
    """The time inside of an ObjectId; the beginning of time for other ids."""
    seconds = int(document_id[:8], 16) if is_object_id(document_id) else 0
    return datetime.fromtimestamp(seconds, UTC)


def created_at(document: JSONDict) -> datetime:
    return moment(document.get("createdAt")) or made_at(document_id(document))


def updated_at(document: JSONDict, name: str = "updatedAt") -> datetime:
    """``name``: some collections call it otherwise."""
    return moment(document.get(name)) or created_at(document)


def document_id(document: JSONDict) -> str:
    """24 hexadecimal digits, or whatever else it has for one."""
    value = document.get("_id")
    return value.lower() if isinstance(value, str) else str(value or "")


def reference(value: JSONValue) -> str:
    """An id that some collections hold as an ObjectId and others as text."""
    return value.strip().lower() if isinstance(value, str) else ""


def is_past(document: JSONDict, name: str, now: datetime, grace: timedelta | None = None) -> bool:
    end = moment(document.get(name))
    return end is not None and end + (grace or timedelta()) < now


def fitting_id(owner: str, name: str, limit: int) -> str:
    """``name``, or another one made of it that always comes out the same.

    It changes only what does not fit into the column, or into a path.
    """
    is_usable = 0 < len(name) <= limit and "/" not in name and name.isprintable()
    if is_usable and name not in RESERVED_IDS:
        return name
    return str(uuid5(NAMESPACE, f"{owner}\x00{name}"))


def chosen(document: JSONDict, names: Iterable[str]) -> JSONDict:
    """Those members that say something."""
    return {name: value for name in names if (value := document.get(name)) not in _NOTHING}


_NOTHING: Sequence[JSONValue] = (None, "", [], {})
