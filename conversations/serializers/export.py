"""Chats as they leave the house (docs/moving-chats.md). Pure.

Each has the shape of LibreChat's own export (contract 03 §4.3), so LibreChat imports it, too.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conversations.imports.librechat import OWN_FORMAT
from conversations.serializers.conversation import given
from conversations.serializers.message import message_wire
from librechat_backend.lib.json import JSONDict

Row = Mapping[str, Any]


def exported_chat(row: Row) -> JSONDict:
    """``row`` as ``ConversationQuerySet.rows()`` yields it; the messages follow as ``messages``."""
    options = given(
        {
            **row["settings"],
            "endpoint": row["endpoint"],
            "endpointType": row["endpoint_type"],
            "model": row["model"],
            "spec": row["spec"],
            "iconURL": row["icon_url"],
            "title": row["title"],
        }
    )
    return {
        "format": OWN_FORMAT,
        "conversationId": row["conversation_id"],
        "endpoint": row["endpoint"],
        "title": row["title"],
        "branches": True,
        "recursive": False,
        "options": options,
        "tags": row["tags"],
        "files": row["files"],
        "chatProjectId": row["project_id"],
        "isArchived": row["is_archived"],
        "archivedAt": _exact(row["archived_at"]),
        "pinned": row["is_pinned"],
        "createdAt": _exact(row["created_at"]),
        "updatedAt": _exact(row["updated_at"]),
    }


def exported_message(row: Row) -> JSONDict:
    """``row`` as ``MessageQuerySet.rows()`` yields it."""
    message = message_wire(row)
    del message["isTemporary"], message["expiredAt"]
    dates = {"createdAt": _exact(row["created_at"]), "updatedAt": _exact(row["updated_at"])}
    return message | {"content": row["content"]} | dates


def _exact(moment: datetime | None) -> str | None:
    """To the microsecond: the order of messages hangs on it."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
