"""The one door to models: plan → attempts → events."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import SystemRandom

import structlog

from librechat_backend.lib.aio import in_database
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.registry import SERVICES, load_adapter
from providers.routing import Attempt, ChannelSnapshot, Key, plan
from providers.snapshots import current_channels
from providers.types import (
    ChatRequest,
    Message,
    Parameters,
    StreamEvent,
    TextDelta,
    TextPart,
    Usage,
)

log = structlog.get_logger(__name__)

_rng = SystemRandom()
_CHECK_TOKENS = 64

# Another key of the same channel helps against these, but not against a service that is down.
_KEY_ERRORS = {
    ErrorKind.AUTHENTICATION,
    ErrorKind.PERMISSION,
    ErrorKind.QUOTA,
    ErrorKind.RATE_LIMIT,
}


async def stream(request: ChatRequest, *, endpoint: str) -> AsyncGenerator[list[StreamEvent], None]:
    """Lists of events that arrived together. Raises ProviderError.

    While nothing but usage has arrived, a failure moves on to the next key or channel; after the
    first event the failure is raised. Closing the generator closes the provider's connection.
    """
    channels = await in_database(current_channels)
    attempts = plan(channels, endpoint=endpoint, model=request.model, rng=_rng)
    if not attempts:
        raise ProviderError(
            ErrorKind.NO_CHANNEL, f"No active channel serves {request.model} on {endpoint}."
        )
    while attempts:
        attempt, has_begun = attempts.pop(0), False
        try:
            async with aclosing(_attempt(request, attempt)) as events:
                async for batch in events:
                    has_begun = has_begun or any(not isinstance(e, Usage) for e in batch)
                    yield batch
                return
        except ProviderError as error:
            attempts = _remaining(attempts, attempt, error)
            _log_failure(attempt, error, has_begun)
            if has_begun or not attempts or not error.is_retryable:
                raise


async def complete(request: ChatRequest, *, endpoint: str) -> str:
    """The whole text of an answer, for titles and the like. Raises ProviderError."""
    return await _text(stream(request, endpoint=endpoint))


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
    return Connection(
        base_url=channel.base_url,
        api_key=key.secret,
        headers=channel.headers,
        options=channel.options,
        first_event_timeout_seconds=channel.first_event_timeout_seconds,
        idle_timeout_seconds=channel.idle_timeout_seconds,
    )


def _remaining(attempts: Sequence[Attempt], failed: Attempt, error: ProviderError) -> list[Attempt]:
    if error.kind in _KEY_ERRORS:
        return list(attempts)
    return [attempt for attempt in attempts if attempt.channel.id != failed.channel.id]


def _log_failure(attempt: Attempt, error: ProviderError, has_begun: bool) -> None:
    log.warning(
        "provider_attempt_failed",
        channel=attempt.channel.name,
        key_id=attempt.key.id,
        model=attempt.model,
        kind=error.kind,
        status=error.status,
        has_begun=has_begun,
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
    """Names the service offers, sorted. Raises ProviderError."""
    connection = connection_to(channel, channel.keys[0])
    return sorted(await load_adapter(channel.kind).list_models(connection))


async def close() -> None:
    """Close idle connections to providers, when the process ends."""
    for kind in SERVICES:
        await load_adapter(kind).close()
