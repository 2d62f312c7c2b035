"""Which presets a person has, in which order, and why. Pure: values in, values out.

An *assignment* gives a preset to a principal (everyone, a group, a person) or takes it. Of all the
assignments of one preset that reach a person, one *decides*:

* a final one, where there is any: the broadest, because nothing nearer can undo it;
* otherwise the first by scope precedence (person, group, everyone, unless the policy says
  otherwise), then nearness of the group, then higher priority, then age.

Presets that are given are ordered by priority, scope precedence, nearness and name. Where two have
the same slug, the one whose assignment would decide stands for both, unless no channel serves it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from librechat_backend.lib.json import JSONValue

if TYPE_CHECKING:
    from presets.experiments import ExperimentData

Number = int | float
# (smallest, largest); None: no bound on that side.
Bounds = tuple[Number | None, Number | None]
Fields = Mapping[str, JSONValue]
# Pairs of endpoint and model that can be called; None: all.
Served = Set[tuple[str, str]] | None


class Scope(StrEnum):
    USER = "user"
    GROUP = "group"
    SYSTEM = "system"


class Rule(StrEnum):
    """Why a person does not see a preset that was assigned to them."""

    DENIED = "denied"
    REPLACED = "replaced"
    INACTIVE = "inactive"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    ROLLOUT = "rollout"
    GROUP_PRESETS_OFF = "group_presets_off"
    SWITCHED_OFF = "switched_off"
    INCOMPLETE = "incomplete"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class PresetData:
    """One preset as it is stored. ``fields`` holds what it sets itself, parameters included."""

    id: str
    slug: str
    name: str
    version: int
    fields: Fields
    locked: frozenset[str] = frozenset()
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    extends_id: str | None = None
    is_active: bool = True
    experiment: "ExperimentData | None" = None


@dataclass(frozen=True, slots=True)
class AssignmentData:
    """One assignment, seen from a person: ``distance`` of a group is 0 for one's own."""

    id: str
    preset_id: str
    scope: Scope
    created_at: datetime
    group_id: int | None = None
    group_name: str = ""
    distance: int = 0
    is_allowed: bool = True
    is_final: bool = False
    priority: int = 0
    is_default: bool = False
    is_active: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    rollout_percent: int = 100


@dataclass(frozen=True, slots=True)
class PolicyData:
    """The rules that hold for a person."""

    allows_personal_presets: bool = True
    allows_override: bool = True
    allows_group_presets: bool = True
    scope_precedence: tuple[Scope, ...] = (Scope.USER, Scope.GROUP, Scope.SYSTEM)
    enforce: bool = False
    prioritize: bool = True
    default_is_soft: bool = False
    # None: all of them.
    added_endpoints: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPreset:
    """A preset a person has, with everything inherited filled in.

    ``experiment`` and ``variant`` are empty unless the person takes part in one (experiments.py);
    ``other_endpoints`` are those its variants and the preset itself are on.
    """

    preset: PresetData
    chain: tuple[PresetData, ...]
    assignment: AssignmentData
    fields: Fields
    locked: frozenset[str]
    bounds: Mapping[str, Bounds]
    experiment: str = ""
    variant: str = ""
    other_endpoints: frozenset[str] = frozenset()

    @property
    def slug(self) -> str:
        return self.preset.slug

    @property
    def endpoint(self) -> str:
        return str(self.fields.get("endpoint", ""))

    @property
    def model(self) -> str:
        return str(self.fields.get("model", ""))

    @property
    def name(self) -> str:
        return str(self.fields.get("name") or self.slug)

    @property
    def is_listed(self) -> bool:
        """Whether the menu shows it; else it is there for those who name it."""
        return self.fields.get("show_in_menu") is not False


@dataclass(frozen=True, slots=True)
class HiddenPreset:
    """``by`` is the assignment that hid it, ``instead`` the preset that replaced it."""

    preset: PresetData
    rule: Rule
    by: AssignmentData
    instead: PresetData | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """``valid_until``: when a window opens or closes next; None: not before the next change.

    ``candidates`` maps a preset's id to all assignments that could decide about it; ``dropped``
    are those that could not, and why. ``groups`` are the ids and names of the person's effective
    groups, nearest first.
    """

    policy: PolicyData
    visible: tuple[ResolvedPreset, ...]
    hidden: tuple[HiddenPreset, ...]
    valid_until: datetime | None
    candidates: Mapping[str, Sequence[AssignmentData]] = field(default_factory=dict)
    dropped: tuple[tuple[AssignmentData, Rule], ...] = ()
    groups: tuple[tuple[int, str], ...] = ()

    def find(self, slug: str) -> ResolvedPreset | None:
        return next((preset for preset in self.visible if preset.slug == slug), None)


