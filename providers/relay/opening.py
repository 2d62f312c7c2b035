"""One request to a channel, from its address to the head of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

from librechat_backend.lib import json
from providers.adapters.azure import DEFAULT_API_VERSION
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
from providers.registry import SERVICES
from providers.relay.dialects import WireDialect
from providers.routing import Attempt

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json"
ERROR_LIMIT_BYTES = 256 * 1024
ANTHROPIC_VERSION = "2023-06-01"


class Opened:
    """The exchange of one attempt: errors of status and transport as ProviderError, always
    without the key; closed at the end."""

    def __init__(
        self,
        attempt: Attempt,
        connection: Connection,
        path: str,
        body: bytes,
        dialect: WireDialect,
        headers: Mapping[str, str] | None,
        content_type: str = JSON_TYPE,
    ) -> None:
        self._address, head = _opening(
            _url(attempt, connection, path),
            content_type,
            _credentials(connection, dialect, is_azure=attempt.channel.kind == "azure"),
            connection.headers,
            tuple(headers.items()) if headers else (),
        )
        body = _fixed(connection, body) if content_type == JSON_TYPE else body
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


def _fixed(connection: Connection, body: bytes) -> bytes:
    """With the fields the operator fixed for this channel."""
    if not connection.overrides:
        return body
    return json.dumps(connection.overridden(json.loads(body)))


def _url(attempt: Attempt, connection: Connection, path: str) -> str:
    base = connection.base_url.rstrip("/")
    kind = SERVICES[attempt.channel.kind].adapter
    if kind.endswith(".AnthropicAdapter"):
        return f"{base.removesuffix('/v1')}/v1{path}"
    if kind.endswith(".GoogleAdapter"):
        return f"{base.removesuffix('/v1beta')}/v1beta/openai{path}"
    if not kind.endswith(".AzureAdapter"):
        return base + path
    options = dict(connection.options)
    deployment = quote(options.get("deployment") or attempt.model, safe="")
    version = options.get("api_version") or DEFAULT_API_VERSION
    base = base.removesuffix("/openai")
    return f"{base}/openai/deployments/{deployment}{path}?api-version={quote(version)}"


def _credentials(connection: Connection, dialect: WireDialect, *, is_azure: bool) -> Pairs:
    if dialect is WireDialect.ANTHROPIC:
        return ("x-api-key", connection.api_key), ("anthropic-version", ANTHROPIC_VERSION)
    if not connection.api_key:
        return ()
    if is_azure:
        return (("api-key", connection.api_key),)
    return (("authorization", f"Bearer {connection.api_key}"),)


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
