"""Chats of LibreChat's JSON export, and of this server's (contract 03 §4.3). Pure."""

from collections.abc import Iterator
from datetime import datetime

from conversations.imports.chats import Keys, NotAChat, SourceChat, SourceMessage
from conversations.imports.parts import parse_parts
from conversations.imports.values import (
    items,
    line,
    members,
    moment,
    storable,
    text,
    texts,
    token_count,
)
from librechat_backend.lib.json import JSONDict, JSONValue

# What the lines of this server's own export say of themselves (docs/moving-chats.md).
OWN_FORMAT = "librechat-backend/1"
DEFAULT_ENDPOINT = "openAI"
TAGS_MAX, TAG_MAX_LENGTH = 1000, 128
ROWS_MAX = 1000
SETTINGS = frozenset({
    "agent_id", "assistant_id", "modelLabel", "chatGptLabel", "promptPrefix", "system",
    "instructions", "region", "temperature", "top_p", "topP", "topK", "presence_penalty",
    "frequency_penalty", "maxOutputTokens", "maxTokens", "max_tokens", "maxContextTokens",
    "fileTokenLimit", "thinkingBudget", "promptCache", "promptCacheTtl", "thinking",
    "resendFiles", "resendImages", "useResponsesApi", "web_search", "url_context",
    "disableStreaming", "thinkingLevel", "effort", "reasoning_effort", "reasoning_summary",
    "reasoning_mode", "reasoning_context", "verbosity", "imageDetail", "stop", "tools",
    "file_ids", "examples", "greeting", "artifacts", "append_current_datetime",
})  # fmt: skip


def librechat_chat(value: JSONDict) -> SourceChat:
    """``value`` has a ``conversationId`` and messages. Raises NotAChat."""
    entries = value.get("messagesTree") or value.get("messages")
    if not isinstance(entries, list):
        raise NotAChat("messages is not a list")
    is_own = value.get("format") == OWN_FORMAT
    options = members(value.get("options"))
    messages = list(_messages(entries, is_own))
    return SourceChat(
        source=f"librechat:{text(value.get('conversationId'))}",
        title=text(value.get("title")),
        endpoint=text(value.get("endpoint")) or text(options.get("endpoint")) or DEFAULT_ENDPOINT,
        model=text(options.get("model")),
        settings=_settings(options),
        tags=texts(value.get("tags") or options.get("tags"), count=TAGS_MAX, length=TAG_MAX_LENGTH),
        project_id=text(value.get("chatProjectId")),
        messages=messages,
        created_at=_started(value, messages),
        fields=_own_fields(value, options) if is_own else {},
        keeps_ids=is_own,
    )


def _settings(options: JSONDict) -> JSONDict:
    """In the order of their names, so that the same file gives the same row."""
    given = {name: storable(options.get(name)) for name in sorted(SETTINGS)}
    return {name: value for name, value in given.items() if value is not None}


def _started(value: JSONDict, messages: list[SourceMessage]) -> datetime | None:
    dates = (message.created_at for message in messages)
    return moment(value.get("createdAt")) or next(filter(None, dates), None)


def _own_fields(value: JSONDict, options: JSONDict) -> JSONDict:
    return {
        "spec": line(options.get("spec"), 200),
        "icon_url": line(options.get("iconURL"), 1024),
        "files": texts(value.get("files"), count=ROWS_MAX, length=64),
        "is_archived": value.get("isArchived") is True,
        "archived_at": moment(value.get("archivedAt")),
        "is_pinned": value.get("pinned") is True,
        "endpoint_type": line(options.get("endpointType"), 40),
        "updated_at": moment(value.get("updatedAt")),
    }


def _messages(entries: list[JSONValue], is_own: bool) -> Iterator[SourceMessage]:
    """Depth first, without recursion: a chain of answers is as deep as it is long."""
    keys = Keys()
    waiting: list[tuple[JSONDict, str | None]] = [
        (members(entry), None) for entry in reversed(entries) if isinstance(entry, dict)
    ]
    position = 0
    while waiting:
        entry, parent = waiting.pop()
        key = keys.take(entry.get("messageId"), position)
        position += 1
        yield _message(
            key, text(entry.get("parentMessageId")) if parent is None else parent, entry, is_own
        )
        children = [child for child in items(entry.get("children")) if isinstance(child, dict)]
        waiting += [(child, key) for child in reversed(children)]


def _message(key: str, parent_key: str, entry: JSONDict, is_own: bool) -> SourceMessage:
    is_created_by_user = entry.get("isCreatedByUser") is True
    content = entry.get("content")
    return SourceMessage(
        key=key,
        parent_key=parent_key,
        is_created_by_user=is_created_by_user,
        text=text(entry.get("text")),
        content=parse_parts(content) if isinstance(content, list) else None,
        sender=text(entry.get("sender")) or ("" if is_own else _sender(entry)),
        endpoint=text(entry.get("endpoint")),
        model=text(entry.get("model")),
        created_at=moment(entry.get("createdAt")),
        fields=_fields(entry) | (_own_message_fields(entry) if is_own else {}),
    )


def _sender(entry: JSONDict) -> str:
    return "User" if entry.get("isCreatedByUser") is True else text(entry.get("model"))


def _fields(entry: JSONDict) -> JSONDict:
    return {
        "icon_url": line(entry.get("iconURL"), 1024),
        "finish_reason": line(entry.get("finish_reason"), 40),
        "token_count": token_count(entry.get("tokenCount")),
        "files": _rows(entry.get("files")),
        "attachments": _rows(entry.get("attachments")),
        "quotes": [text(quote) for quote in items(entry.get("quotes"))[:ROWS_MAX] if text(quote)],
        "feedback": _feedback(members(entry.get("feedback"))),
        "metadata": storable(members(entry.get("metadata"))),
        "is_parallel": entry.get("addedConvo") is True,
    }


def _own_message_fields(entry: JSONDict) -> JSONDict:
    return {
        "error": entry.get("error") is True,
        "unfinished": entry.get("unfinished") is True,
        "updated_at": moment(entry.get("updatedAt")),
    }


def _rows(value: JSONValue) -> list[JSONDict]:
    return [storable(row) for row in items(value)[:ROWS_MAX] if isinstance(row, dict)]


def _feedback(value: JSONDict) -> JSONDict | None:
    if value.get("rating") not in ("thumbsUp", "thumbsDown"):
        return None
    kept = {name: text(value[name], 1024) for name in ("rating", "tag", "text") if name in value}
    return {name: said for name, said in kept.items() if said}
