"""Server-sent events: frames out, frames in. Pure; no Django."""

from collections.abc import Iterator
from dataclasses import dataclass

PING = b"event: ping\ndata: {}\n\n"
PING_INTERVAL_SECONDS = 15.0

HEADERS = {
    "Content-Type": "text/event-stream",
    "Content-Encoding": "identity",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}

# A provider that sends megabytes without ending a frame is broken or hostile.
FRAME_LIMIT_BYTES = 16 * 1024 * 1024


def encode(data: bytes, event: str = "message") -> bytes:
    """One frame. ``data`` is one line of JSON (contract 02 §3.2)."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


@dataclass(frozen=True, slots=True)
class Frame:
    """A received frame: ``event`` is empty where the sender named none."""

    event: str
    data: bytes


class FrameTooLarge(ValueError):
    """More than FRAME_LIMIT_BYTES arrived without the end of a frame."""


class Decoder:
    """Incremental reader of an event stream; chunks may be cut anywhere, inside characters too."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames completed by ``chunk``. Raises FrameTooLarge."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > FRAME_LIMIT_BYTES:
            raise FrameTooLarge(f"no end of line in {FRAME_LIMIT_BYTES} bytes")
        return [frame for line in lines for frame in self._line(line.rstrip(b"\r"))]

    def flush(self) -> list[Frame]:
        """What is complete when the stream ends without a blank line."""
        rest, self._rest = self._rest.rstrip(b"\r"), b""
        return [*self._line(rest), *self._line(b"")] if rest or self._data else []

    def _line(self, line: bytes) -> Iterator[Frame]:
        if not line:
            if self._data:
                yield Frame(self._event, b"\n".join(self._data))
            self._event, self._data = "", []
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
