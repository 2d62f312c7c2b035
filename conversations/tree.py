"""The tree of messages. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Mapping[str, Any])


def branch_to(messages_by_id: Mapping[str, Row], message_id: str) -> list[Row]:
    """The messages from the root to ``message_id``, both included, root first.

    A row names its parent as ``parent_message_id``. The walk up ends where a parent is missing,
    which is where the client shows a root (contract 03 §1.2), or where it would repeat itself.
    Empty for an unknown ``message_id``.
    """
    branch: list[Row] = []
    seen: set[str] = set()
    while message_id in messages_by_id and message_id not in seen:
        seen.add(message_id)
        message = messages_by_id[message_id]
        branch.append(message)
        message_id = message["parent_message_id"]
    branch.reverse()
    return branch
