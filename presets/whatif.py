"""What a change would do: tried out for real, compared, and rolled back."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.groups import effective_groups
from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from librechat_backend.lib.json import JSONValue
from presets.explain import State, explain_resolution
from presets.resolution import ResolvedPreset
from presets.resolver import Offer, fresh_resolution, make_offer, principal_of, served_by
from presets.snapshot import Snapshot, read_snapshot
from presets.startup import offered_endpoints

# A call of a service, ready to be made: partial(assign_preset, actor=…, preset=…, …).
Change = Callable[[], object]
MAX_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class PresetLine:
    """A preset that comes or goes; ``why`` is the explanation's sentence."""

    slug: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Move:
    """Places in the menu, counted from 1."""

    slug: str
    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    slug: str
    name: str
    field: str
    before: JSONValue
    after: JSONValue


@dataclass(frozen=True, slots=True)
class RuleChange:
    rule: str
    before: JSONValue
    after: JSONValue


@dataclass(frozen=True, slots=True)
class Difference:
    """``default``: names of the presets new chats start with, before and after, where they differ;
    an empty name: none. Models are (endpoint, model).
    """

    added: tuple[PresetLine, ...] = ()
    removed: tuple[PresetLine, ...] = ()
    moved: tuple[Move, ...] = ()
    changed: tuple[FieldChange, ...] = ()
    default: tuple[str, str] | None = None
    models_added: tuple[tuple[str, str], ...] = ()
    models_removed: tuple[tuple[str, str], ...] = ()
    policy: tuple[RuleChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the changes would do to one person."""

    user: User
    before: Offer
    after: Offer
    difference: Difference


def what_if(people: Iterable[User], changes: Iterable[Change]) -> list[Outcome]:
    """Make ``changes``, compare what ``people`` are offered, and undo everything.

    Raises what the changes raise. Other changes wait meanwhile; readers do not.
    """
    affected, now = list(people), timezone.now()
    with changing_rules():
        before = offers(affected, now)
        for change in changes:
            change()
        after = offers(affected, now)
        transaction.set_rollback(True)
    return [
        Outcome(user, old, new, compare(old, new))
        for user, old, new in zip(affected, before, after, strict=True)
    ]


def people_of(group: Group) -> list[User]:
    """Members of a group and of all groups below, by address; at most MAX_PEOPLE."""
    below, level = {group.pk}, {group.pk}
    while level:
        level = set(Group.objects.filter(parent__in=level).values_list("pk", flat=True)) - below
        below |= level
    people = User.objects.filter(memberships__group__in=below).distinct().order_by("email")
    return list(people[:MAX_PEOPLE])


def offers(people: Sequence[User], now: datetime | None = None) -> list[Offer]:
    """What each is offered at ``now``, read from the tables.

    What is kept in memory is neither asked nor touched, so that nothing of a transaction that is
    rolled back stays there.
    """
    snapshot = read_snapshot("")
    return [_offer(person, snapshot, now) for person in people]


def _offer(person: User, snapshot: Snapshot, now: datetime | None) -> Offer:
    groups = effective_groups(person.id)
    principal = principal_of(person.id, groups)
    endpoints = tuple(offered_endpoints(principal))
    served = served_by(endpoints)
    resolution = fresh_resolution(person.id, snapshot, groups, now, served=served)
    return make_offer(resolution, endpoints, principal)


# -- Comparing -------------------------------------------------------------------------------


def compare(before: Offer, after: Offer) -> Difference:
    old = {preset.slug: preset for preset in before.presets}
    new = {preset.slug: preset for preset in after.presets}
    old_models, new_models = _models(before), _models(after)
    old_default = before.default.name if before.default else ""
    new_default = after.default.name if after.default else ""
    is_same_default = _slug(before.default) == _slug(after.default)
    return Difference(
        added=_lines(after, new.keys() - old.keys()),
        removed=_removed(before, after, old.keys() - new.keys()),
        moved=_moves(list(old), list(new), new),
        changed=tuple(c for slug in new if slug in old for c in _changes(old[slug], new[slug])),
        default=None if is_same_default else (old_default, new_default),
        models_added=tuple(sorted(new_models - old_models)),
        models_removed=tuple(sorted(old_models - new_models)),
        policy=_rules(before, after),
    )


def _slug(preset: ResolvedPreset | None) -> str:
    return preset.slug if preset else ""


def _models(offer: Offer) -> set[tuple[str, str]]:
    return {(info.name, model) for info in offer.endpoints for model in info.models}


def _lines(offer: Offer, slugs: Iterable[str]) -> tuple[PresetLine, ...]:
    wanted = set(slugs)
    explained = explain_resolution(offer.resolution, unavailable=offer.unavailable)
    return tuple(
        PresetLine(each.slug, each.name, each.sentence)
        for each in explained
        if each.slug in wanted and each.state is State.VISIBLE
    )


def _removed(before: Offer, after: Offer, slugs: Iterable[str]) -> tuple[PresetLine, ...]:
    """With the reason that holds after the change, where there is one left."""
    explained = explain_resolution(after.resolution, unavailable=after.unavailable)
    why = {each.preset_id: each.sentence for each in explained}
    gone = set(slugs)
    return tuple(
        PresetLine(p.slug, p.name, why.get(p.preset.id, "It is no longer given to this person."))
        for p in before.presets
        if p.slug in gone
    )


def _moves(
    before: list[str], after: list[str], presets: dict[str, ResolvedPreset]
) -> tuple[Move, ...]:
    """As few as explain the new order: what only made room has not moved."""
    place = {slug: number for number, slug in enumerate(before, 1)}
    kept = [slug for slug in after if slug in place]
    stayed = _longest_rise([place[slug] for slug in kept])
    return tuple(
        Move(slug, presets[slug].name, place[slug], after.index(slug) + 1)
        for slug in kept
        if place[slug] not in stayed
    )


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The members of a longest increasing subsequence of different numbers."""
    tails: list[int] = []
    previous: dict[int, int | None] = {}
    for number in numbers:
        position = bisect_left(tails, number)
        previous[number] = tails[position - 1] if position else None
        tails[position : position + 1] = [number]
    rise: set[int] = set()
    last = tails[-1] if tails else None
    while last is not None:
        rise.add(last)
        last = previous[last]
    return rise


def _changes(old: ResolvedPreset, new: ResolvedPreset) -> list[FieldChange]:
    pairs = [
        (name, old.fields.get(name), new.fields.get(name))
        for name in dict.fromkeys((*old.fields, *new.fields))
    ]
    pairs.append(("locked", sorted(old.locked), sorted(new.locked)))
    pairs.append(("bounds", dict(old.bounds), dict(new.bounds)))
    return [FieldChange(new.slug, new.name, *pair) for pair in pairs if pair[1] != pair[2]]


def _rules(before: Offer, after: Offer) -> tuple[RuleChange, ...]:
    pairs = (
        (rule.name, getattr(before.policy, rule.name), getattr(after.policy, rule.name))
        for rule in fields(before.policy)
    )
    return tuple(RuleChange(*pair) for pair in pairs if pair[1] != pair[2])
