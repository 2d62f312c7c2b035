"""A librechat.yaml while it is read: what each of its values became. Pure.

Readers take what they understand and refuse the rest with a reason; what no reader has touched is
unknown. So every value of a file ends up in the report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.files import Document, Place

T = TypeVar("T")

USER_PROVIDED = "user_provided"
_VARIABLE = re.compile(r"\$\{([^${}]+)\}")
# Filled in by LibreChat at each request.
_TEMPLATE = re.compile(r"\{\{[^{}]+\}\}")


class Fate(StrEnum):
    TAKEN = "taken"
    CHANGED = "taken, changed"
    REFUSED = "not taken"
    UNKNOWN = "not known here"


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a value and all below it: ``text`` is what it is now, or why it is not."""

    fate: Fate
    line: int
    key: str
    text: str


class WrongValue(Exception):
    """The message is a sentence for people."""


@dataclass
class Source:
    """``env`` is the old server's environment; ``missing`` its variables that were not there."""

    document: Document
    env: Mapping[str, str]
    lines: dict[Place, Line] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def root(self) -> Node:
        return Node(self, (), self.document.value)

    def note(self, fate: Fate, place: Place, text: str) -> None:
        """The first word counts: readers go from the particular to the general."""
        key = ".".join(map(str, place))
        self.lines.setdefault(place, Line(fate, self.document.line_of(place), key, text))

    def withdraw(self, place: Place, why: str) -> None:
        """Nothing of it is taken, whatever was said of its parts."""
        below = [known for known in self.lines if known[: len(place)] == place]
        for known in below:
            if known == place or self.lines[known].fate in (Fate.TAKEN, Fate.CHANGED):
                del self.lines[known]
        self.note(Fate.REFUSED, place, why)

    def finish(self) -> list[Line]:
        """All lines, those of unknown values included, in the order of the file."""
        for place in self._untouched((), self.document.value):
            self.note(Fate.UNKNOWN, place, "LibreChat may know this; here it has no meaning.")
        return sorted(self.lines.values(), key=lambda line: (line.line, line.key))

    def _untouched(self, place: Place, value: JSONValue) -> Iterator[Place]:
        """The largest parts no line speaks of, in whole or in part."""
        if place in self.lines:
            return
        below = [((*place, key), member) for key, member in members(value)]
        is_touched = any(known[: len(place)] == place for known in self.lines)
        if place and not (is_touched and below):
            yield place
            return
        for each, member in below:
            yield from self._untouched(each, member)


def members(value: JSONValue) -> Iterator[tuple[str | int, JSONValue]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


@dataclass(frozen=True)
class Node:
    """A value of the file and where it stands."""

    source: Source
    place: Place
    value: JSONValue

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Node:
        """Of what is not there, a node without a value."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(self.source, (*self.place, key), value)

    @property
    def children(self) -> list[tuple[str | int, Node]]:
        found = members(self.value)
        return [(key, Node(self.source, (*self.place, key), value)) for key, value in found]

    @property
    def key(self) -> str:
        return ".".join(map(str, self.place))

    # -- What becomes of it ------------------------------------------------------------------

    def take(self, what: str) -> None:
        self.source.note(Fate.TAKEN, self.place, what)

    def refuse(self, why: str) -> None:
        self.source.withdraw(self.place, why)

    def refuse_known(self, reasons: Mapping[str, str]) -> None:
        """Those of the members that are there."""
        for key, reason in reasons.items():
            if key in self and (*self.place, key) not in self.source.lines:
                self[key].refuse(reason)

    def read(self, key: str, check: Callable[[Node], T], what: str) -> T | None:
        """The member ``key``, taken as ``what``; None where it is absent or wrong."""
        if key not in self:
            return None
        child = self[key]
        try:
            value = check(child)
        except WrongValue as problem:
            child.refuse(str(problem))
            return None
        child.take(what)
        return value

    def fields(
        self, checks: Mapping[str, tuple[str, Callable[[Node], object]]], what: str
    ) -> JSONDict:
        """``{key: (field, check)}`` → the fields that are there; ``what`` may hold ``{}``."""
        found = {
            field: self.read(key, check, what.format(field))
            for key, (field, check) in checks.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    # -- Text with variables -----------------------------------------------------------------

    def filled_in(self) -> str:
        """The text with its variables; raises WrongValue where one is missing."""
        value = text(self)
        absent = [name for name in _VARIABLE.findall(value) if not self.source.env.get(name)]
        for name in absent:
            self.source.missing.setdefault(name, []).append(self.key)
        if absent:
            raise WrongValue(f"{', '.join(absent)}: not in the environment file.")
        return _VARIABLE.sub(lambda found: self.source.env[found[1]], value)


# -- Checks ----------------------------------------------------------------------------------


def text(node: Node) -> str:
    """Numbers are texts, too, where YAML has made a number of one."""
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        raise WrongValue("A text is expected here.")
    return str(node.value).replace("\x00", "")


def filled_in(node: Node) -> str:
    """With the variables of the old environment, and nothing that each request fills in."""
    value = node.filled_in()
    if _TEMPLATE.search(value):
        raise WrongValue("What each request fills in, {{…}}, is sent by no channel here.")
    return value


def flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise WrongValue("true or false is expected here.")
    return node.value


def number(node: Node) -> float:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**31:
        raise WrongValue("A number from 0 on is expected here.")
    return value


def whole(node: Node) -> int:
    value = number(node)
    if value != int(value):
        raise WrongValue("A whole number is expected here.")
    return int(value)


def positive(node: Node) -> int:
    value = whole(node)
    if not value:
        raise WrongValue("A number from 1 on is expected here.")
    return value


def texts(node: Node) -> list[str]:
    if not isinstance(node.value, list):
        raise WrongValue("A list is expected here.")
    return [text(child) for _, child in node.children]


def one_of(*allowed: str) -> Callable[[Node], str]:
    def check(node: Node) -> str:
        if node.value not in allowed:
            raise WrongValue(f"One of {', '.join(allowed)} is expected here.")
        return str(node.value)

    return check


def needs(node: Node, kind: type, what: str) -> bool:
    """Whether it is a ``kind``; refused otherwise."""
    if not isinstance(node.value, kind):
        node.refuse(f"{what} expected here.")
        return False
    return True
