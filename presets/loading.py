"""From a file to the tables: all of it, or nothing, and once is as good as twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from django.db import transaction

from accounts.changes import because
from accounts.models import Group, User
from accounts.models.stamp import changing_rules
from accounts.models.user import normalize_email
from accounts.services.groups import create_group
from librechat_backend.lib.errors import AppError, InvalidFields
from librechat_backend.lib.json import JSONDict, JSONValue
from presets import giving
from presets.bundle import (
    AssignmentEntry,
    Bundle,
    Entry,
    GroupEntry,
    PolicyEntry,
    PresetEntry,
)
from presets.differences import NO_DEFAULTS, Difference, Verb, difference
from presets.files import Document, InvalidFile, Place, Problem
from presets.group_changes import change_group
from presets.models import Assignment, Policy, Preset
from presets.policies import PolicyRules, save_policy
from presets.services import (
    COLUMNS,
    AssignmentOptions,
    assign_preset,
    default_fields,
    delete_preset,
    save_preset,
    unassign_preset,
)

REASON = "Loaded from a file"


def load_bundle(
    document: Document, bundle: Bundle, *, prune: bool = False, dry_run: bool = False
) -> list[Difference]:
    """Make the tables say what ``bundle`` says; what was different.

    ``prune`` removes presets, assignments and rules the file does not name; groups and their
    members always stay. Raises InvalidFile with everything that is wrong.
    """
    loading = _Loading(document, bundle)
    with changing_rules(), because(REASON):
        loading.run(prune=prune)
        if dry_run or not loading.differences:
            transaction.set_rollback(True)
    return loading.differences


E = TypeVar("E", bound=Entry)
# Whom an assignment is for: address, short name of the group; both empty for everyone.
Principal = tuple[str, str]


class _Loading:
    """Goes on after a problem, so that people read all problems at once."""

    def __init__(self, document: Document, bundle: Bundle) -> None:
        self.document, self.bundle = document, bundle
        self.differences: list[Difference] = []
        self.problems: list[Problem] = []
        # What stands for an entry, by its place.
        self.rows: dict[Place, Preset] = {}

    def run(self, *, prune: bool) -> None:
        """Raises InvalidFile."""
        self._check_names()
        self._stop_if_wrong()
        self._find_presets()
        self._stop_if_wrong()
        if prune:
            self._prune_assignments()
        self._load_groups()
        self._load_presets()
        self._stop_if_wrong()
        self._load_assignments()
        self._load_policies()
        if prune:
            self._prune_presets()
            self._prune_policies()
        self._stop_if_wrong()

    # -- Problems ----------------------------------------------------------------------------

    def _fail(self, place: Place, message: str) -> None:
        self.problems.append(self.document.problem(place, message))

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise InvalidFile(self.problems)

    @contextmanager
    def _beside(self, entry: Entry) -> Iterator[None]:
        """What services refuse stands beside the fields of ``entry``."""
        try:
            with transaction.atomic():
                yield
        except InvalidFields as error:
            for name, messages in error.errors.items():
                for message in messages:
                    self._fail(entry.place_of(name), message)
        except AppError as error:
            self._fail(entry.place, str(error))

    def _check_names(self) -> None:
        bundle = self.bundle
        self._check_once(bundle.groups, lambda group: group.slug)
        self._check_once([p for p in bundle.presets if p.id], lambda preset: preset.id)
        self._check_once(bundle.policies, lambda policy: policy.group)
        for preset in bundle.presets:
            self._check_once(preset.assignments, lambda given: (given.user, given.group))
            same = [other for other in bundle.presets if other.slug == preset.slug]
            if len(same) > 1 and not preset.id:
                message = f"There are several “{preset.slug}”: each needs its “id”."
                self._fail(preset.place_of("slug"), message)

    def _check_once(self, entries: Sequence[E], key: Callable[[E], object]) -> None:
        seen: dict[object, E] = {}
        for entry in entries:
            first = seen.setdefault(key(entry), entry)
            if first is not entry:
                line = self.document.line_of(first.place)
                self._fail(entry.place, f"This is the same as in line {line}.")

    def _parents_first(self, entries: Sequence[E], above: Callable[[E], E | None]) -> Sequence[E]:
        done: dict[Place, E] = {}
        for entry in entries:
            way: dict[Place, E] = {}
            each: E | None = entry
            while each is not None and each.place not in done:
                if each.place in way:
                    self._fail(each.place, "This would be a loop.")
                    return ()
                way[each.place] = each
                each = above(each)
            done |= dict(reversed(way.items()))
        return list(done.values())

    # -- Groups ------------------------------------------------------------------------------

    def _parent_of(self, entry: GroupEntry) -> GroupEntry | None:
        return next((group for group in self.bundle.groups if group.slug == entry.parent), None)

    def _load_groups(self) -> None:
        for group in self._parents_first(self.bundle.groups, self._parent_of):
            with self._beside(group):
                self._load_group(group)

    def _load_group(self, entry: GroupEntry) -> None:
        parent = _group(entry.parent, "parent") if entry.parent else None
        fields = entry.fields | {"parent": parent}
        row = Group.objects.select_related("parent").filter(slug=entry.slug).first()
        before = _described(row, fields) if row else {}
        if row is None:
            row = create_group(actor=None, slug=entry.slug, **fields)
        elif before != _described_values(fields):
            row = change_group(actor=None, group=row, fields=fields)
        self._note("group", entry.slug, before, _described(row, fields))

    # -- Presets -----------------------------------------------------------------------------

    def _find_presets(self) -> None:
        """Rows by id, else by a short name that is one row's alone."""
        presets = list(Preset.objects.select_related("extends", "owner_group"))
        by_id = {preset.pk: preset for preset in presets}
        named = {entry.id for entry in self.bundle.presets}
        for entry in self.bundle.presets:
            if entry.id:
                found = [by_id[entry.id]] if entry.id in by_id else []
            else:
                found = [p for p in presets if p.slug == entry.slug and p.pk not in named]
            if len(found) > 1:
                message = f"There are several “{entry.slug}” here: say which by its “id”."
                self._fail(entry.place_of("slug"), message)
            elif found:
                self.rows[entry.place] = found[0]

    def _entry_called(self, reference: str) -> PresetEntry | None:
        """In the file: by id, or else by short name."""
        named = [e for e in self.bundle.presets if reference in (e.id, e.slug)]
        return next((e for e in named if e.id == reference), named[0] if len(named) == 1 else None)

    def _extended_by(self, entry: PresetEntry) -> PresetEntry | None:
        return self._entry_called(entry.extends) if entry.extends else None

    def _extended(self, reference: str) -> Preset:
        """Raises InvalidFields."""
        entry = self._entry_called(reference)
        if entry is not None and entry.place in self.rows:
            return self.rows[entry.place]
        found = list(Preset.objects.filter(pk=reference) or Preset.objects.filter(slug=reference))
        if len(found) != 1:
            problem = "several presets" if found else "no preset"
            raise InvalidFields({"extends": [f"There is {problem} called “{reference}”."]})
        return found[0]

    def _load_presets(self) -> None:
        for preset in self._parents_first(self.bundle.presets, self._extended_by):
            with self._beside(preset):
                self._load_preset(preset)

    def _load_preset(self, entry: PresetEntry) -> None:
        row = self.rows.get(entry.place)
        fields = (default_fields() if self.bundle.is_whole else {}) | entry.fields
        fields["slug"] = entry.slug
        if entry.extends is not None:
            fields["extends"] = self._extended(entry.extends) if entry.extends else None
        if entry.owner_group is not None:
            name = entry.owner_group
            fields["owner_group"] = _group(name, "owner_group") if name else None
        before = _described(row, _COMPARED) if row else {}
        saved = save_preset(
            actor=None, preset=row, fields=fields, reason=REASON, new_id="" if row else entry.id
        )
        self.rows[entry.place] = saved
        defaults = default_fields() | {"slug": entry.slug, "owner_group": None}
        self._note("preset", entry.slug, before, _described(saved, _COMPARED), defaults)

    # -- Assignments -------------------------------------------------------------------------

    def _load_assignments(self) -> None:
        """Defaults last: where they change places, there are never two of them."""
        waiting: list[tuple[PresetEntry, AssignmentEntry]] = []
        for preset in self.bundle.presets:
            for given in preset.assignments:
                with self._beside(given):
                    if self._load_assignment(preset, given):
                        waiting.append((preset, given))
        for preset, given in waiting:
            with self._beside(given):
                row = self.rows[preset.place]
                assign_preset(actor=None, preset=row, **_principal(given), is_default=True)

    def _load_assignment(self, preset: PresetEntry, given: AssignmentEntry) -> bool:
        """Whether it is still to become a default."""
        row, principal = self.rows[preset.place], _principal(given)
        options = (_default_options() if self.bundle.is_whole else {}) | given.fields
        same = Assignment.objects.filter(
            preset=row, user=principal.get("user"), group=principal.get("group")
        )
        old = same.first()
        before = _described(old, options) if old else {}
        if before == options:
            return False
        becomes_default = bool(options.get("is_default"))
        first = options | {"is_default": False} if becomes_default else options
        assign_preset(actor=None, preset=row, **principal, **cast(AssignmentOptions, first))
        whom = given.user or given.group or "everyone"
        name = f"{preset.slug} for {whom}"
        self._note("assignment", name, before, options, _default_options())
        return becomes_default

    def _prune_assignments(self) -> None:
        kept = {
            (self.rows[entry.place].pk, *_address(given))
            for entry in self.bundle.presets
            if entry.place in self.rows
            for given in entry.assignments
        }
        for row in Assignment.objects.select_related("preset", "user", "group"):
            user, group = row.user.email if row.user else "", row.group.slug if row.group else ""
            if (row.preset_id, user, group) not in kept:
                unassign_preset(
                    actor=None, preset=row.preset, user=row.user, group=row.group,
                    everyone=not (user or group),
                )  # fmt: skip
                name = f"{row.preset.slug} for {user or group or 'everyone'}"
                self.differences.append(Difference(Verb.REMOVE, "assignment", name))

    def _prune_presets(self) -> None:
        """Those that extend others go first."""
        kept = {row.pk for row in self.rows.values()}
        rest = list(Preset.objects.exclude(pk__in=kept))
        while rest:
            extended = {preset.extends_id for preset in Preset.objects.all()}
            leaves = [preset for preset in rest if preset.pk not in extended]
            for preset in leaves:
                delete_preset(actor=None, preset=preset)
                self.differences.append(Difference(Verb.REMOVE, "preset", preset.slug))
            if not leaves:
                names = ", ".join(f"“{preset.slug}”" for preset in rest)
                self._fail((), f"Presets in the file extend what would be removed: {names}.")
                return
            rest = [preset for preset in rest if preset not in leaves]

    # -- Rules -------------------------------------------------------------------------------

    def _load_policies(self) -> None:
        for policy in self.bundle.policies:
            with self._beside(policy):
                self._load_policy(policy)

    def _load_policy(self, entry: PolicyEntry) -> None:
        group = _group(entry.group, "group") if entry.group else None
        rules = (_NO_RULES if self.bundle.is_whole else {}) | entry.fields
        self._save_policy(group, rules)

    def _save_policy(self, group: Group | None, rules: JSONDict) -> None:
        row = Policy.objects.filter(group=group).first()
        before = {name: getattr(row, name) if row else None for name in rules}
        if before != rules:
            save_policy(actor=None, group=group, **cast(PolicyRules, rules))
            self._note("rules", f"for {group.slug if group else 'everyone'}", before, rules)

    def _prune_policies(self) -> None:
        named = {entry.group for entry in self.bundle.policies}
        for row in Policy.objects.select_related("group"):
            if (row.group.slug if row.group else "") not in named:
                self._save_policy(row.group, _NO_RULES)

    def _note(
        self,
        what: str,
        name: str,
        before: JSONDict,
        after: JSONDict,
        defaults: Mapping[str, JSONValue] = NO_DEFAULTS,
    ) -> None:
        found = difference(what, name, before, after, defaults)
        if found is not None:
            self.differences.append(found)


