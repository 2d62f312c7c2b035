"""What a file says: groups, presets with their assignments, and rules. Pure.

Values have the right types here, under canonical names; what they mean is for services to check.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import from_iso, in_utc
from presets.fields import LOOKS
from presets.files import Document, InvalidFile, Place, Problem
from presets.spelling import field_name, spellings_of, with_inner_names

# A check answers the value as it is meant, or raises ValueError with a sentence for people.
Check = Callable[[JSONValue], JSONValue]


@dataclass(frozen=True, slots=True)
class Entry:
    """``places`` says where in the file a field stands, if not at ``place`` under its own name."""

    place: Place
    fields: JSONDict
    places: Mapping[str, Place] = field(default_factory=dict)

    def place_of(self, name: str) -> Place:
        return self.places.get(name, self.place)


@dataclass(frozen=True, slots=True)
class GroupEntry(Entry):
    slug: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class AssignmentEntry(Entry):
    """To the person with the address ``user``, the group with the short name, or everyone."""

    user: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class PresetEntry(Entry):
    """``extends`` is an id or a short name; None: not said, so it stays."""

    slug: str = ""
    id: str = ""
    extends: str | None = None
    owner_group: str | None = None
    assignments: tuple[AssignmentEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyEntry(Entry):
    """An empty ``group``: the rules for everyone."""

    group: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """``notes``: what the file says and presets cannot do.

    ``is_whole``: what an entry leaves out has its default; otherwise it stays as it is.
    """

    groups: tuple[GroupEntry, ...] = ()
    presets: tuple[PresetEntry, ...] = ()
    policies: tuple[PolicyEntry, ...] = ()
    notes: tuple[Problem, ...] = ()
    is_whole: bool = False


# -- Types -----------------------------------------------------------------------------------


def text(value: JSONValue) -> str:
    if not isinstance(value, str):
        raise ValueError("Enter a text; in quotes if it looks like something else.")
    return value.replace("\x00", "")


def object_id(value: JSONValue) -> str:
    if not is_object_id(value):
        raise ValueError(
            "An id has 24 hexadecimal digits. Leave it out of what you write yourself."
        )
    return str(value)


def flag(value: JSONValue) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Enter true or false.")
    return value


def whole(value: JSONValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
        raise ValueError("Enter a whole number.")
    return value


def moment(value: JSONValue) -> datetime:
    """A date is its first moment, and without a zone it is in UTC."""
    try:
        if isinstance(value, str):
            return from_iso(value)
        if isinstance(value, datetime):
            return in_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except ValueError:
        pass
    raise ValueError("Enter a date and time like 2026-03-15 12:00:00Z.")


def named(value: JSONValue) -> JSONDict:
    if not isinstance(value, dict):
        raise ValueError("Enter names with values.")
    return value


def listed(value: JSONValue) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("Enter a list.")
    return value


def optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


_GROUP: dict[str, Check] = {
    "slug": text, "name": text, "description": text, "is_active": flag, "parent": optional(text),
}  # fmt: skip
_PRESET: dict[str, Check] = {
    **dict.fromkeys(
        (
            "slug", "name", "description", "icon_url", "menu_group", "menu_group_icon",
            "endpoint", "model", "system_message", "greeting", "model_label",
        ),
        text,
    ),
    "id": object_id,
    "conversation_starters": listed,
    "parameters": named,
    "bounds": named,
    "locked": listed,
    "tools": named,
    "max_output_tokens": optional(whole),
    "max_context_tokens": optional(whole),
    "cache_seconds": optional(whole),
    "is_active": flag,
    **dict.fromkeys(LOOKS, optional(flag)),
    "extends": optional(text),
    "owner_group": optional(text),
    "assignments": listed,
}  # fmt: skip
_ASSIGNMENT: dict[str, Check] = {
    "user": text,
    "group": text,
    "everyone": flag,
    "effect": text,
    "is_final": flag,
    "priority": whole,
    "is_default": flag,
    "is_active": flag,
    "starts_at": optional(moment),
    "ends_at": optional(moment),
    "rollout_percent": whole,
}
_POLICY: dict[str, Check] = {
    "group": text,
    "everyone": flag,
    **dict.fromkeys(
        ("allows_personal_presets", "allows_override", "allows_group_presets", "enforce",
         "prioritize", "default_is_soft"),
        optional(flag),
    ),
    "added_endpoints": optional(listed),
    "scope_precedence": optional(listed),
}  # fmt: skip


# -- The own format --------------------------------------------------------------------------


class Reading:
    """A file on its way to a bundle, and what is wrong with it so far."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def fail(self, place: Place, message: str) -> None:
        self.problems.append(self.document.problem(place, message))

    def fields(self, value: JSONValue, place: Place, checks: Mapping[str, Check]) -> Entry:
        """The members of ``value`` that are right, under canonical names."""
        if not isinstance(value, dict):
            self.fail(place, "Enter names with values.")
            return Entry(place, {})
        found: JSONDict = {}
        for key, member in value.items():
            name = field_name(key)
            if name not in checks:
                known = ", ".join(checks)
                self.fail((*place, key), f"There is no “{key}” here. There are: {known}.")
            elif name in found:
                self.fail((*place, key), "This is said twice, in different spellings.")
            else:
                found[name] = self.checked(member, (*place, key), checks[name])
        paths = spellings_of(value)
        places = {name: (*place, *path.split(".", 1)) for name, path in paths.items()}
        return Entry(place, with_inner_names(found), places)

    def checked(self, value: JSONValue, place: Place, check: Check) -> JSONValue:
        try:
            return check(value)
        except ValueError as error:
            self.fail(place, str(error))
            return None

    def items(self, place: Place, value: JSONValue) -> list[tuple[Place, JSONValue]]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.fail(place, "Enter a list.")
            return []
        return [((*place, number), item) for number, item in enumerate(value)]

    def require_complete(self) -> None:
        """Raises InvalidFile."""
        if self.problems:
            raise InvalidFile(self.problems)


