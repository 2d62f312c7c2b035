"""What loading a file changed, for people to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from librechat_backend.lib.json import JSONDict, JSONValue

NO_DEFAULTS: Mapping[str, JSONValue] = MappingProxyType({})


class Verb(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class FieldDifference:
    name: str
    before: JSONValue
    after: JSONValue


@dataclass(frozen=True, slots=True)
class Difference:
    """``what`` and ``name`` for people: preset “writer”."""

    verb: Verb
    what: str
    name: str
    fields: tuple[FieldDifference, ...] = ()


def difference(
    what: str,
    name: str,
    before: JSONDict,
    after: JSONDict,
    defaults: Mapping[str, JSONValue] = NO_DEFAULTS,
) -> Difference | None:
    """An empty ``before``: it is new, and what has its default is not worth a line."""
    known = before or {field: defaults.get(field) for field in after}
    fields = tuple(
        FieldDifference(field, before.get(field), value)
        for field, value in after.items()
        if known[field] != value and (before or value != "")
    )
    if before and not fields:
        return None
    return Difference(Verb.CHANGE if before else Verb.ADD, what, name, fields)
