"""Shared links and what they show (contract 03 §9). Pure.

What is shown is chosen member by member: nothing of the owner, the model or the storage is in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from conversations.serializers.conversation import given
from conversations.shared_content import SharedContent
from conversations.tree import ROOT
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

Row = Mapping[str, Any]

NO_PARENT = "00000000-0000-0000-0000-000000000000"


def shared_link_row_wire(row: Row) -> JSONDict:
    """A row of the list (§9.3)."""
    return {
        "shareId": row["share_id"],
        "title": row["title"],
        "createdAt": to_iso(row["created_at"]),
        "conversationId": row["conversation__conversation_id"],
    }


def shared_link_wire(row: Row) -> JSONDict:
    """What creating and updating answer (§9.5)."""
    return {
        "_id": row["id"],
        "shareId": row["share_id"],
        "conversationId": row["conversation__conversation_id"],
        **given({"targetMessageId": row["target_message_id"]}),
    }


def own_link_wire(row: Row | None, *, conversation_id: str) -> JSONDict:
    """Whether a chat is shared (§9.4); None: it is not."""
    if row is None:
        return {"success": False, "shareId": None, "conversationId": conversation_id}
    return {**shared_link_wire(row), "success": True, "snapshotFiles": row["snapshot_files"]}


def opened_link_wire(row: Row, messages: Sequence[Row], content: SharedContent) -> JSONDict:
    """What those who open it see (§9.7); ``messages`` as ``MessageQuerySet.rows()`` yields them."""
    conversation_id = content.conversation_id(row["conversation__conversation_id"])
    common = {"conversationId": conversation_id}
    return {
        "shareId": row["share_id"],
        "title": row["title"],
        **common,
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
        "messages": [{**_message(message, content), **common} for message in messages],
    }


def _message(row: Row, content: SharedContent) -> JSONDict:
    parent_id = row["parent_message_id"]
    is_root = parent_id in (ROOT, NO_PARENT)
    return {
        "messageId": content.message_id(row["message_id"]),
        "parentMessageId": NO_PARENT if is_root else content.message_id(parent_id),
        "sender": row["sender"],
        "text": row["text"],
        "isCreatedByUser": row["is_created_by_user"],
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
        "unfinished": row["unfinished"],
        "error": row["error"],
        **given(_optional(row, content)),
    }


def _optional(row: Row, content: SharedContent) -> JSONDict:
    return {
        "content": content.parts(row["content"]),
        "iconURL": row["icon_url"],
        "tokenCount": row["token_count"],
        "finish_reason": row["finish_reason"],
        "quotes": row["quotes"],
        "files": content.files(row["files"]),
        "attachments": content.files(row["attachments"]),
    }