def resolve(
    *,
    user_id: str,
    now: datetime,
    policy: PolicyData,
    presets: Mapping[str, PresetData],
    assignments: Sequence[AssignmentData],
    served: Served = None,
) -> Resolution:
    """``assignments``: those of everyone, of the person's effective groups, and of the person.

    ``presets`` holds at least the assigned ones and everything they extend. ``served``: the
    endpoints and models that can be called, None: all. A preset on another one is visible, but
    stands for no other of the same slug.
    """
    ranks = {scope: rank for rank, scope in enumerate(policy.scope_precedence)}
    dropped: list[tuple[AssignmentData, Rule]] = []
    candidates: dict[str, list[AssignmentData]] = {}
    for assignment in assignments:
        rule = _not_applicable(assignment, user_id, now, policy)
        if rule is None:
            candidates.setdefault(assignment.preset_id, []).append(assignment)
        else:
            dropped.append((assignment, rule))
    decided = [
        of_preset[0] if len(of_preset) == 1 else min(of_preset, key=lambda a: _strength(a, ranks))
        for of_preset in candidates.values()
    ]
    visible, refused = _split(decided, presets, ranks, served)
    return Resolution(
        policy=policy,
        visible=tuple(sorted(visible, key=lambda preset: _place(preset, ranks))),
        hidden=(*refused, *_not_given(dropped, candidates, presets)),
        valid_until=_next_change(assignments, now),
        candidates=candidates,
        dropped=tuple(dropped),
    )


def _not_given(
    dropped: Iterable[tuple[AssignmentData, Rule]],
    candidates: Mapping[str, Sequence[AssignmentData]],
    presets: Mapping[str, PresetData],
) -> Iterable[HiddenPreset]:
    """What one assignment does not give, another may: only presets nothing decides about."""
    seen = set(candidates)
    for assignment, rule in dropped:
        if assignment.is_allowed and assignment.preset_id not in seen:
            seen.add(assignment.preset_id)
            yield HiddenPreset(presets[assignment.preset_id], rule, assignment)


def default_of(visible: Sequence[ResolvedPreset]) -> ResolvedPreset | None:
    """The best-placed preset whose assignment says default."""
    return next((preset for preset in visible if preset.assignment.is_default), None)


# -- Assignments -----------------------------------------------------------------------------


def _not_applicable(
    assignment: AssignmentData, user_id: str, now: datetime, policy: PolicyData
) -> Rule | None:
    if not assignment.is_active:
        return Rule.SWITCHED_OFF
    if assignment.scope is Scope.GROUP and not policy.allows_group_presets:
        return Rule.GROUP_PRESETS_OFF
    if assignment.starts_at is not None and now < assignment.starts_at:
        return Rule.NOT_STARTED
    if assignment.ends_at is not None and now >= assignment.ends_at:
        return Rule.ENDED
    if not in_rollout(user_id, assignment.id, assignment.rollout_percent):
        return Rule.ROLLOUT
    return None


