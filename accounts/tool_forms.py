"""What the client sends about a person's tools (contract 01 §4.10)."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import FavoriteTool
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONValue

ITEM_ID_MAX_LENGTH = 256
PLUGIN_KEY_MAX_LENGTH = 256
CREDENTIALS_MAX = 50
CREDENTIAL_NAME_MAX_LENGTH = 128
CREDENTIAL_MAX_LENGTH = 8192
SKILL_STATES_SENT_MAX = 400


@dataclass(frozen=True, slots=True)
class PluginChange:
    """``credentials`` None: nothing is said about them. ``is_listed``: it is one of the tools
    that the person's own list names."""

    plugin_key: str
    is_installed: bool
    is_listed: bool
    credentials: Mapping[str, str] | None


def parse_favorite_tool(item_type: str, item_id: str) -> tuple[str, str]:
    """Raises InvalidRequest."""
    types = FavoriteTool.ItemType.values
    if item_type not in types:
        raise InvalidRequest(
            f"itemType must be one of: {', '.join(types)}", code="INVALID_ITEM_TYPE"
        )
    if not item_id or len(item_id) > ITEM_ID_MAX_LENGTH or "\0" in item_id:
        raise InvalidRequest(
            f"itemId must be a non-empty string of at most {ITEM_ID_MAX_LENGTH} characters",
            code="INVALID_ITEM_ID",
        )
    return item_type, item_id


def parse_plugin_change(data: JSONValue) -> PluginChange:
    """Raises InvalidRequest."""
    fields = data if isinstance(data, dict) else {}
    key, action = fields.get("pluginKey"), fields.get("action")
    if not isinstance(key, str) or not 0 < len(key) <= PLUGIN_KEY_MAX_LENGTH:
        raise InvalidRequest(f"pluginKey: expected 1 to {PLUGIN_KEY_MAX_LENGTH} characters")
    if action not in ("install", "uninstall"):
        raise InvalidRequest("action: expected install or uninstall")
    return PluginChange(
        plugin_key=key,
        is_installed=action == "install",
        is_listed=fields.get("isEntityTool") is not True,
        credentials=_credentials(fields.get("auth"), is_installed=action == "install"),
    )


def _credentials(value: JSONValue, *, is_installed: bool) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) > CREDENTIALS_MAX:
        raise InvalidRequest(f"auth: expected at most {CREDENTIALS_MAX} fields with their values")
    if not all(0 < len(name) <= CREDENTIAL_NAME_MAX_LENGTH for name in value):
        raise InvalidRequest(f"auth: names have 1 to {CREDENTIAL_NAME_MAX_LENGTH} characters")
    if not is_installed:
        return dict.fromkeys(value, "")  # what is removed needs no value
    if not all(isinstance(v, str) and len(v) <= CREDENTIAL_MAX_LENGTH for v in value.values()):
        raise InvalidRequest(f"auth: values have at most {CREDENTIAL_MAX_LENGTH} characters")
    return value


def parse_skill_states(data: JSONValue) -> dict[str, bool]:
    """Raises InvalidRequest."""
    states = data.get("skillStates") if isinstance(data, dict) else None
    if not isinstance(states, dict):
        raise InvalidRequest("skillStates must be a plain object")
    if len(states) > SKILL_STATES_SENT_MAX:
        raise InvalidRequest(
            f"Payload exceeds {SKILL_STATES_SENT_MAX} entries",
            code="SKILL_STATES_PAYLOAD_TOO_LARGE",
            limit=SKILL_STATES_SENT_MAX,
        )
    if not all(is_object_id(skill_id) for skill_id in states):
        raise InvalidRequest("Each skill ID must be a valid ObjectId")
    if not all(isinstance(is_on, bool) for is_on in states.values()):
        raise InvalidRequest("Each skill state value must be a boolean")
    return states
