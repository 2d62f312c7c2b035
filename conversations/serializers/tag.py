"""Tags as the client reads them (contract 03 §1.4). Pure."""

from collections.abc import Mapping
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def tag_wire(row: Mapping[str, Any], *, count: int) -> JSONDict:
    """``row`` as ``TagQuerySet.rows()`` yields it; ``count`` conversations have the tag."""
    return {
        "_id": row["id"],
        "user": row["user_id"],
        "tag": row["name"],
        "description": row["description"],
        "position": row["position"],
        "count": count,
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
    }