SECTIONS = ("groups", "presets", "policies")


def read_own(document: Document) -> Bundle:
    """A file as dump_presets writes it. Raises InvalidFile."""
    reading, value = Reading(document), document.value
    for key in value:
        if key not in SECTIONS:
            reading.fail((key,), f"There is no “{key}” here. There are: {', '.join(SECTIONS)}.")
    groups = [_group(reading, *item) for item in reading.items(("groups",), value.get("groups"))]
    presets = [
        _preset(reading, *item) for item in reading.items(("presets",), value.get("presets"))
    ]
    policies = [
        _policy(reading, *item) for item in reading.items(("policies",), value.get("policies"))
    ]
    reading.require_complete()
    return Bundle(tuple(groups), tuple(presets), tuple(policies), is_whole=True)


def _group(reading: Reading, place: Place, value: JSONValue) -> GroupEntry:
    entry = reading.fields(value, place, _GROUP)
    defaults: JSONDict = {"name": "", "description": "", "is_active": True}
    fields = defaults | entry.fields
    slug, parent = fields.pop("slug", ""), fields.pop("parent", None)
    fields["name"] = fields["name"] or slug
    if not slug:
        reading.fail(place, "A group needs a “slug”, its short name.")
    return GroupEntry(place, fields, entry.places, slug=slug, parent=parent or "")


def _preset(reading: Reading, place: Place, value: JSONValue) -> PresetEntry:
    entry = reading.fields(value, place, _PRESET)
    fields = dict(entry.fields)
    if not fields.get("slug"):
        reading.fail(place, "A preset needs a “slug”, its short name.")
    where, given = entry.place_of("assignments"), fields.pop("assignments", None)
    return PresetEntry(
        slug=fields.pop("slug", None) or "",
        id=fields.pop("id", None) or "",
        extends=fields.pop("extends", None) or "",
        owner_group=fields.pop("owner_group", None) or "",
        assignments=tuple(_assignment(reading, *item) for item in reading.items(where, given)),
        place=place,
        fields=fields,
        places=entry.places,
    )


def _assignment(reading: Reading, place: Place, value: JSONValue) -> AssignmentEntry:
    entry = reading.fields(value, place, _ASSIGNMENT)
    fields, user, group = _principal(reading, entry)
    return AssignmentEntry(place, fields, entry.places, user=user, group=group)


def _policy(reading: Reading, place: Place, value: JSONValue) -> PolicyEntry:
    entry = reading.fields(value, place, _POLICY)
    fields, _, group = _principal(reading, entry)
    return PolicyEntry(place, fields, entry.places, group=group)


def _principal(reading: Reading, entry: Entry) -> tuple[JSONDict, str, str]:
    """The other fields, the person, the group."""
    fields = dict(entry.fields)
    user, group = fields.pop("user", "") or "", fields.pop("group", "") or ""
    if bool(user) + bool(group) + bool(fields.pop("everyone", False)) != 1:
        reading.fail(entry.place, "Say whose: “everyone: true”, or a “group”, or a “user”.")
    return fields, user, group
