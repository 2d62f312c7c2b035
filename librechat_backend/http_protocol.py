"""uvicorn's HTTP, with bounds on what a client may send, and how slowly, before it says what it
wants; and with fewer, larger packets.

The parser gathers headers of any length, in time that grows with the square of it: one client
could stop the whole process. And uvicorn waits for the end of a head for ever: some thousands of
clients that never come to it could take all connections there are.
"""

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of a request's head, and of the trailers behind a body. Node refuses from 16 KB on.
HEAD_LIMIT_BYTES = 64 * 1024
JOINED_BYTES = 64 * 1024


class JoinedWrites:
    """A transport whose writes of one turn of the event loop leave together: the head and the body
    of a short answer are one packet, and frames of a stream that came together stay together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > JOINED_BYTES:
            self._flush()  # so that the transport can say when it is too much

    def _flush(self) -> None:
        pieces, self._pieces, self._waiting_bytes = self._pieces, [], 0
        if pieces and not self.transport.is_closing():
            self.transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def close(self) -> None:
        self._flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and closes when more than HEAD_LIMIT_BYTES lead nowhere; closes when a head is
    not whole REQUEST_HEAD_SECONDS after it began, or after the connection was made.
    """

    _unused_bytes = 0  # received since the parser last had something to tell
    _is_in_body = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)  # type: ignore[assignment]
        self._await_head()

    def handle_websocket_upgrade(self) -> None:
        self.transport = self.transport.transport  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unused_bytes += len(data)
        super().data_received(data)
        if self._unused_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")
        elif self._unused_bytes and self._head_timer is None and not self._is_in_body:
            self._await_head()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(settings.REQUEST_HEAD_SECONDS, self._head_too_slow)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_too_slow(self) -> None:
        self._head_timer = None
        # An answer that is still being sent ends first; the next byte starts the clock again.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._unused_bytes = 0
        self._is_in_body = True
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unused_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unused_bytes = 0
        self._is_in_body = False
        super().on_message_complete()
