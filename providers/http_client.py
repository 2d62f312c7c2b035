"""HTTP/1.1 to providers with as little as possible between two sockets.

The SDKs cost several times of what relaying a stream costs (docs/performance.md), so requests that
are passed on in their own dialect take this way: one asyncio.Protocol over httptools, connections
kept for the next request, bytes handed on as they arrive. A slow reader slows the provider down.
The only import site of httptools for requests.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import httptools

from librechat_backend.lib.per_loop import PerLoop
from providers.guard import resolve

IDLE_LIMIT = 256  # connections kept for one address
IDLE_SECONDS = 30.0
BUFFER_BYTES = 256 * 1024
HEAD_LIMIT_BYTES = 64 * 1024


class TransportError(OSError):
    """The connection could not be made, broke, or spoke something else than HTTP."""


class TooMuch(ValueError):
    """The answer is longer than was allowed."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    is_tls: bool


class Connection(asyncio.Protocol):
    """One connection; one exchange at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self.idle_since = 0.0
        self.is_open = False
        self._parser = httptools.HttpResponseParser(self)
        self._reset()

    def _reset(self) -> None:
        self._pieces: list[bytes] = []
        self._buffered = self._head_bytes = 0
        self._error: Exception | None = None
        self.has_head = self.is_complete = self.has_received = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self._is_reusable = False

    # -- what asyncio calls -----------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self.has_received = True
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(TransportError(f"not HTTP: {error}"))
        if not self.has_head and self._head_bytes > HEAD_LIMIT_BYTES:
            self._fail(TransportError("the head of the answer is too long"))
        if self._buffered > BUFFER_BYTES and not self._is_paused:
            self._transport.pause_reading()
            self._is_paused = True
        self._notify()

    def eof_received(self) -> None:
        """Closes the connection: an answer without a length ends so."""
        if self.has_head and not self.is_complete and "content-length" not in self.headers:
            if "chunked" not in self.headers.get("transfer-encoding", ""):
                self.is_complete = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if not self.is_complete:
            self._fail(TransportError(str(error) if error else "the connection was closed"))
        self._notify()

    # -- what the parser calls --------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        # Whatever comes in between (100, 103) is not the answer.
        self.has_head = self.status >= 200
        self._is_reusable = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_complete = True

    # -- what an exchange calls -------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self._reset()
        self._transport.write(data)

    def expire(self) -> None:
        """Who waits gets a TimeoutError."""
        self._fail(TimeoutError())
        self._notify()

    async def wait_for_head(self) -> None:
        """Raises TransportError, TimeoutError."""
        while not self.has_head:
            await self._more()

    async def chunk(self) -> bytes:
        """What has arrived since the last call; empty at the end. Raises TransportError."""
        while not self._pieces:
            if self.is_complete:
                return b""
            await self._more()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._buffered = [], 0
        if self._is_paused and self.is_open:
            self._transport.resume_reading()
            self._is_paused = False
        return data

    @property
    def is_drained(self) -> bool:
        """Whether nothing that arrived is unread."""
        return not self._pieces

    @property
    def is_reusable(self) -> bool:
        return self.is_open and self.is_complete and self._is_reusable and self.is_drained

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            if self.is_open:
                self._transport.abort()

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Exchange:
    """An answer whose head has arrived. Close it in any case."""

    def __init__(self, pool: "Pool", address: Address, connection: Connection) -> None:
        self._pool, self._address, self._connection = pool, address, connection
        self.status, self.headers = connection.status, connection.headers

    @property
    def is_whole(self) -> bool:
        """Whether all of the answer is here."""
        return self._connection.is_complete

    async def chunk(self) -> bytes:
        """The next bytes, as they arrived together; empty at the end. Raises TransportError."""
        return await self._connection.chunk()

    async def iter_bytes(self) -> AsyncGenerator[bytes, None]:
        """All chunks. Raises TransportError."""
        while data := await self.chunk():
            yield data

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises TransportError, TooMuch."""
        body = await self.chunk()
        if self.is_whole and self._connection.is_drained:
            _check_length(body, limit_bytes)
            return body
        parts = bytearray(body)
        while data := await self.chunk():
            parts += data
            _check_length(parts, limit_bytes)
        return bytes(parts)

    def expire(self) -> None:
        """Who waits for the next bytes gets a TimeoutError."""
        self._connection.expire()

    def break_off(self) -> None:
        """Who waits for the next bytes gets a TransportError."""
        self._connection.abort()

    def close(self) -> None:
        """Keep the connection where its answer was read to the end, else break it off."""
        self._pool.give_back(self._address, self._connection)


