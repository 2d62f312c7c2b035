"""Memories as the client reads them (contract 03 §12). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

Row = Mapping[str, Any]


def memories_wire(rows: Sequence[Row], *, token_limit: int, char_limit: int) -> JSONDict:
    """All of a person. ``token_limit`` counts for the shared pool; 0: there is none."""
    total = sum(row["token_count"] for row in rows if not row["agent_id"])
    share = min(100, round(100 * total / token_limit)) if token_limit else None
    return {
        "memories": [memory_wire(row) for row in rows],
        "totalTokens": total,
        "tokenLimit": token_limit or None,
        "charLimit": char_limit,
        "usagePercentage": share,
    }


def memory_wire(row: Row) -> JSONDict:
    """``row`` as ``MemoryQuerySet.rows()`` yields it."""
    document = {
        "_id": row["id"],
        "userId": row["user_id"],
        "key": row["key"],
        "value": row["value"],
        "tokenCount": row["token_count"],
        "updated_at": to_iso(row["updated_at"]),
    }
    return document | {"agentId": row["agent_id"]} if row["agent_id"] else document
