"""Presets people save for themselves in the client (contract 03 §10)."""

from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services.locks import lock_user
from librechat_backend.lib.errors import Conflict, Forbidden, InvalidRequest
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.json import JSONDict
from presets.models import PersonalPreset
from presets.parameters import clean_settings
from presets.resolver import offer_for

MAX_PRESETS = 1000
# Wire name → column, and how much fits into it.
_TEXTS = {
    "title": ("title", 1024),
    "endpoint": ("endpoint", 100),
    "endpointType": ("endpoint_type", 40),
    "model": ("model", 200),
    "spec": ("spec", 200),
    "iconURL": ("icon_url", 1024),
}


def personal_presets(user: User) -> list[PersonalPreset]:
    """The default first, then the newest; none where the policy switches them off. One query."""
    if not offer_for(user).policy.allows_personal_presets:
        return []
    presets = PersonalPreset.objects.filter(user=user)
    return sorted(presets.order_by("-updated_at"), key=_position)


def _position(preset: PersonalPreset) -> int:
    return 10_000 if preset.order is None else preset.order


def save_personal_preset(*, user: User, body: JSONDict) -> PersonalPreset:
    """Create, or change the preset of the body's ``presetId``.

    Raises Forbidden by policy, Conflict for an id that is somebody else's, InvalidRequest.
    """
    if not offer_for(user).policy.allows_personal_presets:
        raise Forbidden("Personal presets are switched off.")
    preset_id, new_id = _id(body, "presetId"), _id(body, "newPresetId")
    columns = _columns(body)
    try:
        with transaction.atomic():
            return _save(user, preset_id or new_uuid(), new_id, columns, body.get("defaultPreset"))
    except IntegrityError as error:
        raise Conflict("A preset with this id exists already.") from error


def _save(
    user: User, preset_id: str, new_id: str, columns: dict[str, Any], is_default: object
) -> PersonalPreset:
    lock_user(user)  # saved twice at once, it is one preset
    own = PersonalPreset.objects.filter(user=user)
    preset = own.filter(preset_id=preset_id).first()
    if preset is None:
        if own.count() >= MAX_PRESETS:
            raise InvalidRequest(f"At most {MAX_PRESETS} presets can be saved.")
        preset = PersonalPreset(user=user, preset_id=preset_id)
    for name, value in columns.items():
        setattr(preset, name, value)
    preset.preset_id = new_id or preset_id
    if isinstance(is_default, bool):
        _set_default(own, preset, is_default)
    preset.save()
    return preset


def _set_default(own: Any, preset: PersonalPreset, is_default: bool) -> None:
    """At most one preset of a person is the default."""
    if is_default:
        own.exclude(pk=preset.pk).filter(is_default=True).update(is_default=None, order=None)
    preset.is_default = True if is_default else None
    preset.order = 0 if is_default else None


def delete_personal_presets(*, user: User, preset_id: str | None) -> int:
    """One preset, or all of them for None; returns how many there were."""
    presets = PersonalPreset.objects.filter(user=user)
    if preset_id is not None:
        presets = presets.filter(preset_id=preset_id)
    deleted, _ = presets.delete()
    return deleted


def preset_to_delete(body: JSONDict) -> str | None:
    """The body's ``presetId``; without one all presets are meant (§10.3). Raises InvalidRequest."""
    return _id(body, "presetId") or None


def _id(body: JSONDict, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 64:
        raise InvalidRequest(f"{name}: expected an id of at most 64 characters")
    return value


def _columns(body: JSONDict) -> dict[str, Any]:
    texts = {column: _text(body, wire, size) for wire, (column, size) in _TEXTS.items()}
    return {**texts, "title": texts["title"] or "New Chat", "settings": clean_settings(body)}


def _text(body: JSONDict, name: str, size: int) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > size:
        raise InvalidRequest(f"{name}: expected a text of at most {size} characters")
    return value
