"""The models, agents and presets a person pinned (contract 01 §4.10)."""

from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

FAVORITES_LIMIT = 50
PINNED_ORDER_LIMIT = 500
TEXT_MAX_LENGTH = 256

_KINDS = ({"agentId"}, {"model", "endpoint"}, {"spec"})
_NAMES = ("agentId", "model", "endpoint", "spec")


def parse_favorites(data: JSONValue) -> list[JSONDict]:
    """The entries of ``{"favorites": [...]}``, reduced to known members. Raises InvalidRequest."""
    entries = data.get("favorites") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise InvalidRequest("Favorites must be an array")
    if len(entries) > FAVORITES_LIMIT:
        raise InvalidRequest(
            f"Maximum {FAVORITES_LIMIT} favorites allowed",
            code="MAX_FAVORITES_EXCEEDED",
            limit=FAVORITES_LIMIT,
        )
    return [_entry(entry) for entry in entries]


def parse_pinned_order(data: JSONValue) -> list[str]:
    """The keys of ``{"pinnedOrder": [...]}`` (§8). Raises InvalidRequest."""
    keys = data.get("pinnedOrder") if isinstance(data, dict) else None
    if not isinstance(keys, list) or len(keys) > PINNED_ORDER_LIMIT:
        raise InvalidRequest(f"pinnedOrder must be an array of at most {PINNED_ORDER_LIMIT} keys")
    return [_text("pinnedOrder", key) for key in keys]


def _entry(value: JSONValue) -> JSONDict:
    if not isinstance(value, dict):
        raise InvalidRequest("Each favorite must be an object")
    given = {name: _text(name, value[name]) for name in _NAMES if value.get(name) is not None}
    if set(given) not in _KINDS:
        raise InvalidRequest("Each favorite must have either agentId, model and endpoint, or spec")
    return given


def _text(name: str, value: JSONValue) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} must be a non-empty string")
    if len(value) > TEXT_MAX_LENGTH:
        raise InvalidRequest(f"{name} exceeds maximum length of {TEXT_MAX_LENGTH}")
    return value
