"""From a target to an answer that has begun, in one of two ways.

A channel that speaks the caller's dialect gets the request as it came, with as little changed as
possible, and its bytes go back. For any other the request is read into neutral values, and what
the provider says is written in the caller's dialect.
"""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from gateway.calls import Call
from gateway.formats.whole import Whole
from providers import client, relay
from providers.client import Begun
from providers.failover import first_to_begin
from providers.relay import Relayed, RelayedStream, WireDialect
from providers.route_table import Attempt
from providers.types import ChatRequest

Answer = Relayed | RelayedStream | Begun
MakeBody = Callable[[Attempt], bytes]
MakeRequest = Callable[[], ChatRequest]

# Headers of a caller that Anthropic's API knows; nothing else of a caller's headers is passed on.
_PASSED_ON = ("anthropic-version", "anthropic-beta")


async def begin(
    call: Call,
    *,
    dialect: WireDialect,
    path: str,
    make_body: MakeBody,
    make_request: MakeRequest,
    is_stream: bool,
    keeps_usage: bool = True,
    may_relay: bool = True,
) -> Answer:
    """Try channels until one has begun. Raises ProviderError, and ApiError of ``make_request``.

    ``make_body`` gives the bytes for a channel of the same dialect, ``make_request`` the neutral
    request without its model.
    """
    headers = passed_on(call.request.headers)

    async def attempt_one(attempt: Attempt) -> Answer:
        if not (may_relay and relay.can_relay(attempt.channel, dialect)):
            return await client.begin(with_model(make_request(), attempt), attempt)
        connection, body = client.connection_to(attempt.channel, attempt.key), make_body(attempt)
        if is_stream:
            return await relay.open_stream(
                attempt, connection, path, body,
                dialect=dialect, keeps_usage=keeps_usage, headers=headers, cost_of=call.cost_usd,
            )  # fmt: skip
        return await relay.fetch(attempt, connection, path, body, dialect=dialect, headers=headers)

    answer = await first_to_begin(
        call.plan(make_request), attempt_one, trace=call.trace, what=call.entry.requested_model
    )
    call.has_begun()
    if isinstance(answer, Relayed):
        call.trace.usage = answer.usage
    return answer


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _PASSED_ON if name in headers}


def with_model(request: ChatRequest, attempt: Attempt) -> ChatRequest:
    return replace(request, model=attempt.model)


async def gather(call: Call, begun: Begun) -> Whole:
    """The whole of an answer that came as events. Raises ProviderError."""
    whole = Whole()
    async with aclosing(begun.events) as events:
        for batch in begun.first:
            call.see(batch)
            whole.add(batch)
        async for batch in events:
            call.see(batch)
            whole.add(batch)
    return whole


async def another(call: Call, attempt: Attempt, make_request: MakeRequest) -> Whole:
    """A further answer to the same request, where a provider gives one at a time; of the channel
    of the first, by whose price, place and credits all of them go. Raises ProviderError."""
    call.ask_again(attempt)
    return await gather(call, await client.begin(with_model(make_request(), attempt), attempt))
