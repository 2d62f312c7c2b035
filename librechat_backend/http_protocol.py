"""uvicorn's HTTP, with bounds on what a client may send, and how slowly, before it says what it
wants.

The parser gathers headers of any length, in time that grows with the square of it: one client
could stop the whole process. And uvicorn waits for the end of a head for ever: some thousands of
clients that never come to it could take all connections there are.
"""

import asyncio

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of a request's head, and of the trailers behind a body. Node refuses from 16 KB on.
HEAD_LIMIT_BYTES = 64 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and closes when more than HEAD_LIMIT_BYTES lead nowhere; closes when a head is
    not whole REQUEST_HEAD_SECONDS after it began, or after the connection was made.
    """

    _unused_bytes = 0  # received since the parser last had something to tell
    _is_in_body = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unused_bytes += len(data)
        if self._head_timer is None and not self._is_in_body:
            self._await_head()
        super().data_received(data)
        if self._unused_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")

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
