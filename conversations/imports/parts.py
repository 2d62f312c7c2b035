"""Content parts of a foreign answer → parts the client and the models can take. Pure.

The client shows parts of kinds it does not know as nothing; one of a known kind with the wrong
members stops its page. So known kinds are checked, and what is wrong becomes text.
"""

from collections.abc import Callable

from conversations.imports.values import members, storable, text
from librechat_backend.lib.json import JSONDict, JSONValue, dumps_indented

PARTS_MAX = 10_000


def parse_parts(value: list[JSONValue]) -> list[JSONDict]:
    return [parse_part(part) for part in value[:PARTS_MAX]]


def parse_part(value: JSONValue) -> JSONDict:
    part = members(value)
    kind = part.get("type")
    if not isinstance(kind, str):
        return _as_text(value)
    parse = _KINDS.get(kind)
    parsed = parse(part) if parse else storable(part)
    return _as_text(value) if parsed is None else parsed


def _as_text(value: JSONValue) -> JSONDict:
    if isinstance(value, str):
        return {"type": "text", "text": text(value)}
    return {"type": "text", "text": f"```json\n{dumps_indented(storable(value)).decode()}\n```"}


def _words(kind: str) -> Callable[[JSONDict], JSONDict | None]:
    """Parts whose member of their own name is a text, or an object with it as ``value``."""

    def parse(part: JSONDict) -> JSONDict | None:
        said = part.get(kind)
        said = said.get("value") if isinstance(said, dict) else said
        if not isinstance(said, str):
            return None
        return {**storable({**part, kind: None}), "type": kind, kind: text(said)}

    return parse


def _tool_call(part: JSONDict) -> JSONDict | None:
    call = members(part.get("tool_call"))
    if not isinstance(call.get("name"), str):
        return None
    arguments = call.get("args")
    stored = storable(call) | {
        "id": text(call.get("id")),
        "name": text(call.get("name")),
        "args": text(arguments) if isinstance(arguments, str) else _json(arguments),
    }
    if "output" in stored and not isinstance(stored["output"], str):
        stored["output"] = _json(call["output"])
    return {**storable({**part, "tool_call": None}), "type": "tool_call", "tool_call": stored}


def _json(value: JSONValue) -> str:
    return dumps_indented(storable(value)).decode() if value is not None else ""


def _image(kind: str) -> Callable[[JSONDict], JSONDict | None]:
    def parse(part: JSONDict) -> JSONDict | None:
        return storable(part) if isinstance(part.get(kind), dict) else None

    return parse


def _error(part: JSONDict) -> JSONDict | None:
    said = part.get("error", part.get("text"))
    if not isinstance(said, str):
        return None
    return {**storable({**part, "error": None}), "type": "error", "error": text(said)}


_KINDS: dict[str, Callable[[JSONDict], JSONDict | None]] = {
    "text": _words("text"),
    "think": _words("think"),
    "tool_call": _tool_call,
    "image_file": _image("image_file"),
    "image_url": _image("image_url"),
    "error": _error,
}
