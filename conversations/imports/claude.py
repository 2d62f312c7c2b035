"""Chats of Claude's export (contract 03 §4.5). Pure."""

from collections.abc import Iterator

from conversations.imports.chats import Keys, NotAChat, SourceChat, SourceMessage, in_a_row
from conversations.imports.values import items, members, moment, text
from librechat_backend.lib.json import JSONDict, JSONValue

ENDPOINT = "anthropic"
FALLBACK_TITLE = "Imported Claude Chat"


def claude_chat(value: JSONDict) -> SourceChat:
    """``value`` has ``chat_messages``. Raises NotAChat."""
    entries = value["chat_messages"]
    if not isinstance(entries, list):
        raise NotAChat("chat_messages is not a list")
    messages = in_a_row(_messages(entries))
    return SourceChat(
        source=f"claude:{_name(value, messages)}",
        title=text(value.get("name")).strip() or FALLBACK_TITLE,
        endpoint=ENDPOINT,
        messages=messages,
        created_at=moment(value.get("created_at")),
    )


def _name(value: JSONDict, messages: list[SourceMessage]) -> str:
    """Its id; where there is none, what does not change when the chat goes on."""
    first = messages[0] if messages else None
    derived = f"{value.get('created_at')} {first.key} {first.text}" if first else ""
    return text(value.get("uuid")) or derived


def _messages(entries: list[JSONValue]) -> Iterator[SourceMessage]:
    keys = Keys()
    for position, entry in enumerate(map(members, entries)):
        said, thought = _content(entry)
        if not said and not thought:
            continue
        is_created_by_user = entry.get("sender") == "human"
        yield SourceMessage(
            key=keys.take(entry.get("uuid"), position),
            parent_key="",
            is_created_by_user=is_created_by_user,
            text=said,
            content=None
            if is_created_by_user or not thought
            else [{"type": "think", "think": thought}, {"type": "text", "text": said}],
            sender="user" if is_created_by_user else "Claude",
            endpoint=ENDPOINT,
            created_at=moment(entry.get("created_at")),
        )


def _content(entry: JSONDict) -> tuple[str, str]:
    """What a message says and what was thought before."""
    parts = [members(part) for part in items(entry.get("content"))]
    said = "".join(text(part.get("text")) for part in parts if part.get("type") == "text")
    thoughts = (part.get("thinking") for part in parts if part.get("type") == "thinking")
    return said or text(entry.get("text")), "".join(map(text, thoughts))
