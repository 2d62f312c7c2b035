"""uvicorn's HTTP, with a bound on what a client may send before it says what it wants.

The parser gathers headers of any length, in time that grows with the square of it: one client
could stop the whole process.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of a request's head, and of the trailers behind a body. Node refuses from 16 KB on.
HEAD_LIMIT_BYTES = 64 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and closes when more than HEAD_LIMIT_BYTES lead nowhere."""

    _unused_bytes = 0  # received since the parser last had something to tell

    def data_received(self, data: bytes) -> None:
        self._unused_bytes += len(data)
        super().data_received(data)
        if self._unused_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")

    def on_headers_complete(self) -> None:
        self._unused_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unused_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unused_bytes = 0
        super().on_message_complete()
