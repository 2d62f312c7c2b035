"""What a person keeps about tools and skills (contract 01 §4.10)."""

from django.db import transaction

from accounts.access_roles import ResourceType
from accounts.models import AccessEntry, FavoriteTool, ToolCredential, User
from accounts.services.locks import lock_user
from accounts.tool_forms import PluginChange
from librechat_backend.lib import crypto
from librechat_backend.lib.errors import InvalidRequest

FAVORITES_MAX = 100
PLUGINS_MAX = 200
SKILL_STATES_MAX = 200

# Credentials of these are removed all at once when nothing says which.
_SERVER_PREFIX, _SERVER_DELIMITER = "mcp_", "_mcp_"


def add_favorite_tool(*, user: User, item_type: str, item_id: str) -> None:
    """Adding it again changes nothing. Raises InvalidRequest when there are too many."""
    with transaction.atomic():
        lock_user(user)
        favorites = user.favorite_tools.all()
        if favorites.filter(item_type=item_type, item_id=item_id).exists():
            return
        if favorites.count() >= FAVORITES_MAX:
            raise InvalidRequest(
                f"Maximum {FAVORITES_MAX} favorites allowed",
                code="MAX_FAVORITES_EXCEEDED",
                limit=FAVORITES_MAX,
            )
        FavoriteTool.objects.create(user=user, item_type=item_type, item_id=item_id)


def remove_favorite_tool(*, user: User, item_type: str, item_id: str) -> None:
    user.favorite_tools.filter(item_type=item_type, item_id=item_id).delete()


def change_plugin(*, user: User, change: PluginChange) -> None:
    """Raises InvalidRequest when there are too many."""
    with transaction.atomic():
        current = lock_user(user)
        if change.is_listed:
            _list_plugin(current, change)
        if change.credentials is None:
            return
        if change.is_installed:
            for field, value in change.credentials.items():
                _keep_credential(user, change.plugin_key, field, value)
        else:
            _forget_credentials(user, change)


def set_skill_states(*, user: User, states: dict[str, bool]) -> dict[str, bool]:
    """What is kept of ``states``: only skills there are. Raises InvalidRequest for too many."""
    kept = visible_skill_states(user, states)
    if len(kept) > SKILL_STATES_MAX:
        raise InvalidRequest(
            f"Maximum {SKILL_STATES_MAX} skill state overrides allowed",
            code="MAX_SKILL_STATES_EXCEEDED",
            limit=SKILL_STATES_MAX,
        )
    user.skill_states = kept
    user.save(update_fields=["skill_states", "updated_at"])
    return kept


def visible_skill_states(user: User, states: dict[str, bool]) -> dict[str, bool]:
    """Those of skills the person can see. One query."""
    rows = AccessEntry.objects.resource_ids(user, ResourceType.SKILL)
    visible = set(rows.filter(resource_id__in=states).values_list("resource_id", flat=True))
    return {skill_id: is_on for skill_id, is_on in states.items() if skill_id in visible}


def _list_plugin(user: User, change: PluginChange) -> None:
    others = [key for key in user.plugins if key != change.plugin_key]
    user.plugins = [*others, change.plugin_key] if change.is_installed else others
    if len(user.plugins) > PLUGINS_MAX:
        raise InvalidRequest(f"Maximum {PLUGINS_MAX} tools allowed")
    user.save(update_fields=["plugins", "updated_at"])


def _keep_credential(user: User, plugin_key: str, field: str, value: str) -> None:
    ToolCredential.objects.update_or_create(
        user=user,
        plugin_key=plugin_key,
        field=field,
        defaults={"value": crypto.encrypt(value)},
    )


def _forget_credentials(user: User, change: PluginChange) -> None:
    credentials = user.tool_credentials.filter(plugin_key=change.plugin_key)
    is_server = change.plugin_key.startswith(_SERVER_PREFIX) or (
        _SERVER_DELIMITER in change.plugin_key
    )
    if change.credentials or not is_server:
        credentials = credentials.filter(field__in=change.credentials or ())
    credentials.delete()
