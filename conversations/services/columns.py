"""Which models answer a turn: one, or two side by side (contract 02 §10.6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from conversations.chat.request import TurnRequest
from conversations.columns import GROUP_ID, agent_id, is_added, parts_of
from librechat_backend.lib.json import JSONDict
from presets.resolver import ResolvedTurn, resolve_turn
from presets.snapshot import Stamps


@dataclass(frozen=True, slots=True)
class Column:
    """One model's share of an answer. ``agent_id`` is empty where it answers alone.

    ``retained`` are the parts it goes on from. ``is_asked`` is set when its model is asked, or
    there is nothing to ask.
    """

    resolved: ResolvedTurn
    agent_id: str = ""
    retained: list[JSONDict] = field(default_factory=list)
    is_asked: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    @property
    def group_id(self) -> int | None:
        return GROUP_ID if self.agent_id else None


def resolve_added(user: User, request: TurnRequest, stamps: Stamps) -> ResolvedTurn | None:
    """The second model, under the same rules as the first, those of ``stamps``.

    Raises Forbidden where the role has no parallel answers, and what ``resolve_turn`` raises.
    """
    wanted = request.added
    if wanted is None:
        return None
    require_permission(user, PermissionType.MULTI_CONVO, Bit.USE)
    return resolve_turn(
        user,
        endpoint=wanted.endpoint,
        model=wanted.model,
        spec=wanted.spec,
        settings=wanted.settings,
        stamps=stamps,
    )


def columns_of(
    request: TurnRequest,
    resolved: ResolvedTurn,
    added: ResolvedTurn | None,
    retained: Sequence[JSONDict],
) -> tuple[Column, ...]:
    """Who writes. An edited part is continued by its own column alone."""
    if retained:
        return (_edited_column(request, resolved, added, retained),)
    if added is None:
        return (Column(resolved),)
    return (
        Column(resolved, _agent_id(resolved)),
        Column(added, _agent_id(added, is_added=True)),
    )


def _edited_column(
    request: TurnRequest,
    resolved: ResolvedTurn,
    added: ResolvedTurn | None,
    retained: Sequence[JSONDict],
) -> Column:
    agent = str(retained[request.edit.index].get("agentId", "")) if request.edit else ""
    if not agent:
        return Column(resolved, retained=list(retained))
    writer = added if added is not None and is_added(agent) else resolved
    return Column(writer, agent, parts_of(retained, agent))


def _agent_id(resolved: ResolvedTurn, *, is_added: bool = False) -> str:
    """The client looks for a label in this order, too."""
    endpoint_label = resolved.label if resolved.is_custom else ""
    sender = resolved.settings.get("modelLabel") or resolved.preset_name or endpoint_label
    return agent_id(
        endpoint=resolved.endpoint, model=resolved.model, sender=str(sender), is_added=is_added
    )


def column_state(resolved: ResolvedTurn, agent: str) -> JSONDict:
    """For whoever finishes the turn when this process dies."""
    return {
        "agent": agent,
        "endpoint": resolved.endpoint,
        "model": resolved.model,
        "preset": resolved.spec,
        "version": resolved.preset_version,
    }
