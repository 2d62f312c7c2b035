"""A request passed on in the channel's own dialect, and its answer as bytes.

Nothing is parsed but what must be: an error before the first frame (another channel may answer),
the usage, and the end. What passes are whole frames, so that a caller never reads half a one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from librechat_backend.lib import json
from providers.adapters.failures import failure, frame_failure
from providers.adapters.streaming import UNREADABLE
from providers.base import Connection
from providers.errors import ErrorKind
from providers.http_client import Exchange
from providers.posting import JSON_TYPE, in_time, is_proxied
from providers.relay.dialects import (
    CostOf,
    WireDialect,
    reader_for,
    refused_fields,
    speaks,
    speaks_openai_at,
    usage_of_body,
)
from providers.relay.opening import Opened
from providers.relay.streams import RelayedStream
from providers.route_table import Attempt, ChannelSnapshot
from providers.types import Usage

__all__ = [
    "Relayed",
    "RelayedStream",
    "WireDialect",
    "can_pass",
    "can_relay",
    "fetch",
    "open_stream",
    "refused_fields",
]

ANSWER_LIMIT_BYTES = 64 * 1024 * 1024


def can_relay(channel: ChannelSnapshot, dialect: WireDialect) -> bool:
    """Behind a proxy the SDKs are used, which know how to speak with one."""
    return speaks(channel, dialect) and not is_proxied()


def can_pass(channel: ChannelSnapshot, path: str) -> bool:
    """As :func:`can_relay`, for what is not chat."""
    return speaks_openai_at(channel, path) and not is_proxied()


@dataclass(frozen=True, slots=True)
class Relayed:
    """An answer that is not streamed: ``body`` as it came."""

    attempt: Attempt
    body: bytes
    content_type: str
    usage: Usage | None


async def fetch(
    attempt: Attempt,
    connection: Connection,
    path: str,
    body: bytes,
    *,
    dialect: WireDialect,
    headers: Mapping[str, str] | None = None,
    content_type: str = JSON_TYPE,
    is_json: bool = True,
) -> Relayed:
    """POST and read the whole answer. Raises ProviderError."""
    async with Opened(attempt, connection, path, body, dialect, headers, content_type) as exchange:
        reading = exchange.read(ANSWER_LIMIT_BYTES)
        if exchange.is_whole:
            answer = await reading
        else:
            answer = await in_time(reading, connection.first_event_timeout_seconds)
        kind = exchange.headers.get("content-type", JSON_TYPE)
        usage = _usage_of(answer, dialect) if is_json else None
        return Relayed(attempt, answer, kind, usage)


def told_usage(answer: Relayed) -> Usage | None:
    """Of an answer that need not be JSON; None where nothing is said of tokens."""
    if not answer.content_type.startswith(JSON_TYPE):
        return None
    try:
        return usage_of_body(json.loads(answer.body), WireDialect.OPENAI)
    except UNREADABLE:
        return None


def _usage_of(body: bytes, dialect: WireDialect) -> Usage | None:
    """Raises ProviderError for what is no JSON object, or an error in disguise."""
    try:
        value = json.loads(body)
        if value.get("error"):
            raise frame_failure(value["error"])
        return usage_of_body(value, dialect)
    except UNREADABLE as error:
        raise failure(ErrorKind.MALFORMED) from error


async def open_stream(
    attempt: Attempt,
    connection: Connection,
    path: str,
    body: bytes,
    *,
    dialect: WireDialect,
    keeps_usage: bool,
    headers: Mapping[str, str] | None = None,
    cost_of: CostOf | None = None,
) -> RelayedStream | Relayed:
    """POST; returns when the first frame is there. Raises ProviderError.

    ``keeps_usage``: whether the caller asked for the usage and gets it, with what it cost by
    ``cost_of``. Relayed: the service sent one body although a stream was asked for.
    """
    opened = Opened(attempt, connection, path, body, dialect, headers)
    exchange = await opened.__aenter__()
    try:
        if "json" in exchange.headers.get("content-type", ""):
            whole = await in_time(
                exchange.read(ANSWER_LIMIT_BYTES), connection.first_event_timeout_seconds
            )
            usage = _usage_of(whole, dialect)
            await opened.__aexit__(None, None, None)
            return Relayed(attempt, whole, JSON_TYPE, usage)
        reader = reader_for(dialect, keeps_usage=keeps_usage, cost_of=cost_of)
        stream = RelayedStream(attempt, connection, opened, exchange, reader)
        await _begin_in_time(stream, exchange, connection.first_event_timeout_seconds)
    except BaseException:
        await opened.__aexit__(*sys.exc_info())
        raise
    return stream


async def _begin_in_time(stream: RelayedStream, exchange: Exchange, seconds: float) -> None:
    """Raises ProviderError, of kind TIMEOUT where nothing is said for too long."""
    timer = asyncio.get_running_loop().call_later(seconds, exchange.expire)
    try:
        await stream.begin()
    except TimeoutError as error:
        raise failure(ErrorKind.TIMEOUT) from error
    finally:
        timer.cancel()
