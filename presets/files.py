"""Files of presets: YAML and JSON in, as values that know their lines; and out.

The only place that knows YAML. Reading makes plain values only, and no more of them than a file of
presets can have: an alias that is repeated counts each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import yaml

from librechat_backend.lib import json
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONValue

MAX_BYTES = 1024 * 1024
MAX_VALUES = 100_000
MAX_DEPTH = 30

Place = tuple[str | int, ...]

_YAML = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` counts from 1; ``key`` is the way to the value: ``presets.0.model``."""

    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.key}" if self.key else f"line {self.line}"
        return f"{where}: {self.message}"


class InvalidFile(AppError):
    """All that is wrong with a file, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Document:
    value: JSONValue
    lines: Mapping[Place, int] = field(default_factory=dict)

    def problem(self, place: Place, message: str) -> Problem:
        return Problem(self.line_of(place), ".".join(map(str, place)), message)

    def line_of(self, place: Place) -> int:
        """Of what is not there: the line of what would hold it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_file(name: str, content: bytes) -> Document:
    """JSON where ``name`` ends so, else YAML. Raises InvalidFile."""
    if len(content) > MAX_BYTES:
        raise InvalidFile([Problem(1, "", f"The file is larger than {MAX_BYTES} bytes.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFile([Problem(line, "", "This is no text in UTF-8.")]) from error
    return _read_json(text) if PurePath(name).suffix.lower() == ".json" else _read_yaml(text)


def _read_json(text: str) -> Document:
    try:
        value = json.loads(text)
    except json.DecodeError as error:
        raise InvalidFile([Problem(error.lineno, "", error.msg)]) from error
    try:  # JSON is YAML, but for tabs, which stand in no JSON text unescaped
        lines = _read_yaml(text.replace("\t", " ")).lines
    except UnreadableYAML:
        lines = {}
    return Document(value, lines)


class UnreadableYAML(InvalidFile):
    """It is no YAML at all."""


def _read_yaml(text: str) -> Document:
    try:
        _check_depth(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        reader = _Reader()
        value = reader.read(root, ()) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = Problem(mark.line + 1 if mark else 1, "", _sentence(error.problem))
        raise UnreadableYAML([problem]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableYAML([Problem(line, "", _sentence(error.reason))]) from error
    return Document(value, reader.lines)


def _sentence(reason: str | None) -> str:
    text = reason or "this is no YAML"
    return f"{text[:1].upper()}{text[1:]}."


def _check_depth(text: str) -> None:
    """Before anything recursive sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1  # type: ignore[union-attr]  # parsed text has marks
            raise InvalidFile([Problem(line, "", f"More than {MAX_DEPTH} levels.")])


class _Reader:
    """From nodes to values; each value is visited as often as it is used."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self._count = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node, place: Place) -> JSONValue:
        self._count += 1
        if self._count > MAX_VALUES:
            self._fail(node, place, f"More than {MAX_VALUES} values, repeated ones included.")
        if len(place) > MAX_DEPTH:
            self._fail(node, place, "This holds itself.")
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_YAML}map":
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_YAML}seq":
            return [self.read(item, (*place, n)) for n, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        return self._fail(node, place, f"“{node.tag}” is nothing a file of presets can hold.")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail(key_node, place, "Names are texts.")
            key = key_node.value
            if key_node.tag == f"{_YAML}merge":
                merged = self._merge(value_node, place) | merged
            elif key in own:
                self._fail(key_node, (*place, key), "This is said twice.")
            else:
                self.lines[(*place, key)] = key_node.start_mark.line + 1
                own[key] = self.read(value_node, (*place, key))
        return merged | own

    def _merge(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        """``<<``: of several the first counts."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for each in nodes:
            value = self.read(each, (*place, "<<"))
            if not isinstance(value, dict):
                self._fail(each, place, "Only names with values can be merged.")
            merged = value | merged
        return merged

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> JSONValue:
        try:
            return self._scalars.construct_object(node)
        except (ValueError, OverflowError):  # a date like 2026-02-31
            return self._fail(node, place, f"There is no “{node.value}”.")

    def _fail(self, node: yaml.Node, place: Place, message: str) -> Any:
        key = ".".join(map(str, place[:MAX_DEPTH]))
        raise InvalidFile([Problem(node.start_mark.line + 1, key, message)])


# -- Writing ---------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


# Line ends to YAML; unless they are escaped, they come back as something else.
_LINE_ENDS = frozenset("\r\x85\u2028\u2029\ufeff")


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _LINE_ENDS.intersection(text) else "|" if "\n" in text else None
    return dumper.represent_scalar(f"{_YAML}str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def write_yaml(value: JSONValue) -> str:
    """Names in the order of ``value``; longer texts as blocks."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def write_json(value: JSONValue) -> str:
    return json.dumps_indented(value).decode() + "\n"
