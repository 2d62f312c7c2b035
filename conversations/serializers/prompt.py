"""Prompts as the client reads them (contract 03 §13). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

Row = Mapping[str, Any]

# What the client takes for "there are more" and "there are no more" pages.
MANY_PAGES, ONE_PAGE = "9999", "1"


def prompt_wire(row: Row) -> JSONDict:
    """A version; ``row`` as ``PromptQuerySet.rows()`` yields it."""
    return {
        "_id": row["id"],
        "groupId": row["group_id"],
        "author": row["user_id"] or "",
        "prompt": row["text"],
        "type": row["kind"],
        "labels": row["labels"],
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
    }


def prompt_group_wire(row: Row) -> JSONDict:
    """A group; ``row`` as ``PromptGroupQuerySet.rows()`` yields it."""
    group = {
        "_id": row["id"],
        "name": row["name"],
        "oneliner": row["oneliner"],
        "category": row["category"],
        "productionId": row["production_id"],
        "author": row["user_id"],
        "authorName": row["author_name"],
        "numberOfGenerations": row["usage_count"],
        "createdAt": to_iso(row["created_at"]),
        "updatedAt": to_iso(row["updated_at"]),
    }
    if row["command"]:
        group["command"] = row["command"]
    return group | {"isPublic": True} if row["is_public"] else group


def listed_group_wire(row: Row) -> JSONDict:
    """An element of a list, with the text in use."""
    production = None
    if row["production_id"]:
        production = {"_id": row["production_id"], "prompt": row["production__text"]}
    return {**prompt_group_wire(row), "productionPrompt": production}


def groups_page_wire(rows: Sequence[Row], *, limit: int, next_cursor: str | None) -> JSONDict:
    """A page of the list (§13.3)."""
    has_more = next_cursor is not None
    return {
        "promptGroups": [listed_group_wire(row) for row in rows],
        "pageNumber": ONE_PAGE,
        "pageSize": str(limit),
        "pages": MANY_PAGES if has_more else ONE_PAGE,
        "has_more": has_more,
        "after": next_cursor,
    }
