"""Presets, assignments and policies in memory, as the pure resolution reads them.

Read whole, once for each value of the access stamp: their number is that of an organisation's
rules, not of its people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

from django.db.models import FilteredRelation, Q, QuerySet, Value

from accounts.groups import EffectiveGroup
from accounts.models.stamp import AccessStamp, current_stamp
from librechat_backend.lib.remembered_rows import RememberedRows
from librechat_backend.lib.together import Statement, run_together
from presets.experiments import ExperimentData, read_variants
from presets.fields import LOOKS, TEXT_FIELDS
from presets.models import Assignment, Experiment, Policy, Preset
from presets.resolution import AssignmentData, Bounds, PolicyData, PresetData, Scope
from providers.models import ChannelVersion
from usage.models import Budget
from usage.shown import ShownRules, read_rules, shown_rules_row

_POLICY_RULES = (
    "allows_personal_presets", "allows_override", "allows_group_presets", "scope_precedence",
    "enforce", "prioritize", "default_is_soft", "added_endpoints",
)  # fmt: skip
_PRESET_COLUMNS = (
    "id", "slug", "version", "is_active", "extends_id", "parameters", "bounds", "locked",
    "max_output_tokens", "max_context_tokens", "cache_seconds", "conversation_starters", "tools",
    *LOOKS,    *TEXT_FIELDS, "running__name", "running__share_percent", "running__variants",
)  # fmt: skip
_ASSIGNMENT_COLUMNS = (
    "id", "preset_id", "group_id", "group__name", "user_id", "created_at", "effect", "is_final",
    "priority", "is_default", "is_active", "starts_at", "ends_at", "rollout_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamps:
    """``access``: of presets, who gets them, groups and rules; ``channels``: of the channels.

    ``shown``: what people are told of money, which the client asks for as often. ``has_billing``:
    there are budgets, or rules of credits, to be read under ``access``.
    """

    access: str
    channels: str
    shown: ShownRules = ShownRules()
    has_billing: bool = False


def current_stamps() -> Stamps:
    """One query. For sync views and database threads."""
    (stamps,) = run_together(asking_for_stamps())
    return cast(Stamps, stamps)


def asking_for_stamps() -> Statement[Stamps]:
    """To be asked together with others."""
    return Statement(*_stamps_query(), _read_stamps)


def _read_stamps(cursor: Any) -> Stamps:
    found = dict(cursor.fetchall())
    return Stamps(
        access=found.get("access", ""),
        channels=found.get("channels", ""),
        shown=read_rules(found.get("shown", "")),
        has_billing="shown" in found or "budgets" in found,
    )


@cache
def _stamps_query() -> tuple[str, tuple[Any, ...]]:
    """Always the same, and asked with each request: to build it takes longer than to answer it."""
    access = AccessStamp.objects.values_list(Value("access"), "value")
    channels = ChannelVersion.objects.values_list(Value("channels"), "stamp")
    rules = shown_rules_row("shown")
    budgets = Budget.objects.filter(is_active=True).values_list(Value("budgets"), Value(""))
    # Without doubles: of many budgets one is told.
    sql, parameters = access.union(channels, rules, budgets).query.sql_with_params()
    return sql, tuple(parameters)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``for_user`` and ``for_group`` map principals to what was assigned to them.

    ``policies`` maps groups, and None for everyone, to rows with the rules.
    """

    stamp: str
    presets: Mapping[str, PresetData]
    for_everyone: tuple[AssignmentData, ...] = ()
    for_group: Mapping[int, list[AssignmentData]] = field(default_factory=dict)
    for_user: Mapping[str, list[AssignmentData]] = field(default_factory=dict)
    policies: Mapping[int | None, Any] = field(default_factory=dict)
    # The same for all people as far from the group: (id of the group, distance) → assignments.
    _at_distance: dict[tuple[int, int], list[AssignmentData]] = field(
        default_factory=dict, compare=False
    )

    def assignments(self, user_id: str, groups: Iterable[EffectiveGroup]) -> list[AssignmentData]:
        """All assignments that name the person, one of the groups, or everyone."""
        of_groups = [assignment for group in groups for assignment in self._seen_from(group)]
        return [*self.for_everyone, *of_groups, *self.for_user.get(user_id, ())]

    def _seen_from(self, group: EffectiveGroup) -> list[AssignmentData]:
        place = group.id, group.distance
        if place not in self._at_distance:
            self._at_distance[place] = [
                replace(assignment, distance=group.distance)
                for assignment in self.for_group.get(group.id, ())
            ]
        return self._at_distance[place]

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
        if "added_endpoints" in rules:
            rules["added_endpoints"] = tuple(rules["added_endpoints"])
        return PolicyData(**rules)


