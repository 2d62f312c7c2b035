"""Chats of ChatbotUI's first version (contract 03 §4.6). Pure."""

import hashlib
from collections.abc import Iterator

from conversations.imports.chats import Keys, NotAChat, SourceChat, SourceMessage, in_a_row
from conversations.imports.values import members, text
from librechat_backend.lib.json import JSONDict, JSONValue

ENDPOINT = "openAI"
SENDER = "GPT-3.5"


def chatbotui_chat(value: JSONDict) -> SourceChat:
    """``value`` is an element of ``history``. Raises NotAChat."""
    entries = value.get("messages")
    if not isinstance(entries, list):
        raise NotAChat("messages is not a list")
    model = text(members(value.get("model")).get("id"))
    messages = in_a_row(_messages(entries, model))
    return SourceChat(
        source=f"chatbotui:{_name(value, messages)}",
        title=text(value.get("name")),
        endpoint=ENDPOINT,
        messages=messages,
    )


def _name(value: JSONDict, messages: list[SourceMessage]) -> str:
    first = messages[0].text if messages else ""
    derived = hashlib.sha256(f"{text(value.get('name'))}\n{first}".encode()).hexdigest()
    return text(value.get("id")) or derived


def _messages(entries: list[JSONValue], model: str) -> Iterator[SourceMessage]:
    keys = Keys()
    for position, entry in enumerate(map(members, entries)):
        role = entry.get("role")
        if role not in ("user", "assistant"):
            continue
        is_created_by_user = role == "user"
        yield SourceMessage(
            key=keys.take(None, position),
            parent_key="",
            is_created_by_user=is_created_by_user,
            text=text(entry.get("content")),
            sender="user" if is_created_by_user else SENDER,
            endpoint=ENDPOINT,
            model="" if is_created_by_user else model,
        )
