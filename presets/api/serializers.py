"""Answers of the admin API."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.groups import EffectiveGroup
from accounts.models import Group, Membership, Role, RuleChange, User
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import to_iso
from presets.api.paging import Page
from presets.explain import PresetExplanation
from presets.explain_fields import FieldExplanation, Loser
from presets.fields import LOOKS
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.resolution import AssignmentData, Bounds, PolicyData
from presets.resolver import Offer
from presets.serializers import config_to_wire, endpoints_to_wire, models_to_wire
from presets.spelling import to_camel
from presets.startup import sign_in_options, workspace_for
from presets.whatif import Difference, Outcome

PRIVATE = "system_message"
_RULES = (
    "allows_personal_presets", "allows_override", "allows_group_presets", "scope_precedence",
    "enforce", "prioritize", "default_is_soft", "added_endpoints",
)  # fmt: skip
_SAME_NAME = (
    "slug", "name", "description", "icon_url", "menu_group", "menu_group_icon",
    "conversation_starters", "endpoint", "model", "greeting", "model_label",
    "max_output_tokens", "max_context_tokens", "cache_seconds", "is_active", "version", *LOOKS,
)  # fmt: skip


def page_to_wire(name: str, page: Page[Any], items: Iterable[JSONDict]) -> JSONDict:
    """Contract 01 §7."""
    return {name: list(items), "total": page.total, "limit": page.limit, "offset": page.offset}


def _camel(values: Mapping[str, JSONValue]) -> JSONDict:
    return {to_camel(name): value for name, value in values.items()}


# -- Presets ---------------------------------------------------------------------------------


def preset_to_wire(preset: Preset, *, can_change: bool, is_readable: bool) -> JSONDict:
    """``is_readable``: the reader may read its instructions."""
    return {
        "id": preset.pk,
        **_camel({name: getattr(preset, name) for name in _SAME_NAME}),
        **({"systemMessage": preset.system_message} if is_readable else {}),
        "parameters": _camel(preset.parameters),
        "bounds": _camel(preset.bounds),
        "locked": [to_camel(name) for name in preset.locked],
        "tools": _camel(preset.tools),
        "extends": preset.extends_id,
        "ownerGroupId": preset.owner_group.object_id if preset.owner_group else None,
        "canChange": can_change,
        "createdAt": to_iso(preset.created_at),
        "updatedAt": to_iso(preset.updated_at),
    }


def assignment_to_wire(row: Assignment) -> JSONDict:
    """``userId`` and ``groupId`` are both null for everyone."""
    return {
        "id": row.pk,
        "userId": row.user_id,
        "email": row.user.email if row.user else None,
        "groupId": row.group.object_id if row.group else None,
        "group": row.group.name if row.group else None,
        "everyone": row.user_id is None and row.group_id is None,
        "effect": row.effect,
        "isFinal": row.is_final,
        "priority": row.priority,
        "isDefault": row.is_default,
        "isActive": row.is_active,
        "startsAt": to_iso(row.starts_at),
        "endsAt": to_iso(row.ends_at),
        "rolloutPercent": row.rollout_percent,
        "createdAt": to_iso(row.created_at),
    }


# -- Groups, rules, roles --------------------------------------------------------------------


def group_to_wire(group: Group, *, member_count: int) -> JSONDict:
    return {
        "_id": group.object_id,
        "id": group.object_id,
        "name": group.name,
        "slug": group.slug,
        "description": group.description,
        "parentId": group.parent.object_id if group.parent else None,
        "isActive": group.is_active,
        "source": "local",
        "memberCount": member_count,
        "createdAt": to_iso(group.created_at),
        "updatedAt": to_iso(group.updated_at),
    }


def member_to_wire(row: Membership) -> JSONDict:
    return {
        "userId": row.user_id,
        "name": row.user.name or row.user.username,
        "email": row.user.email,
        "avatarUrl": row.user.avatar or None,
        "role": row.role,
        "source": row.source,
        "joinedAt": to_iso(row.created_at),
    }


def policy_to_wire(policy: Policy | None, group: Group | None) -> JSONDict:
    """Null: inherited."""
    rules = {to_camel(name): getattr(policy, name) if policy else None for name in _RULES}
    return {"groupId": group.object_id if group else None, **rules}


def role_to_wire(role: Role) -> JSONDict:
    return {"_id": f"{role.pk:024x}", "name": role.name, "description": role.description}


# -- Preview and explanation -----------------------------------------------------------------


def person_to_wire(user: User) -> JSONDict:
    return {"id": user.pk, "email": user.email, "name": user.name or user.username}


def preview_to_wire(
    user: User,
    offer: Offer,
    groups: Iterable[EffectiveGroup],
    explained: Iterable[JSONDict],
) -> JSONDict:
    """``config``, ``endpoints`` and ``models`` are what the client would be answered."""
    return {
        "user": person_to_wire(user),
        "groups": [{"name": group.name, "distance": group.distance} for group in groups],
        "policy": effective_policy_to_wire(offer.policy),
        "config": config_to_wire(sign_in_options(), workspace_for(user), offer),
        "endpoints": endpoints_to_wire(offer.endpoints),
        "models": models_to_wire(offer.endpoints),
        "presets": list(explained),
    }


def effective_policy_to_wire(policy: PolicyData) -> JSONDict:
    rules = {to_camel(name): getattr(policy, name) for name in _RULES}
    added = policy.added_endpoints
    return rules | {
        "scopePrecedence": list(policy.scope_precedence),
        "addedEndpoints": None if added is None else list(added),
    }


def explanation_to_wire(explained: PresetExplanation, *, is_readable: bool) -> JSONDict:
    """``is_readable``: the reader may read the instructions."""
    return {
        "id": explained.preset_id,
        "slug": explained.slug,
        "name": explained.name,
        "version": explained.version,
        "state": explained.state,
        "rule": explained.rule,
        "position": explained.position,
        "isDefault": explained.is_default,
        "why": explained.sentence,
        "notes": list(explained.notes),
        "assignment": _deciding_to_wire(explained.assignment),
        "fields": [
            _field_to_wire(field, is_hidden=field.name == PRIVATE and not is_readable)
            for field in explained.fields
        ],
    }


def _deciding_to_wire(assignment: AssignmentData) -> JSONDict:
    return {
        "id": assignment.id,
        "scope": assignment.scope,
        "group": assignment.group_name or None,
        "distance": assignment.distance,
        "effect": "allow" if assignment.is_allowed else "deny",
        "isFinal": assignment.is_final,
        "priority": assignment.priority,
    }


def _field_to_wire(field: FieldExplanation, *, is_hidden: bool) -> JSONDict:
    return {
        "name": to_camel(field.name),
        "label": field.label,
        "value": None if is_hidden else _value(field.name, field.value),
        "isPrivate": is_hidden,
        "source": field.source,
        "preset": field.preset,
        "version": field.version,
        "isLocked": field.is_locked,
        "bounds": _bounds(field.bounds) if field.bounds else None,
        "why": field.sentence,
        "losers": [] if is_hidden else [_loser(field.name, loser) for loser in field.losers],
    }


def _loser(name: str, loser: Loser) -> JSONDict:
    return {
        "value": _value(name, loser.value),
        "source": loser.source,
        "preset": loser.preset,
        "version": loser.version,
        "loss": loser.loss,
        "why": loser.sentence,
    }


def _bounds(bounds: Bounds) -> JSONDict:
    return {"min": bounds[0], "max": bounds[1]}


def _value(name: str, value: JSONValue) -> JSONValue:
    """Values whose members have names are spelled as everywhere."""
    if name == "tools" and isinstance(value, Mapping):
        return _camel(value)
    if name == "bounds" and isinstance(value, Mapping):
        return {to_camel(each): _bounds(limits) for each, limits in value.items()}
    if name == "locked" and isinstance(value, Sequence):
        return [to_camel(each) for each in value]
    return value


# -- History ---------------------------------------------------------------------------------


def versions_to_wire(rows: Sequence[PresetVersion], before: PresetVersion | None) -> list[JSONDict]:
    """``rows`` newest first, ``before`` the one before them; each with what it changed."""
    older = [*rows[1:], before]
    return (
        [
            _change(row, then.fields if then else None, row.fields)
            for row, then in zip(rows, older, strict=True)
        ]
        if rows
        else []
    )


def change_to_wire(row: RuleChange) -> JSONDict:
    return _change(row, row.before, row.after)


def _change(
    row: RuleChange | PresetVersion, before: JSONDict | None, after: JSONDict | None
) -> JSONDict:
    old, new = before or {}, after or {}
    return {
        "version": row.version,
        "what": "made" if before is None else "deleted" if after is None else "changed",
        "userId": row.user_id,
        "email": row.user.email if row.user else None,
        "reason": row.reason,
        "createdAt": to_iso(row.created_at),
        "changes": [
            {
                "field": name if ":" in name else to_camel(name),
                "before": _stored(name, old.get(name)),
                "after": _stored(name, new.get(name)),
            }
            for name in dict.fromkeys((*old, *new))
            if _given(old.get(name)) != _given(new.get(name))
        ],
    }


def _given(value: JSONValue) -> JSONValue:
    return None if value in ("", [], {}) else value


def _stored(name: str, value: JSONValue) -> JSONValue:
    if name in ("parameters", "bounds", "tools") and isinstance(value, Mapping):
        return _camel(value)
    return _value(name, value)


# -- What-if ---------------------------------------------------------------------------------


def outcome_to_wire(outcome: Outcome, *, readable: set[str]) -> JSONDict:
    """``readable``: ids of the presets whose instructions the reader may read."""
    hidden = {
        preset.slug
        for offer in (outcome.before, outcome.after)
        for preset in offer.presets
        if preset.preset.id not in readable
    }
    return {
        "user": person_to_wire(outcome.user),
        "before": [preset.slug for preset in outcome.before.presets],
        "after": [preset.slug for preset in outcome.after.presets],
        "difference": _difference_to_wire(outcome.difference, hidden),
    }


def _difference_to_wire(difference: Difference, hidden: set[str]) -> JSONDict:
    default = difference.default
    return {
        "isEmpty": difference.is_empty,
        "added": [_line(each.slug, each.name, why=each.why) for each in difference.added],
        "removed": [_line(each.slug, each.name, why=each.why) for each in difference.removed],
        "moved": [
            _line(each.slug, each.name, before=each.before, after=each.after)
            for each in difference.moved
        ],
        "changed": [
            _line(each.slug, each.name, field=to_camel(each.field), isPrivate=True)
            if each.field == PRIVATE and each.slug in hidden
            else _line(
                each.slug, each.name, field=to_camel(each.field), isPrivate=False,
                before=_value(each.field, each.before), after=_value(each.field, each.after),
            )
            for each in difference.changed
        ],
        "default": {"before": default[0], "after": default[1]} if default else None,
        "modelsAdded": [_model(*each) for each in difference.models_added],
        "modelsRemoved": [_model(*each) for each in difference.models_removed],
        "policy": [
            {"rule": to_camel(each.rule), "before": each.before, "after": each.after}
            for each in difference.policy
        ],
    }  # fmt: skip


def _line(slug: str, name: str, **more: JSONValue) -> JSONDict:
    return {"slug": slug, "name": name, **more}


def _model(endpoint: str, model: str) -> JSONDict:
    return {"endpoint": endpoint, "model": model}
