"""What a turn cost whose process died: by what had been said, and by what it would run on now."""

from collections.abc import Iterator

from django.utils import timezone

from accounts.groups import effective_groups
from conversations.chat.content import TurnState
from conversations.chat.fallback import resolve_sibling
from conversations.columns import parts_of
from conversations.models import Generation
from conversations.services.columns import column_state
from librechat_backend.lib.json import JSONDict
from presets.resolver import principal_of
from providers.client import plan_with
from providers.route_table import RouteQuery
from providers.snapshots import current_table
from providers.tokens import estimate_tokens
from usage.entries import Face, RequestEntry, Share, Status, Tokens
from usage.ledger.leases import open_periods
from usage.ledger.pools import Payer, current_billing
from usage.prices import current_prices
from usage.pricing import price_request


def requests_of(generation: Generation, state: TurnState) -> list[RequestEntry]:
    """Rows for the models that had begun to answer: the prompt and what was delivered, estimated.

    What they cost is paid whole, whatever is left: nobody has put anything aside for them.
    """
    return [
        _request(generation, state, _served(generation, state, column), said)
        for column in generation.turn.get("columns", ())
        if (said := _said(state, column["agent"]))
    ]


def _served(generation: Generation, state: TurnState, column: JSONDict) -> JSONDict:
    """The column, as the preset that a notice in it names."""
    for step in state.steps:
        if step.kind == "notice" and step.agent_id == column["agent"]:
            found = resolve_sibling(generation.user, step.name)
            return column_state(found, column["agent"]) if found else column
    return column


def _said(state: TurnState, agent: str) -> str:
    return "".join(_texts(state, agent))


def _texts(state: TurnState, agent: str) -> Iterator[str]:
    for part in parts_of(state.parts(), agent):
        text = part.get(part["type"])
        if isinstance(text, str) and not part.get("notice"):
            yield text


def _request(generation: Generation, state: TurnState, column: JSONDict, said: str) -> RequestEntry:
    groups = effective_groups(generation.user_id)
    entry = RequestEntry(
        face=Face.CHAT,
        operation="chat",
        user_id=generation.user_id,
        groups=[{"id": group.id, "name": group.name} for group in groups],
        preset_slug=column["preset"],
        preset_version=column["version"],
        endpoint=column["endpoint"],
        requested_model=column["model"],
        tokens=Tokens(_input_tokens(state), estimate_tokens(said)),
        is_estimated=True,
        is_streamed=True,
        status=Status.PARTIAL,
        error="abandoned",
        conversation_id=generation.conversation.conversation_id,
        message_id=generation.response_message_id,
        created_at=generation.created_at,
    )
    principal = principal_of(generation.user_id, groups)
    query = RouteQuery(column["model"], principal, column["endpoint"])
    attempts = plan_with(current_table(), query).attempts
    kind = attempts[0].channel.kind if attempts else ""
    entry.served_model = attempts[0].model if attempts else column["model"]
    entry.channel_id = attempts[0].channel.id if attempts else ""
    entry.channel_name = attempts[0].channel.name if attempts else ""
    price_request(entry, current_prices(), kind=kind, has_begun=True, is_counted=True)
    entry.shares = _shares(entry)
    return entry


def _input_tokens(state: TurnState) -> int:
    measured = state.context
    if measured is None:
        return 0
    return measured.instruction_tokens + measured.summary_tokens + measured.message_tokens


def _shares(entry: RequestEntry) -> tuple[Share, ...]:
    """Of today's windows, which are opened where nobody has spent in them yet."""
    billing, now = current_billing(), timezone.now()
    groups = tuple((int(str(group["id"])), str(group["name"])) for group in entry.groups)
    payer = Payer(user_id=entry.user_id or "", groups=groups, preset_slug=entry.preset_slug)
    pools = billing.pools_of(payer, now)
    pools += billing.channel_pools(entry.channel_id, entry.channel_name, now)
    open_periods(pools)
    return tuple(Share(pool.key) for pool in pools)
