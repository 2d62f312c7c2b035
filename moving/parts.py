"""Parts of stored answers → parts the client and the models can take. Pure.

Positions count, so a hole stays a part: an empty text.
"""

from conversations.imports.parts import parse_part
from librechat_backend.lib.json import JSONDict, JSONValue

_SAID = ("text", "think")


def kept_parts(content: list[JSONValue]) -> list[JSONDict]:
    return [_part(part) for part in content]


def _part(part: JSONValue) -> JSONDict:
    if not isinstance(part, dict):
        return {"type": "text", "text": part if isinstance(part, str) else ""}
    kind = part.get("type")
    if kind in _SAID and isinstance(part.get(kind), str):
        return part  # nearly all of them
    return parse_part(part)


def is_text_only(parts: list[JSONDict]) -> bool:
    return all(part.get("type") == "text" for part in parts)
