"""Messages as the client reads them (contract 02 §8, 03 §7). Pure.

A row is a mapping as ``MessageQuerySet.rows()`` yields it. It may have travelled through JSON, so
its times are datetimes or ISO strings.
"""

from collections.abc import Mapping
from typing import Any

from conversations.message_text import message_text
from conversations.serializers.conversation import given
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

Row = Mapping[str, Any]


def message_wire(row: Row) -> JSONDict:
    """An element of the message list, without ``_id`` and ``user``."""
    return {
        **_identity(row),
        "text": row["text"],
        "model": row["model"] or None,
        "error": row["error"],
        "unfinished": row["unfinished"],
        "isTemporary": row["is_temporary"],
        "expiredAt": to_iso(row["expired_at"]),
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
        **given(_optional(row)),
        **({"content": []} if _is_empty_answer(row) else {}),
    }


def full_message_wire(row: Row, *, user_id: str) -> JSONDict:
    """A message outside its list: with ``_id`` and ``user``."""
    return {"_id": row["id"], "user": user_id, **message_wire(row)}


def found_message_wire(row: Row) -> JSONDict:
    """A hit of the search: with what the client shows of its conversation (contract 03 §8.2)."""
    return {
        **message_wire(row),
        "text": message_text(row["text"], row["content"]),
        "title": row["conversation__title"],
        "model": row["conversation__model"] or None,
    }


def _is_empty_answer(row: Row) -> bool:
    """Stopped before its first word: only here an empty list is right (contract 02 §5.3)."""
    is_silent = row["content"] == [] and not row["text"] and not row["error"]
    return is_silent and not row["is_created_by_user"]


def _optional(row: Row) -> JSONDict:
    return {
        "sender": row["sender"],
        # The client shows an empty list instead of the text (contract 02 §8.1).
        "content": row["content"],
        "endpoint": row["endpoint"],
        "iconURL": row["icon_url"],
        "finish_reason": row["finish_reason"],
        "tokenCount": row["token_count"],
        "files": row["files"],
        "attachments": row["attachments"],
        "quotes": row["quotes"],
        "feedback": row["feedback"],
        "metadata": row["metadata"],
        "addedConvo": row.get("is_parallel") or None,
    }


def edited_message_wire(row: Row) -> JSONDict:
    """The answer to an edit (contract 03 §7.2)."""
    optional = {
        "sender": row["sender"],
        "tokenCount": row["token_count"],
        "feedback": row["feedback"],
        "endpoint": row["endpoint"],
    }
    return {**_identity(row), "text": row["text"], **given(optional)}


def feedback_wire(row: Row) -> JSONDict:
    """The answer to a feedback (contract 03 §7.6); null means that there is none."""
    return {
        "messageId": row["message_id"],
        "conversationId": row["conversation__conversation_id"],
        "feedback": row["feedback"] or None,
    }


def artifact_wire(row: Row) -> JSONDict:
    """The answer to the edit of an artifact (contract 03 §7.7)."""
    return {
        "conversationId": row["conversation__conversation_id"],
        "text": row["text"],
        **given({"content": row["content"]}),
    }


def _identity(row: Row) -> JSONDict:
    return {
        "messageId": row["message_id"],
        "conversationId": row["conversation__conversation_id"],
        "parentMessageId": row["parent_message_id"],
        "isCreatedByUser": row["is_created_by_user"],
    }
