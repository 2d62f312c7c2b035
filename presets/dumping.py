"""From the tables to what a file holds: loading it changes nothing."""

from collections import Counter
from datetime import datetime

from accounts.models import Group
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.models import Assignment, Policy, Preset
from presets.policies import PolicyRules
from presets.services import COLUMNS, AssignmentOptions, default_fields


def dumped_tables() -> JSONDict:
    """Groups, presets with their assignments, and rules; what has its default is left out.

    Groups are dumped without their members. Four queries.
    """
    presets = list(Preset.objects.select_related("owner_group").order_by("slug", "pk"))
    count = Counter(preset.slug for preset in presets)
    names = {p.pk: p.slug if count[p.slug] == 1 else p.pk for p in presets}
    given = _assignments_by_preset()
    sections: dict[str, list[JSONDict]] = {
        "groups": _groups(),
        "presets": [_preset(preset, names, given.get(preset.pk, [])) for preset in presets],
        "policies": _policies(),
    }
    return {name: entries for name, entries in sections.items() if entries}


def _groups() -> list[JSONDict]:
    """Above before below."""
    rows = list(Group.objects.order_by("slug"))
    slugs = {group.pk: group.slug for group in rows}
    level, ordered = [group for group in rows if group.parent_id is None], list[Group]()
    while level:
        ordered += level
        above = {group.pk for group in level}
        level = [group for group in rows if group.parent_id in above]
    return [
        _without_empty(
            slug=group.slug,
            name=group.name,
            description=group.description,
            parent=slugs.get(group.parent_id or 0),
            is_active=None if group.is_active else False,
        )
        for group in ordered
    ]


def _preset(preset: Preset, names: dict[str, str], given: list[JSONDict]) -> JSONDict:
    defaults = default_fields()
    own = {
        column: getattr(preset, column)
        for column in COLUMNS
        if column != "slug" and getattr(preset, column) != defaults[column]
    }
    is_ambiguous = names[preset.pk] == preset.pk
    return (
        {"slug": preset.slug}
        | ({"id": preset.pk} if is_ambiguous else {})
        | own
        | _without_empty(
            extends=names.get(preset.extends_id or ""),
            owner_group=preset.owner_group.slug if preset.owner_group else None,
            assignments=given,
        )
    )


def _assignments_by_preset() -> dict[str, list[JSONDict]]:
    """The oldest first: age decides where nothing else does."""
    defaults = {
        name: Assignment._meta.get_field(name).get_default()  # type: ignore[union-attr]
        for name in AssignmentOptions.__annotations__
    }
    given: dict[str, list[JSONDict]] = {}
    rows = Assignment.objects.select_related("user", "group").order_by("created_at", "pk")
    for row in rows:
        whom: JSONDict = {"everyone": True}
        if row.user or row.group:
            whom = {"user": row.user.email} if row.user else {"group": row.group.slug}  # type: ignore[union-attr]
        options = {name: getattr(row, name) for name in defaults}
        told = {n: _readable(v) for n, v in options.items() if v != defaults[n]}
        given.setdefault(row.preset_id, []).append(whom | told)
    return given


def _policies() -> list[JSONDict]:
    """Everyone's first; those without a rule say nothing."""
    rows = Policy.objects.select_related("group").order_by("group__slug")
    entries = []
    for row in sorted(rows, key=lambda policy: policy.group_id is not None):
        rules = {name: getattr(row, name) for name in PolicyRules.__annotations__}
        told = {name: value for name, value in rules.items() if value is not None}
        whom: JSONDict = {"group": row.group.slug} if row.group else {"everyone": True}
        if told:
            entries.append(whom | told)
    return entries


def _without_empty(**members: JSONValue) -> JSONDict:
    return {name: value for name, value in members.items() if value not in (None, "", [])}


def _readable(value: JSONValue) -> JSONValue:
    """Moments as texts, with every digit."""
    return value.isoformat() if isinstance(value, datetime) else value
