"""Presets, assignments and policies in memory, as the pure resolution reads them.

Read whole, once for each value of the access stamp: their number is that of an organisation's
rules, not of its people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.groups import EffectiveGroup
from accounts.models.stamp import current_stamp
from presets.fields import TEXT_FIELDS
from presets.models import Assignment, Policy, Preset
from presets.resolution import AssignmentData, Bounds, PolicyData, PresetData, Scope

_POLICY_RULES = (
    "allows_personal_presets", "allows_override", "allows_group_presets", "scope_precedence",
    "enforce", "prioritize",
)  # fmt: skip
_PRESET_COLUMNS = (
    "id", "slug", "version", "is_active", "extends_id", "parameters", "bounds", "locked",
    "max_output_tokens", "max_context_tokens", "conversation_starters", "tools", *TEXT_FIELDS,
)  # fmt: skip
_ASSIGNMENT_COLUMNS = (
    "id", "preset_id", "group_id", "group__name", "user_id", "created_at", "effect", "is_final",
    "priority", "is_default", "is_active", "starts_at", "ends_at", "rollout_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``for_user`` and ``for_group`` map principals to what was assigned to them."""

    stamp: str
    presets: Mapping[str, PresetData]
    for_everyone: tuple[AssignmentData, ...] = ()
    for_group: Mapping[int, list[AssignmentData]] = field(default_factory=dict)
    for_user: Mapping[str, list[AssignmentData]] = field(default_factory=dict)
    policies: Mapping[int | None, Policy] = field(default_factory=dict)

    def assignments(self, user_id: str, groups: Iterable[EffectiveGroup]) -> list[AssignmentData]:
        """All assignments that name the person, one of the groups, or everyone."""
        of_groups = [
            replace(assignment, distance=group.distance)
            for group in groups
            for assignment in self.for_group.get(group.id, ())
        ]
        return [*self.for_everyone, *of_groups, *self.for_user.get(user_id, ())]

    def policy(self, groups: Iterable[EffectiveGroup]) -> PolicyData:
        """Each rule from the nearest group that has it, else from everyone's policy."""
        nearest_first = [
            *(self.policies.get(group.id) for group in groups),
            self.policies.get(None),
        ]
        rules = {}
        for name in _POLICY_RULES:
            values = (getattr(policy, name) for policy in nearest_first if policy is not None)
            value = next((value for value in values if value is not None), None)
            if value is not None:
                rules[name] = value
        if "scope_precedence" in rules:
            rules["scope_precedence"] = tuple(Scope(scope) for scope in rules["scope_precedence"])
        return PolicyData(**rules)


_cached: Snapshot | None = None


def current_snapshot() -> Snapshot:
    """One query while nothing has changed. For sync views and database threads."""
    global _cached
    # The stamp is read before the rows: rows newer than it are read again next time.
    stamp = current_stamp()
    snapshot = _cached
    if snapshot is None or snapshot.stamp != stamp:
        # Returned is what this thread read: what it finds in _cached later may be of a
        # transaction that is rolled back.
        snapshot = _cached = read_snapshot(stamp)
    return snapshot


def read_snapshot(stamp: str) -> Snapshot:
    """Three queries."""
    for_everyone: list[AssignmentData] = []
    for_group: dict[int, list[AssignmentData]] = {}
    for_user: dict[str, list[AssignmentData]] = {}
    # Without building model instances, which would take most of the time.
    for row in Assignment.objects.order_by().values_list(*_ASSIGNMENT_COLUMNS, named=True):
        data = assignment_data(row)
        if row.user_id is not None:
            for_user.setdefault(row.user_id, []).append(data)
        elif row.group_id is not None:
            for_group.setdefault(row.group_id, []).append(data)
        else:
            for_everyone.append(data)
    presets = Preset.objects.order_by().values_list(*_PRESET_COLUMNS, named=True)
    return Snapshot(
        stamp=stamp,
        presets={row.id: preset_data(row) for row in presets},
        for_everyone=tuple(for_everyone),
        for_group=for_group,
        for_user=for_user,
        policies={policy.group_id: policy for policy in Policy.objects.all()},
    )


def preset_data(preset: Any) -> PresetData:
    """What is set; empty text, empty lists and None are inherited.

    ``preset`` is a Preset, or a row with _PRESET_COLUMNS.
    """
    fields = {name: getattr(preset, name) for name in TEXT_FIELDS if getattr(preset, name)}
    fields |= {name: value for name, value in preset.parameters.items() if value is not None}
    for name in ("max_output_tokens", "max_context_tokens"):
        if getattr(preset, name) is not None:
            fields[name] = getattr(preset, name)
    for name in ("conversation_starters", "tools"):
        if getattr(preset, name):
            fields[name] = getattr(preset, name)
    return PresetData(
        id=preset.id,
        slug=preset.slug,
        name=preset.name or preset.slug,
        version=preset.version,
        fields=fields,
        locked=frozenset(preset.locked),
        bounds={name: _bounds(limits) for name, limits in preset.bounds.items()},
        extends_id=preset.extends_id,
        is_active=preset.is_active,
    )


def _bounds(limits: Mapping[str, float | None]) -> Bounds:
    return limits.get("min"), limits.get("max")


def assignment_data(row: Any) -> AssignmentData:
    """``row`` has _ASSIGNMENT_COLUMNS."""
    scope = Scope.USER if row.user_id else Scope.GROUP if row.group_id else Scope.SYSTEM
    return AssignmentData(
        id=row.id,
        preset_id=row.preset_id,
        scope=scope,
        created_at=row.created_at,
        group_id=row.group_id,
        group_name=row.group__name or "",
        is_allowed=row.effect == Assignment.Effect.ALLOW,
        is_final=row.is_final,
        priority=row.priority,
        is_default=row.is_default,
        is_active=row.is_active,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        rollout_percent=row.rollout_percent,
    )