_cached: Snapshot | None = None


def current_snapshot(stamp: str | None = None) -> Snapshot:
    """No query besides that of the stamp while nothing has changed, else two.

    ``stamp``: the access stamp, where the caller has read it already. For sync views and database
    threads.
    """
    global _cached
    # The stamp is read before the rows: rows newer than it are read again next time.
    stamp = current_stamp() if stamp is None else stamp
    snapshot = _cached
    if snapshot is None or snapshot.stamp != stamp:
        # Returned is what this thread read: what it finds in _cached later may be of a
        # transaction that is rolled back.
        snapshot = _cached = read_snapshot(stamp)
    return snapshot


def read_snapshot(stamp: str) -> Snapshot:
    """Two queries; rows that are as they were are not built again."""
    for_everyone: list[AssignmentData] = []
    for_group: dict[int, list[AssignmentData]] = {}
    for_user: dict[str, list[AssignmentData]] = {}
    policies: dict[int | None, Policy] = {}
    for row, assignment in _ASSIGNMENTS_AND_POLICIES.read():
        if assignment is None:
            policies[row.group_id] = row
        elif row.user_id is not None:
            for_user.setdefault(row.user_id, []).append(assignment)
        elif row.group_id is not None:
            for_group.setdefault(row.group_id, []).append(assignment)
        else:
            for_everyone.append(assignment)
    return Snapshot(
        stamp=stamp,
        presets={preset.id: preset for preset in _PRESETS.read()},
        for_everyone=tuple(for_everyone),
        for_group=for_group,
        for_user=for_user,
        policies=policies,
    )


def _preset_rows() -> QuerySet[Any, Any]:
    is_running = Q(experiments__state=Experiment.State.RUNNING)
    running = FilteredRelation("experiments", condition=is_running)
    return Preset.objects.order_by().annotate(running=running).values_list(*_PRESET_COLUMNS)


def _assignment_and_policy_rows() -> QuerySet[Any, Any]:
    """Both in one query; a policy has no preset."""
    assignments, policies = Assignment.objects.order_by(), Policy.objects.order_by()
    no_rules = {name: _null(policies, name) for name in _POLICY_RULES}
    own = [name if name in ("id", "group_id") else f"no_{name}" for name in _ASSIGNMENT_COLUMNS]
    nothing = {
        mine: _null(assignments, name)
        for mine, name in zip(own, _ASSIGNMENT_COLUMNS, strict=True)
        if mine != name
    }
    given = assignments.annotate(**no_rules).values_list(*_ASSIGNMENT_COLUMNS, *_POLICY_RULES)
    ruled = policies.annotate(**nothing).values_list(*own, *_POLICY_RULES)
    return given.union(ruled, all=True)


def _null(rows: QuerySet[Any], name: str) -> Value:
    """NULL of the type of a column of ``rows``."""
    return Value(None, output_field=rows.query.resolve_ref(name).output_field)


def _placed(row: Any) -> tuple[Any, AssignmentData | None]:
    return row, None if row.preset_id is None else assignment_data(row)


def preset_data(preset: Any) -> PresetData:
    """What is set; empty text, empty lists and None are inherited.

    ``preset`` is a Preset, or a row with _PRESET_COLUMNS.
    """
    fields = {name: getattr(preset, name) for name in TEXT_FIELDS if getattr(preset, name)}
    fields |= {name: value for name, value in preset.parameters.items() if value is not None}
    for name in ("max_output_tokens", "max_context_tokens", "cache_seconds", *LOOKS):
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
        experiment=_experiment(preset),
    )


def _experiment(row: Any) -> ExperimentData | None:
    """Of a row; a Preset by itself tells of none."""
    name = getattr(row, "running__name", None)
    if name is None:
        return None
    variants = read_variants(row.running__variants)
    return ExperimentData(name, row.running__share_percent, variants)


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


_PRESETS = RememberedRows(_preset_rows, _PRESET_COLUMNS, preset_data)
_ASSIGNMENTS_AND_POLICIES = RememberedRows(
    _assignment_and_policy_rows, (*_ASSIGNMENT_COLUMNS, *_POLICY_RULES), _placed
)
