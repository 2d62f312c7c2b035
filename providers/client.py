"""The one door to models: plan → attempts → events."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from random import SystemRandom
from typing import Any, TypeVar

from librechat_backend.lib.aio import in_database
from librechat_backend.lib.json import JSONValue, storable_text
from providers.base import Connection
from providers.difficulty import judge
from providers.errors import ProviderError
from providers.failover import first_to_begin, log_failure, pay
from providers.guard import require_allowed_literal
from providers.health import board
from providers.http_client import close_pool
from providers.registry import SERVICES, load_adapter
from providers.route_table import (
    Attempt,
    ChannelSnapshot,
    Key,
    Plan,
    Principal,
    RouteQuery,
    RouteTable,
)
from providers.routing import NOTHING_AMISS, Conditions, depends_on_difficulty, plan
from providers.snapshots import current_table
from providers.trace import CallTrace
from providers.types import (
    ChatRequest,
    Message,
    Parameters,
    StreamEvent,
    TextDelta,
    TextPart,
    Usage,
)

T = TypeVar("T")
NOBODY = Principal()

_rng = SystemRandom()
_CHECK_TOKENS = 64

Batches = AsyncGenerator[list[StreamEvent], None]


async def stream(
    request: ChatRequest,
    *,
    endpoint: str,
    principal: Principal = NOBODY,
    trace: CallTrace | None = None,
    table: RouteTable | None = None,
) -> AsyncGenerator[list[StreamEvent], None]:
    """Lists of events that arrived together. Raises ProviderError.

    While nothing but usage has arrived, a failure moves on to the next key, channel or fallback
    model; after the first event the failure is raised. Closing the generator closes the provider's
    connection. ``trace`` is told what was tried. ``table``: where the caller has just read it.
    """
    trace = trace or CallTrace()
    trace.request = request
    query = RouteQuery(request.model, principal, endpoint)
    try:
        async for batch in _stream(request, query, trace, table):
            yield batch
    finally:
        trace.settle()


async def _stream(
    request: ChatRequest, query: RouteQuery, trace: CallTrace, table: RouteTable | None
) -> AsyncGenerator[list[StreamEvent], None]:
    if table is None or depends_on_difficulty(table, query):
        made = await in_database(make_plan, query, request, trace)
    else:
        made = plan_with(table, query)
    what = f"{query.model} on {query.endpoint}"
    begun = await first_to_begin(made, partial(begin, request), trace=trace, what=what)
    trace.first_event()
    async with aclosing(begun.events) as events:
        try:
            for batch in begun.first:
                trace.see(batch)
                yield batch
            async for batch in events:
                trace.see(batch)
                yield batch
        except ProviderError as error:
            trace.fail(error)
            log_failure(begun.attempt, error, has_begun=True)
            raise


async def put_aside(
    request: ChatRequest, *, endpoint: str, principal: Principal, trace: CallTrace
) -> None:
    """What ``request`` may cost, for a ``stream`` with this trace later: before something else is
    paid that it needs. Raises NotPaid."""
    trace.request = request
    query = RouteQuery(request.model, principal, endpoint)
    made = await in_database(make_plan, query, request, trace)
    if made.attempts:
        await pay(made.attempts[0], trace)


def make_plan(query: RouteQuery, request: ChatRequest, trace: CallTrace) -> Plan:
    """The calls to try, in their order; empty when no active channel serves the model."""
    table = current_table()
    if depends_on_difficulty(table, query):
        difficulty = judge(request)
        trace.decision = str(difficulty)
        query = replace(query, is_hard=difficulty.is_hard)
    return plan_with(table, query)


def plan_with(table: RouteTable, query: RouteQuery) -> Plan:
    """The calls to try, for who has the channels at hand."""
    return plan(table, query, rng=_rng, now=conditions())


def conditions() -> Conditions:
    """What rests at this moment."""
    resting = board.resting()
    return Conditions(resting) if resting else NOTHING_AMISS


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer of which more than usage has arrived, or that ended without."""

    attempt: Attempt
    first: list[list[StreamEvent]]
    events: Batches


