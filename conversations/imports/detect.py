"""Whose chats these are, by what they look like (contract 03 §4.2). Pure."""

from conversations.imports.chatbotui import chatbotui_chat
from conversations.imports.chatgpt import chatgpt_chat
from conversations.imports.chats import NotAChat, SourceChat
from conversations.imports.claude import claude_chat
from conversations.imports.librechat import librechat_chat
from conversations.imports.reading import CHAT_BYTES_MAX, Found
from conversations.imports.values import line, members

TITLE_SHOWN = 80


class Unsupported(NotAChat):
    """Nothing any program is known to write."""


def to_chat(found: Found) -> SourceChat:
    """Raises NotAChat."""
    if found.is_too_large:
        raise NotAChat(f"It is larger than {CHAT_BYTES_MAX >> 20} MB.")
    value = members(found.value)
    if found.is_history:
        return chatbotui_chat(value)
    if value.get("chat_messages") is not None:
        return claude_chat(value)
    if value.get("mapping") is not None:
        return chatgpt_chat(value)
    if value.get("conversationId") and (value.get("messagesTree") or "messages" in value):
        return librechat_chat(value)
    raise Unsupported("It is no chat of a known program.")


def title_of(found: Found) -> str:
    """What a person knows an element by; empty when it has no name."""
    value = members(found.value)
    return line(value.get("title"), TITLE_SHOWN) or line(value.get("name"), TITLE_SHOWN)
