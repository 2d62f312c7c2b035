"""Turns, titles and summaries of the chat in the log of requests, with what they cost.

Who calls these hears what was written down, so that the client shows the same.
"""

from collections.abc import Callable, Sequence
from functools import partial

from conversations.services.columns import Column
from conversations.services.turns import Turn
from conversations.services.usage_figures import add_cost
from librechat_backend.lib.aio import in_database, spawn
from presets.fingerprint import resolved_hash
from presets.parameters import to_parameters
from presets.resolver import ResolvedTurn
from providers.errors import ProviderError
from providers.sizes import most_tokens, request_tokens
from providers.tokens import tokens_of_characters
from providers.trace import CallTrace
from providers.types import Usage
from usage.entries import Face, RequestEntry, Status, Tokens
from usage.ledger.pools import Payer
from usage.ledger.purse import Purse, Size
from usage.limits import Limit
from usage.pricing import price_request, usd
from usage.rate_limits import Asker
from usage.recorder import record

# What is put aside for the six words of a title.
TITLE_TOKENS = 32
# How long an answer waits for credits that other calls of the person have put aside, most of which
# they will not need: the title of the answer before is soon made.
PATIENCE_SECONDS = 5.0


def new_trace(turn: Turn, resolved: ResolvedTurn, *, patience_seconds: float = 0.0) -> CallTrace:
    """Of a call that is made for ``turn``, with what it is paid from."""
    trace = CallTrace(turn.user.id)
    trace.purse = Purse(
        Payer(user_id=turn.user.id, groups=resolved.groups, preset_slug=resolved.spec),
        billing=turn.billing,
        prices=turn.prices,
        measure=lambda model: _size(trace, model),
        patience_seconds=patience_seconds,
    )
    return trace


def new_answer_trace(turn: Turn, column: Column) -> CallTrace:
    """The same of a call for the answer itself, which tells those who let it go first."""
    trace = new_trace(turn, column.resolved, patience_seconds=PATIENCE_SECONDS)
    trace.on_entry = column.is_asked.set
    return trace


def _size(trace: CallTrace, model: str) -> Size:
    request = trace.request
    assert request is not None  # noqa: S101 - client.stream notes it first
    most = TITLE_TOKENS if request.purpose == "title" else request.parameters.max_output_tokens
    return Size(request_tokens(request), most, most_input=most_tokens(request, model))


def record_turn(
    turn: Turn,
    resolved: ResolvedTurn,
    trace: CallTrace,
    *,
    status: Status,
    error: str,
    estimate: Tokens,
) -> RequestEntry:
    """``resolved`` is what was asked, one of two where models answer side by side. ``estimate``
    counts where the provider did not; ``error`` is empty for what went well.
    """
    entry = _entry(turn, resolved, trace, "chat", resolved.model)
    entry.resolved_hash = fingerprint_of(resolved) if resolved.spec else ""
    entry.status, entry.error = status, error
    has_whole_usage = trace.usage is not None and status is Status.OK
    if trace.first_event_at is not None and not has_whole_usage:
        _estimate(entry, estimate)
    # Stored, and paid, when the turn's end is.
    turn.requests.append(_priced(entry, turn, trace))
    return entry


def limits_of(turn: Turn, resolved: ResolvedTurn) -> Callable[[str], Sequence[Limit]]:
    """The limits of who asks, by the name of the model."""
    asker = Asker(
        user_id=turn.user.id,
        group_ids=resolved.principal.group_ids,
        address=turn.request.ip_address,
        names=(resolved.spec, resolved.model),
    )
    return partial(turn.background.rules.limits_for, asker)


def fingerprint_of(resolved: ResolvedTurn) -> str:
    return resolved_hash(
        endpoint=resolved.endpoint,
        model=resolved.model,
        system_message=resolved.system_message,
        parameters=to_parameters(resolved.settings),
    )


def _estimate(entry: RequestEntry, estimate: Tokens) -> None:
    """Of an answer that broke off a provider may have reported the beginning alone."""
    told = entry.tokens
    entry.is_estimated = told.output_tokens < estimate.output_tokens or not told.input_tokens
    told.output_tokens = max(told.output_tokens, estimate.output_tokens)
    told.input_tokens = told.input_tokens or estimate.input_tokens


