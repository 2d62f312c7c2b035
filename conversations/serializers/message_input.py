"""A message as a program sends it to be stored (contract 03 §7.4). Pure."""

from collections.abc import Callable

from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

ID_MAX_LENGTH = 64
TOKENS_MAX = 2**31 - 1
# Parts of other kinds belong to things an answer did, and are written by the answer alone.
PART_KINDS = {"text", "think"}


def parse_message(body: JSONDict) -> JSONDict:
    """Columns of the message among the members of ``body``; unknown members are left out.

    Raises InvalidRequest.
    """
    given = {name: body[name] for name in _COLUMNS if body.get(name) is not None}
    fields = {_COLUMNS[name][0]: _COLUMNS[name][1](value) for name, value in given.items()}
    if not fields.get("message_id"):
        raise not_saved()
    return fields


def not_saved() -> InvalidRequest:
    return InvalidRequest("Message not saved", key="error")


def _text(limit: int | None) -> Callable[[JSONValue], str]:
    def parse(value: JSONValue) -> str:
        if not isinstance(value, str) or (limit is not None and len(value) > limit):
            raise not_saved()
        return value

    return parse


def _boolean(value: JSONValue) -> bool:
    if not isinstance(value, bool):
        raise not_saved()
    return value


def _count(value: JSONValue) -> int:
    if type(value) is not int or not 0 <= value <= TOKENS_MAX:
        raise not_saved()
    return value


def _content(value: JSONValue) -> list[JSONDict]:
    if not isinstance(value, list) or not all(map(_is_part, value)):
        raise not_saved()
    return [{"type": part["type"], part["type"]: part[part["type"]]} for part in value]


def _is_part(part: JSONValue) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] in PART_KINDS and isinstance(part.get(part["type"]), str)


_COLUMNS: dict[str, tuple[str, Callable[[JSONValue], JSONValue]]] = {
    "messageId": ("message_id", _text(ID_MAX_LENGTH)),
    "parentMessageId": ("parent_message_id", _text(ID_MAX_LENGTH)),
    "isCreatedByUser": ("is_created_by_user", _boolean),
    "sender": ("sender", _text(200)),
    "text": ("text", _text(None)),
    "content": ("content", _content),
    "endpoint": ("endpoint", _text(100)),
    "model": ("model", _text(200)),
    "iconURL": ("icon_url", _text(1024)),
    "error": ("error", _boolean),
    "unfinished": ("unfinished", _boolean),
    "tokenCount": ("token_count", _count),
}
