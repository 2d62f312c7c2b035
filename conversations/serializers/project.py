"""Projects as the client reads them (contract 03 §1.5). Pure."""

from collections.abc import Mapping
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def project_wire(row: Mapping[str, Any]) -> JSONDict:
    """``row`` as ``ProjectQuerySet.rows()`` yields it."""
    return {
        "_id": row["id"],
        "user": row["user_id"],
        "name": row["name"],
        "description": row["description"],
        "conversationCount": row["conversation_count"],
        "lastConversationAt": to_iso(row["last_conversation_at"]),
        "lastConversationId": row["last_conversation_id"],
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
    }