def record_title(
    turn: Turn, resolved: ResolvedTurn, trace: CallTrace, *, model: str
) -> RequestEntry | None:
    """A title, made beside the answer; nothing where no model was asked."""
    return _record_beside(_entry(turn, resolved, trace, "title", model), turn, trace)


def record_summary(turn: Turn, trace: CallTrace, *, model: str) -> RequestEntry | None:
    """What fell out of the window in few words; nothing where no model was asked."""
    return _record_beside(_entry(turn, turn.resolved, trace, "summary", model), turn, trace)


def record_memory(
    turn: Turn, trace: CallTrace, *, endpoint: str, model: str
) -> RequestEntry | None:
    """The call that looked for what to remember; nothing where no model was asked."""
    entry = _entry(turn, turn.resolved, trace, "memory", model)
    entry.endpoint = endpoint
    return _record_beside(entry, turn, trace)


def _record_beside(entry: RequestEntry, turn: Turn, trace: CallTrace) -> RequestEntry | None:
    if not trace.attempts:
        return None
    has_answer = trace.first_event_at is not None and not trace.last_error
    entry.status, entry.error = Status.OK if has_answer else Status.FAILED, trace.last_error
    if trace.first_event_at is not None and trace.usage is None and trace.request is not None:
        said = tokens_of_characters(trace.said_characters)
        _estimate(entry, Tokens(request_tokens(trace.request), said))
    record(_priced(entry, turn, trace))
    return entry


def _priced(entry: RequestEntry, turn: Turn, trace: CallTrace) -> RequestEntry:
    has_begun = trace.first_event_at is not None
    price_request(entry, turn.prices, kind=trace.channel_kind, has_begun=has_begun, is_counted=True)
    entry.reservation = trace.reservation
    return entry


def shown_cost(turn: Turn, entry: RequestEntry) -> float | None:
    """In USD; None where there is no price, or people are not told."""
    if entry.cost_credits is None or not turn.resolved.shows_cost:
        return None
    return usd(entry.cost_credits)


def show_beside(turn: Turn, entry: RequestEntry | None) -> None:
    """The cost of a call beside the answer joins the answer's figures, when that is stored."""
    if entry is not None and turn.resolved.shows_cost:
        spawn(_add_cost(turn, shown_cost(turn, entry)), name=f"cost {turn.generation.id}")


async def _add_cost(turn: Turn, cost_usd: float | None) -> None:
    await turn.is_stored.wait()
    await in_database(
        add_cost,
        conversation=turn.conversation,
        message_id=turn.generation.response_message_id,
        cost_usd=cost_usd,
    )


def error_name(error: Exception) -> str:
    """What the log says of an error: its kind, never what a provider wrote."""
    return str(error.kind) if isinstance(error, ProviderError) else type(error).__name__


def _entry(
    turn: Turn, resolved: ResolvedTurn, trace: CallTrace, operation: str, model: str
) -> RequestEntry:
    return RequestEntry(
        face=Face.CHAT,
        operation=operation,
        user_id=turn.user.id,
        groups=[{"id": group_id, "name": name} for group_id, name in resolved.groups],
        preset_slug=resolved.spec,
        preset_version=resolved.preset_version,
        experiment=resolved.experiment,
        variant=resolved.variant,
        endpoint=resolved.endpoint,
        requested_model=model,
        served_model=trace.model,
        channel_id=trace.channel_id,
        channel_name=trace.channel_name,
        key_id=trace.key_id,
        attempts=trace.attempts,
        routing=trace.decision,
        tokens=_tokens(trace.usage),
        is_streamed=True,
        first_token_ms=trace.first_event_ms,
        total_ms=trace.total_ms,
        conversation_id=turn.conversation.conversation_id,
        message_id=turn.generation.response_message_id,
        created_at=trace.began_at,
    )


def _tokens(usage: Usage | None) -> Tokens:
    if usage is None:
        return Tokens()
    return Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        output_image_tokens=usage.output_image_tokens,
        tells_media=usage.tells_media,
    )