def in_rollout(user_id: str, assignment_id: str, percent: int) -> bool:
    """Whether a person is among the ``percent`` of a hundred; growing it never drops anybody."""
    if percent >= 100:
        return True
    digest = hashlib.sha256(f"{assignment_id}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent


Key = tuple[int, int, int, int, datetime, str]


def _strength(assignment: AssignmentData, ranks: Mapping[Scope, int]) -> Key:
    """Sorts the assignment that decides first: final ones from the broadest on, then the others
    from the nearest on.
    """
    if assignment.is_final:
        breadth = _BROADEST_FIRST[assignment.scope]
        place = (0, breadth, -assignment.distance)
    else:
        place = (1, ranks[assignment.scope], assignment.distance)
    return (*place, -assignment.priority, assignment.created_at, assignment.id)


_BROADEST_FIRST = {Scope.SYSTEM: 0, Scope.GROUP: 1, Scope.USER: 2}


def _next_change(assignments: Iterable[AssignmentData], now: datetime) -> datetime | None:
    moments = (moment for a in assignments for moment in (a.starts_at, a.ends_at))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


# -- Presets ---------------------------------------------------------------------------------


def _split(
    decided: Iterable[AssignmentData],
    presets: Mapping[str, PresetData],
    ranks: Mapping[Scope, int],
    served: Served,
) -> tuple[list[ResolvedPreset], list[HiddenPreset]]:
    visible: dict[str, ResolvedPreset] = {}
    away: list[ResolvedPreset] = []
    hidden: list[HiddenPreset] = []
    for assignment in sorted(decided, key=lambda each: _strength(each, ranks)):
        preset = presets[assignment.preset_id]
        if not assignment.is_allowed:
            hidden.append(HiddenPreset(preset, Rule.DENIED, assignment))
        elif not preset.is_active:
            hidden.append(HiddenPreset(preset, Rule.INACTIVE, assignment))
        elif preset.slug in visible:
            winner = visible[preset.slug]
            hidden.append(HiddenPreset(preset, Rule.REPLACED, assignment, winner.preset))
        else:
            resolved = fill_in(preset, presets, assignment)
            if not resolved.endpoint or not resolved.model:
                hidden.append(HiddenPreset(preset, Rule.INCOMPLETE, assignment))
            elif served is None or (resolved.endpoint, resolved.model) in served:
                visible[preset.slug] = resolved
            else:
                away.append(resolved)
    return [*visible.values(), *away], hidden


def _place(preset: ResolvedPreset, ranks: Mapping[Scope, int]) -> tuple[int, int, int, str, str]:
    assignment = preset.assignment
    return (
        -assignment.priority,
        ranks[assignment.scope],
        assignment.distance,
        preset.name.casefold(),
        preset.slug,
    )


def fill_in(
    preset: PresetData, presets: Mapping[str, PresetData], assignment: AssignmentData
) -> ResolvedPreset:
    """``preset`` with what it inherits: see :func:`merge`."""
    chain = lineage(preset, presets)
    if len(chain) == 1:
        fields, locked, bounds = preset.fields, preset.locked, preset.bounds
    else:
        fields, locked, bounds = merge(chain)
    return ResolvedPreset(preset, chain, assignment, _within(fields, bounds), locked, bounds)


def lineage(preset: PresetData, presets: Mapping[str, PresetData]) -> tuple[PresetData, ...]:
    """The preset and everything it extends, nearest first; ends where a loop would begin."""
    chain, seen = [preset], {preset.id}
    while (parent := presets.get(chain[-1].extends_id or "")) and parent.id not in seen:
        chain.append(parent)
        seen.add(parent.id)
    return tuple(chain)


def merge(
    chain: Sequence[PresetData],
) -> tuple[Fields, frozenset[str], Mapping[str, Bounds]]:
    """Fields, locks and bounds of a lineage, nearest first.

    A set field overrides the inherited one, unless that is locked; locks add up; bounds intersect.
    """
    fields: dict[str, JSONValue] = {}
    locked: frozenset[str] = frozenset()
    bounds: dict[str, Bounds] = {}
    for preset in reversed(chain):
        fixed = locked & fields.keys()
        fields |= {name: value for name, value in preset.fields.items() if name not in fixed}
        locked |= preset.locked
        for name, limits in preset.bounds.items():
            bounds[name] = intersect(bounds.get(name, (None, None)), limits)
    return fields, locked, bounds


def intersect(outer: Bounds, inner: Bounds) -> Bounds:
    """What both allow; where that is nothing, ``outer`` stands, because it is the broader rule."""
    low = _extreme(max, outer[0], inner[0])
    high = _extreme(min, outer[1], inner[1])
    return outer if low is not None and high is not None and low > high else (low, high)


def _extreme(
    choose: Callable[[Number, Number], Number], left: Number | None, right: Number | None
) -> Number | None:
    if left is None or right is None:
        return left if right is None else right
    return choose(left, right)


def clamp(value: Number, limits: Bounds) -> Number:
    """``value`` moved to the nearest bound where it lies outside."""
    low, high = limits
    if low is not None and value < low:
        return low
    return high if high is not None and value > high else value


def _within(fields: Fields, bounds: Mapping[str, Bounds]) -> Fields:
    moved = {
        name: clamp(fields[name], limits)
        for name, limits in bounds.items()
        if isinstance(fields.get(name), int | float)
    }
    return {**fields, **moved} if moved else fields