def _check_length(body: bytes | bytearray, limit_bytes: int) -> None:
    if len(body) > limit_bytes:
        raise TooMuch(f"more than {limit_bytes} bytes")


class Pool:
    """The idle connections of one event loop, each for IDLE_SECONDS."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: dict[Address, deque[Connection]] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None

    async def request(
        self, address: Address, data: bytes, *, connect_seconds: float, answer_seconds: float
    ) -> Exchange:
        """Send, and wait for the head of the answer. Raises TransportError, RefusedAddress,
        TimeoutError where there is no connection, or no head, in time."""
        while (kept := self._take(address)) is not None:
            try:
                return await self._ask(address, kept, data, answer_seconds)
            except TransportError:
                # The provider closed it meanwhile: what it never read may be sent again.
                if kept.has_received:
                    raise
        connection = await self._connect(address, connect_seconds)
        return await self._ask(address, connection, data, answer_seconds)

    async def _ask(
        self, address: Address, connection: Connection, data: bytes, seconds: float
    ) -> Exchange:
        connection.send(data)
        # asyncio.timeout costs several times as much as one timer.
        timer = self._loop.call_later(seconds, connection.expire)
        try:
            await connection.wait_for_head()
        except BaseException:
            connection.abort()
            raise
        finally:
            timer.cancel()
        return Exchange(self, address, connection)

    async def _connect(self, address: Address, seconds: float) -> Connection:
        try:
            async with asyncio.timeout(seconds):
                # To the very addresses that were checked: the name might mean others by now.
                for place in (places := await resolve(address.host, address.port)):
                    try:
                        return await self._connect_to(place, address)
                    except OSError:
                        if place == places[-1]:
                            raise
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise TransportError(str(error)) from error
        raise TransportError(f"{address.host} has no address")

    async def _connect_to(self, place: str, address: Address) -> Connection:
        _, connection = await self._loop.create_connection(
            Connection,
            place,
            address.port,
            ssl=_tls_context() if address.is_tls else None,
            server_hostname=address.host if address.is_tls else None,
        )
        return connection

    def _take(self, address: Address) -> Connection | None:
        idle = self._idle.get(address)
        while idle:
            connection = idle.pop()
            if self._is_fresh(connection):
                return connection
            connection.abort()
        return None

    def _is_fresh(self, connection: Connection) -> bool:
        return connection.is_open and self._loop.time() - connection.idle_since < IDLE_SECONDS

    def give_back(self, address: Address, connection: Connection) -> None:
        idle = self._idle.setdefault(address, deque())
        if not connection.is_reusable or len(idle) >= IDLE_LIMIT:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        idle.append(connection)
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """After many calls at once few of their connections are used again."""
        for address, idle in list(self._idle.items()):
            while idle and not self._is_fresh(idle[0]):
                idle.popleft().abort()
            if not idle:
                del self._idle[address]
        self._sweep_timer = self._loop.call_later(IDLE_SECONDS, self._sweep) if self._idle else None

    def close(self) -> None:
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()


@cache
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


_pools = PerLoop(Pool)


def get_pool() -> Pool:
    return _pools.get()


def close_pool() -> None:
    """Close the idle connections of the running loop."""
    pool = _pools.pop()
    if pool is not None:
        pool.close()


@lru_cache(maxsize=1024)
def split_address(url: str) -> tuple[Address, str, str]:
    """``url`` → where to connect, the value of Host, and the target of the request line."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    host = parts.hostname or ""
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return Address(host, parts.port or (443 if is_tls else 80), is_tls), parts.netloc, target