_COMPARED = (*COLUMNS, "extends", "owner_group")
_NO_RULES: JSONDict = dict.fromkeys(PolicyRules.__annotations__)


def _default_options() -> JSONDict:
    names = AssignmentOptions.__annotations__
    return {name: Assignment._meta.get_field(name).get_default() for name in names}  # type: ignore[union-attr]


def _described(row: object, names: Mapping[str, object] | Sequence[str]) -> JSONDict:
    """Values as they are shown and compared; rows by their short names."""
    return _described_values({name: getattr(row, name) for name in names})


def _described_values(values: Mapping[str, JSONValue]) -> JSONDict:
    return {
        name: value.slug if isinstance(value, Group | Preset) else value
        for name, value in values.items()
    }


def _group(slug: str, field: str) -> Group:
    """Raises InvalidFields."""
    group = Group.objects.filter(slug=slug).first()
    if group is None:
        raise InvalidFields({field: [f"There is no group with the short name “{slug}”."]})
    return group


def _address(given: AssignmentEntry) -> Principal:
    return normalize_email(given.user), given.group


def _principal(given: AssignmentEntry) -> giving.Principal:
    """Raises InvalidFields."""
    if given.group:
        return {"group": _group(given.group, "group")}
    if not given.user:
        return {"everyone": True}
    user = User.objects.filter(email=normalize_email(given.user)).first()
    if user is None:
        raise InvalidFields({"user": [f"Nobody has the address “{given.user}”."]})
    return {"user": user}
