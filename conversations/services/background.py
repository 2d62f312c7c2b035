"""What a turn reads when it begins, for the requests to its models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from conversations.remembered import read_memories
from conversations.services.known import Known
from conversations.tree import branch_to
from librechat_backend.lib.json import JSONDict
from presets.resolver import ResolvedTurn
from providers.route_table import RouteTable
from providers.snapshots import current_table
from usage.rate_limits import Rules, current_rules


@dataclass(frozen=True, slots=True)
class Background:
    """``branch`` leads from the chat's beginning to the question; ``memories`` are for all chats.
    ``channels`` and ``rules`` are those of ``resolved``, which the turn began with.
    """

    resolved: ResolvedTurn
    branch: Sequence[Mapping[str, Any]]
    memories: Sequence[Mapping[str, Any]]
    channels: RouteTable
    rules: Rules


def background_of(
    user: User, known: Known, resolved: ResolvedTurn, question: JSONDict
) -> Background:
    """No query while the rules are in memory under the stamps of ``resolved``."""
    rows = {row["message_id"]: row for row in (*known.history, question)}
    return Background(
        resolved,
        branch_to(rows, question["message_id"]),
        read_memories(user, known.role, known.memories),
        current_table(resolved.channel_stamp),
        current_rules(resolved.access_stamp),
    )
