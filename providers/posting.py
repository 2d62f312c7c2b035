"""One POST to a service by our own client (providers/http_client.py), from its address to the head
of the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import cache, lru_cache
from typing import TypeVar
from urllib.request import getproxies

from librechat_backend.lib import json
from providers.adapters.failures import failure, status_failure, without_key
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.http_client import (
    Address,
    Exchange,
    TooMuch,
    TransportError,
    get_pool,
    split_address,
)

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json"
ERROR_LIMIT_BYTES = 256 * 1024


@cache
def is_proxied() -> bool:
    """Behind a proxy the SDKs are used, which know how to speak with one."""
    return not getproxies().keys().isdisjoint({"http", "https", "all"})


class Posted:
    """The exchange: errors of status and transport as ProviderError, always without the key; closed
    at the end. ``credentials``, then the channel's own headers, then ``further``."""

    def __init__(
        self,
        url: str,
        body: bytes,
        connection: Connection,
        *,
        credentials: Pairs,
        further: Pairs = (),
        content_type: str = JSON_TYPE,
    ) -> None:
        self._address, head = _opening(url, content_type, credentials, connection.headers, further)
        self._data = b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        self._connection = connection
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> Exchange:
        try:
            self._exchange = await get_pool().request(
                self._address,
                self._data,
                connect_seconds=self._connection.connect_timeout_seconds,
                answer_seconds=self._connection.first_event_timeout_seconds,
            )
        except TimeoutError as error:
            raise failure(ErrorKind.TIMEOUT) from error
        except TransportError as error:
            raise failure(ErrorKind.CONNECTION) from error
        if self._exchange.status >= 300:
            try:
                raise await _refusal(self._exchange, self._connection)
            finally:
                self._exchange.close()
        return self._exchange

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._exchange is not None:
            self._exchange.close()
        if isinstance(error, TransportError):
            raise failure(ErrorKind.CONNECTION) from error
        if isinstance(error, TooMuch):
            raise failure(ErrorKind.MALFORMED, "The answer is too long.") from error
        if isinstance(error, ProviderError):
            without_key(error, self._connection)


def bearer(connection: Connection) -> Pairs:
    """Nothing where there is no key."""
    key = connection.api_key
    return (("authorization", f"Bearer {key}"),) if key else ()


async def in_time(step: Awaitable[T], seconds: float) -> T:
    """Raises ProviderError of kind TIMEOUT."""
    try:
        async with asyncio.timeout(seconds):
            return await step
    except TimeoutError as error:
        raise failure(ErrorKind.TIMEOUT) from error


async def _refusal(exchange: Exchange, connection: Connection) -> ProviderError:
    try:
        raw = await in_time(exchange.read(ERROR_LIMIT_BYTES), connection.idle_timeout_seconds)
    except (TransportError, TooMuch):
        raw = b""
    try:
        body = json.loads(raw)
    except json.DecodeError:
        body = ""  # a page for people, of whatever stands between
    return status_failure(exchange.status, body, exchange.headers, connection)


@lru_cache(maxsize=512)
def _opening(
    url: str, content_type: str, credentials: Pairs, of_channel: Pairs, of_caller: Pairs
) -> tuple[Address, bytes]:
    """Where to connect, and the head without the length of the body: the same for each request of
    a channel. A line break in a value would be a header of somebody else's choice."""
    address, host, target = split_address(url)
    lines = {"host": host, "content-type": content_type, **dict(credentials)}
    lines |= {name.lower(): value for name, value in of_channel}
    lines |= of_caller
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        raise failure(ErrorKind.INVALID_REQUEST, "A header holds a line break.")
    head = f"POST {target} HTTP/1.1\r\n{text}accept: */*\r\naccept-encoding: identity\r\n"
    return address, head.encode("latin-1", "replace")
