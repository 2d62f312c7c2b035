"""Conversations as the client reads them (contract 03 §1.1, §2.1). Pure.

A row is a mapping as ``ConversationQuerySet.rows()`` or ``.list_rows()`` yields it. It may have
travelled through JSON, so its times are datetimes or ISO strings.
"""

from collections.abc import Mapping
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

Row = Mapping[str, Any]


def conversation_wire(row: Row, *, messages: list[str] | None) -> JSONDict:
    """The full document. ``messages`` are object ids; without them the client takes the document
    for a summary.
    """
    document = {
        **given(row["settings"]),
        **_summary(row),
        "isTemporary": row["is_temporary"],
        "tags": row["tags"],
        "files": row["files"],
        "expiredAt": to_iso(row["expired_at"]),
        **given({"endpointType": row["endpoint_type"]}),
    }
    return document if messages is None else {**document, "messages": messages}


def conversation_row_wire(row: Row) -> JSONDict:
    """A row of the list: the fields of contract 03 §2.1 and §18, and never ``messages``."""
    optional = {
        "agent_id": row["settings__agent_id"],
        "assistant_id": row["settings__assistant_id"],
        "isShared": row["is_shared"],
    }
    return {**_summary(row), **given(optional)}


def _summary(row: Row) -> JSONDict:
    return {
        "_id": row["id"],
        "conversationId": row["conversation_id"],
        "user": row["user_id"],
        "title": row["title"],
        "endpoint": row["endpoint"] or None,
        "isArchived": row["is_archived"],
        "archivedAt": to_iso(row["archived_at"]),
        "pinned": row["is_pinned"],
        "chatProjectId": row["project_id"],
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
        **given({"model": row["model"], "spec": row["spec"], "iconURL": row["icon_url"]}),
    }


def given(members: Row) -> JSONDict:
    """The members that say something; False and 0 do, null and emptiness do not."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}