async def begin(request: ChatRequest, attempt: Attempt) -> Begun:
    """One attempt, until more than usage has arrived. Raises ProviderError."""
    events, first = _attempt(request, attempt), []
    async for batch in events:
        first.append(batch)
        if any(not isinstance(event, Usage) for event in batch):
            break
    return Begun(attempt, first, events)


async def complete(
    request: ChatRequest,
    *,
    endpoint: str,
    principal: Principal = NOBODY,
    trace: CallTrace | None = None,
) -> str:
    """The whole text of an answer, for titles and the like. Raises ProviderError."""
    return await _text(stream(request, endpoint=endpoint, principal=principal, trace=trace))


async def _text(events: AsyncGenerator[list[StreamEvent], None]) -> str:
    async with aclosing(events):
        return "".join(
            [e.text async for batch in events for e in batch if isinstance(e, TextDelta)]
        )


def _attempt(request: ChatRequest, attempt: Attempt) -> AsyncGenerator[list[StreamEvent], None]:
    adapter = load_adapter(attempt.channel.kind)
    connection = connection_to(attempt.channel, attempt.key)
    return adapter.stream(replace(request, model=attempt.model), connection)


def connection_to(channel: ChannelSnapshot, key: Key) -> Connection:
    """Straight to the service, or to the relay, which is told where to pass it on.

    Raises RefusedAddress for a relay that would be sent into the server's own network.
    """
    base_url, headers = channel.base_url, channel.headers
    if channel.relay_url:
        require_allowed_literal(channel.base_url)
        base_url = channel.relay_url
        passed_on = (("X-Relay-Target", channel.base_url), ("X-Relay-Key", channel.relay_key))
        headers = (*headers, *passed_on)
    return Connection(
        base_url=base_url,
        api_key=key.secret,
        headers=headers,
        options=channel.options,
        overrides=channel.overrides,
        connect_timeout_seconds=channel.connect_timeout_seconds,
        first_event_timeout_seconds=channel.first_event_timeout_seconds,
        idle_timeout_seconds=channel.idle_timeout_seconds,
    )


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What one key did in a test: ``error`` None means that it answered."""

    key: Key
    model: str
    seconds: float
    error: ProviderError | None


async def test_channel(channel: ChannelSnapshot) -> list[KeyCheck]:
    """Ask the channel's first model for a few words, with each of its keys."""
    return [await _check(channel, key) for key in channel.keys]


async def _check(channel: ChannelSnapshot, key: Key) -> KeyCheck:
    model = channel.upstream_model(channel.models[0]) if channel.models else ""
    request = ChatRequest(
        model=model,
        messages=(Message("user", (TextPart("Say hello."),)),),
        parameters=Parameters(max_output_tokens=_CHECK_TOKENS, thinking=False),
        purpose="title",
    )
    started, error = time.monotonic(), None
    try:
        await _text(_attempt(request, Attempt(channel, key, model)))
    except ProviderError as failed:
        error = failed
    return KeyCheck(key, model, time.monotonic() - started, error)


async def fetch_models(channel: ChannelSnapshot) -> list[str]:
    """Names the service offers, sorted; what is no name is left out. Raises ProviderError."""
    connection = connection_to(channel, channel.keys[0])
    told: list[JSONValue] = [*await load_adapter(channel.kind).list_models(connection)]
    names = {storable_text(name) for name in told if isinstance(name, str)}
    return sorted(names - {""})


def run_apart(call: Coroutine[Any, Any, T]) -> T:
    """Run ``call`` in an event loop of its own, for views that are threads without one."""

    async def closing() -> T:
        try:
            return await call
        finally:
            await close()

    return asyncio.run(closing())


async def close() -> None:
    """Close idle connections to providers, when the process ends."""
    close_pool()
    for kind in SERVICES:
        await load_adapter(kind).close()
