"""Members that old versions and scripts wrote in other types → the types of today. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from librechat_backend.lib.json import JSONDict, JSONValue
from moving.values import items, members, rows, text, whole

ODD = "odd"
REWRITTEN = "“{}” was of another type than it is today, and was rewritten"


@dataclass(frozen=True, slots=True)
class Shape:
    """``fits``: whether a value is as it should be. ``mend`` makes such a one of any other; None
    where that cannot be.
    """

    fits: Callable[[JSONValue], bool]
    mend: Callable[[JSONValue], JSONValue]


Shapes = Mapping[str, Shape]


def mended(document: JSONDict, shapes: Shapes) -> tuple[JSONDict, JSONDict]:
    """``document`` with its members in their shapes; those that were not, as they were."""
    odd = {
        name: value
        for name, shape in shapes.items()
        if (value := document.get(name)) is not None and not shape.fits(value)
    }
    if not odd:
        return document, odd
    return document | {name: shapes[name].mend(value) for name, value in odd.items()}, odd


# -- What fits ---------------------------------------------------------------------------------


def _is_text(value: JSONValue) -> bool:
    return isinstance(value, str)


def _is_list(value: JSONValue) -> bool:
    return isinstance(value, list)


def _is_object(value: JSONValue) -> bool:
    return isinstance(value, dict)


def _is_switch(value: JSONValue) -> bool:
    return isinstance(value, bool)


def _is_number(value: JSONValue) -> bool:
    return whole(value) is not None


def _are_rows(value: JSONValue) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _are_texts(value: JSONValue) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# -- What is made of the rest --------------------------------------------------------------------


def _words(value: JSONValue) -> str | None:
    """Of a part that stands in place of its words; of a number."""
    found = members(value)
    if found:
        return text(found, "value") or text(found, "text") or None
    return str(value) if isinstance(value, int | float) else None


def _parts(value: JSONValue) -> list[JSONValue] | None:
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    return [value] if isinstance(value, dict) else None


def _files(value: JSONValue) -> list[JSONDict]:
    """Some are named by their ids alone."""
    every = value if isinstance(value, list) else [value]
    named = [{"file_id": each} if isinstance(each, str) else each for each in every]
    return rows(named)


def _objects(value: JSONValue) -> list[JSONDict]:
    return rows(value if isinstance(value, list) else [value])


def _texts(value: JSONValue) -> list[str]:
    every = items(value) or [value]
    return [str(each) for each in every if isinstance(each, str | int | float)]


def _rating(value: JSONValue) -> JSONDict | None:
    return {"rating": value} if value in ("thumbsUp", "thumbsDown") else None


def _switch(value: JSONValue) -> bool:
    return value in ("true", 1)


def _number(value: JSONValue) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _nothing(value: JSONValue) -> None:
    return None


MESSAGE_SHAPES: Shapes = {
    "text": Shape(_is_text, _words),
    "content": Shape(_is_list, _parts),
    "isCreatedByUser": Shape(_is_switch, _switch),
    "error": Shape(_is_switch, _switch),
    "unfinished": Shape(_is_switch, _switch),
    "tokenCount": Shape(_is_number, _number),
    "feedback": Shape(_is_object, _rating),
    "metadata": Shape(_is_object, _nothing),
    "files": Shape(_are_rows, _files),
    "attachments": Shape(_are_rows, _objects),
    "quotes": Shape(_are_texts, _texts),
}
# Of chats and of presets: the settings they share.
SETTINGS_SHAPES: Shapes = {
    "title": Shape(_is_text, _words),
    "tags": Shape(_are_texts, _texts),
    "files": Shape(_are_texts, _texts),
    "stop": Shape(_are_texts, _texts),
    "examples": Shape(_is_list, _nothing),
}
