"""Who gets what, written once more: slow, obvious, and from the description alone.

It shares nothing with presets/resolution.py but the tables. Everything is looked up again and
again, and compared pair by pair, so that each rule can be read off.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Group, Membership, User
from presets.models import Assignment, Policy, Preset

TEXTS = (
    "name", "description", "icon_url", "menu_group", "menu_group_icon", "endpoint", "model",
    "system_message", "greeting", "model_label",
)  # fmt: skip
NORMAL_RULES: dict[str, Any] = {
    "allows_personal_presets": True,
    "allows_override": True,
    "allows_group_presets": True,
    "scope_precedence": ["user", "group", "system"],
    "enforce": False,
    "prioritize": True,
}


@dataclass(frozen=True)
class Seen:
    preset_id: str
    assignment_id: str
    values: dict[str, Any]
    locked: set[str]
    bounds: dict[str, tuple[Any, Any]]


class Oracle:
    def __init__(self, user: User, now: datetime, served: set[tuple[str, str]]) -> None:
        self.user, self.now, self.served = user, now, served
        self.distance = self.distances()
        self.rules = {name: self.rule(name) for name in NORMAL_RULES}

    # Groups: own ones, and what is above them, through active groups only.
    def distances(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for membership in Membership.objects.filter(user=self.user):
            group: Group | None = membership.group
            steps = 0
            while group is not None and group.is_active:
                found[group.pk] = min(steps, found.get(group.pk, steps))
                group, steps = group.parent, steps + 1
        return found

    # The nearest group that says something; then everyone's rules; then what is normal.
    def rule(self, name: str) -> Any:
        for group_id in sorted(self.distance, key=lambda each: (self.distance[each], each)):
            for policy in Policy.objects.filter(group_id=group_id):
                if getattr(policy, name) is not None:
                    return getattr(policy, name)
        for policy in Policy.objects.filter(group=None):
            if getattr(policy, name) is not None:
                return getattr(policy, name)
        return NORMAL_RULES[name]

    def scope(self, assignment: Assignment) -> str:
        if assignment.user_id:
            return "user"
        return "group" if assignment.group_id else "system"

    def steps(self, assignment: Assignment) -> int:
        return self.distance[assignment.group_id] if assignment.group_id else 0

    def counts(self, assignment: Assignment) -> bool:
        if assignment.user_id and assignment.user_id != self.user.pk:
            return False
        if assignment.group_id and assignment.group_id not in self.distance:
            return False
        if assignment.group_id and not self.rules["allows_group_presets"]:
            return False
        if assignment.starts_at and assignment.starts_at > self.now:
            return False
        if assignment.ends_at and assignment.ends_at <= self.now:
            return False
        text = f"{assignment.pk}:{self.user.pk}"
        number = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) % 100
        return assignment.is_active and number < assignment.rollout_percent

    def beats(self, one: Assignment, other: Assignment) -> bool:
        """Whether ``one`` decides rather than ``other``."""
        if one.is_final != other.is_final:
            return bool(one.is_final)
        breadth = ["system", "group", "user"] if one.is_final else self.rules["scope_precedence"]
        places = breadth.index(self.scope(one)), breadth.index(self.scope(other))
        if places[0] != places[1]:
            return places[0] < places[1]
        if self.steps(one) != self.steps(other):
            is_nearer = self.steps(one) < self.steps(other)
            return not is_nearer if one.is_final else is_nearer
        if one.priority != other.priority:
            return one.priority > other.priority
        if one.created_at != other.created_at:
            return one.created_at < other.created_at
        return bool(one.pk < other.pk)

    def deciding(self, preset: Preset) -> Assignment | None:
        candidates = [a for a in Assignment.objects.filter(preset=preset) if self.counts(a)]
        for one in candidates:
            if all(one is other or self.beats(one, other) for other in candidates):
                return one
        return None

    def given(self) -> list[tuple[Preset, Assignment]]:
        found = []
        for preset in Preset.objects.all():
            decides = self.deciding(preset)
            if decides is None or decides.effect == "deny" or not preset.is_active:
                continue
            if self.value(preset, "endpoint") and self.value(preset, "model"):
                found.append((preset, decides))
        return found

    def menu(self) -> list[Seen]:
        given = [
            (p, a)
            for p, a in self.given()
            if (self.value(p, "endpoint"), self.value(p, "model")) in self.served
        ]
        kept = []
        for preset, decides in given:
            rivals = [a for p, a in given if p.slug == preset.slug and p.pk != preset.pk]
            if all(self.beats(decides, rival) for rival in rivals):
                kept.append((preset, decides))
        ordered: list[tuple[Preset, Assignment]] = []
        for pair in kept:  # insertion, one after the other
            place = 0
            while place < len(ordered) and self.stands_before(ordered[place], pair):
                place += 1
            ordered.insert(place, pair)
        return [self.seen(*pair) for pair in ordered]

    def stands_before(
        self, one: tuple[Preset, Assignment], other: tuple[Preset, Assignment]
    ) -> bool:
        (preset, a), (rival, b) = one, other
        if a.priority != b.priority:
            return a.priority > b.priority
        order = self.rules["scope_precedence"]
        if self.scope(a) != self.scope(b):
            return bool(order.index(self.scope(a)) < order.index(self.scope(b)))
        if self.steps(a) != self.steps(b):
            return self.steps(a) < self.steps(b)
        names = [str(self.value(p, "name") or p.slug).casefold() for p in (preset, rival)]
        return names[0] < names[1] if names[0] != names[1] else preset.slug < rival.slug

    def default(self) -> str | None:
        for seen in self.menu():
            if Assignment.objects.get(pk=seen.assignment_id).is_default:
                return seen.preset_id
        return None

    # What a preset holds, asking its parent each time.
    def own(self, preset: Preset, name: str) -> Any:
        if name in ("conversation_starters", "tools", *TEXTS):
            return getattr(preset, name) or None
        if name in ("max_output_tokens", "max_context_tokens"):
            return getattr(preset, name)
        return preset.parameters.get(name)

    def is_locked(self, preset: Preset, name: str) -> bool:
        above = preset.extends
        return name in preset.locked or (above is not None and self.is_locked(above, name))

    def value(self, preset: Preset, name: str) -> Any:
        own, above = self.own(preset, name), preset.extends
        if above is None:
            return own
        inherited = self.value(above, name)
        if own is None or (inherited is not None and self.is_locked(above, name)):
            return inherited
        return own

    def bounds(self, preset: Preset, name: str) -> tuple[Any, Any]:
        own = preset.bounds.get(name, {})
        low, high = own.get("min"), own.get("max")
        if preset.extends is None:
            return low, high
        outer_low, outer_high = self.bounds(preset.extends, name)
        lows = [each for each in (low, outer_low) if each is not None]
        highs = [each for each in (high, outer_high) if each is not None]
        both = max(lows, default=None), min(highs, default=None)
        if lows and highs and max(lows) > min(highs):
            return outer_low, outer_high
        return both

    def seen(self, preset: Preset, decides: Assignment) -> Seen:
        ancestors = [preset]
        while ancestors[-1].extends is not None:
            ancestors.append(ancestors[-1].extends)
        names = {name for p in ancestors for name in p.parameters}
        names |= {"conversation_starters", "tools", "max_output_tokens", *TEXTS}
        bounded = {name for p in ancestors for name in p.bounds}
        values = {name: self.bounded(preset, name) for name in names}
        return Seen(
            preset.pk,
            decides.pk,
            {name: value for name, value in values.items() if value is not None},
            {name for p in ancestors for name in p.locked},
            {name: self.bounds(preset, name) for name in bounded},
        )

    def bounded(self, preset: Preset, name: str) -> Any:
        value = self.value(preset, name)
        low, high = self.bounds(preset, name)
        if isinstance(value, int | float) and low is not None and value < low:
            return low
        if isinstance(value, int | float) and high is not None and value > high:
            return high
        return value
