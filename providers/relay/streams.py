"""An answer in progress, as whole frames of its own dialect."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress

from librechat_backend.lib import json
from providers.adapters.failures import failure, frame_failure
from providers.adapters.streaming import UNREADABLE
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.http_client import Exchange, TransportError
from providers.relay.dialects import FrameReader
from providers.relay.opening import Opened
from providers.route_table import Attempt
from providers.types import Usage

FRAME_LIMIT_BYTES = 16 * 1024 * 1024
PREFACE_LIMIT_BYTES = 64 * 1024
_ERROR = b'"error"'


class RelayedStream:
    """An answer in progress. ``usage`` and ``frame_count`` grow with it; ``blocks`` yields whole
    frames, without OpenAI's ``[DONE]``, which the caller's side writes."""

    def __init__(
        self,
        attempt: Attempt,
        connection: Connection,
        opened: Opened,
        exchange: Exchange,
        reader: FrameReader,
    ) -> None:
        self.attempt = attempt
        self.frame_count = 0
        self._opened, self._exchange, self._reader = opened, exchange, reader
        self._idle = _IdleWatch(exchange, connection.idle_timeout_seconds)
        self._pending = self._first = b""
        self._has_crlf = self._is_complete = self._is_over = False
        self._last = (b"", b"")
        self._error: ProviderError | None = None

    @property
    def usage(self) -> Usage | None:
        return self._reader.usage

    async def begin(self) -> None:
        """Wait until something is said. Raises ProviderError for an error before that."""
        while not self._is_over:
            block = await self._block()
            if self._error is not None:
                raise self._error
            self._first += block
            if self._says_something(block) or len(self._first) > PREFACE_LIMIT_BYTES:
                return

    def _says_something(self, block: bytes) -> bool:
        """Whether there is more than the frames every answer begins with."""
        return any(self._is_said(frame) for frame in block.split(b"\n\n") if frame)

    def _is_said(self, frame: bytes) -> bool:
        try:
            return self._reader.is_said(json.loads(_data_of(frame) or b"{}"))
        except UNREADABLE:
            return True

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Raises ProviderError. Closing it closes the provider's connection."""
        self._idle.start()
        try:
            yield self._first
            while not self._is_over and self._error is None:
                if block := await self._block():
                    yield block
            if self._error is not None:
                raise self._error
        except TransportError as error:
            kind = ErrorKind.TIMEOUT if self._idle.has_expired else ErrorKind.CONNECTION
            raise failure(kind) from error
        finally:
            self._idle.stop()
            await self._opened.__aexit__(*sys.exc_info())

    async def close(self) -> None:
        """For an answer that nobody reads."""
        await self._opened.__aexit__(None, None, None)

    async def _block(self) -> bytes:
        """What is complete of the next bytes; may be empty."""
        piece = await self._exchange.chunk()
        self._idle.touch()
        if not piece:
            return self._end()
        data = self._pending + piece if self._pending else piece
        if self._has_crlf or b"\r\n" in piece:
            self._has_crlf, data = True, data.replace(b"\r\n", b"\n")
        cut = data.rfind(b"\n\n") + 2
        if cut < 2:
            cut = 0
        self._pending = data[cut:]
        if len(self._pending) > FRAME_LIMIT_BYTES:
            raise failure(ErrorKind.MALFORMED)
        return self._inspect(data[:cut]) if cut else b""

    def _end(self) -> bytes:
        self._is_over = True
        rest, self._pending = self._pending.strip(), b""
        block = self._inspect(rest + b"\n\n") if rest else b""
        if self._error is None and not (self._is_complete or self._has_finished()):
            self._error = failure(ErrorKind.CONNECTION)
        return block

    def _inspect(self, block: bytes) -> bytes:
        count = block.count(b"\n\n")
        self.frame_count += count
        if count != block.count(b"}\n\n") + block.count(b"[DONE]\n\n"):
            block = self._read(block)
        elif (marked := self._marked(block)) >= 0:
            # What stands before it passes unread.
            end = block.rfind(b"\n\n", 0, marked)
            start = 0 if end < 0 else end + 2
            block = block[:start] + self._read(block[start:])
        if any(mark in block for mark in self._reader.end_marks):
            self._is_complete = True
            if self._reader.cut_at:
                # All after it belongs to nobody.
                block = block.partition(self._reader.cut_at)[0]
                self._is_over = True
        if block:
            self._last = (self._last[1], block)
        return block

    def _marked(self, block: bytes) -> int:
        """Where something is told that is to be read; -1: nowhere."""
        places = (block.find(self._reader.usage_mark), block.find(_ERROR))
        return min((place for place in places if place >= 0), default=-1)

    def _read(self, block: bytes) -> bytes:
        """The frames one by one: usage is noted, an error ends the stream before it."""
        out = bytearray()
        for frame in block.split(b"\n\n")[:-1]:
            if self._reader.usage_mark in frame or _ERROR in frame or _looks_cut(frame):
                kept = self._read_frame(frame)
                if self._error is not None:
                    break
                out += kept
            else:
                out += frame + b"\n\n"
        return bytes(out)

    def _read_frame(self, frame: bytes) -> bytes:
        try:
            value = json.loads(_data_of(frame))
            if error := self._reader.error_of(value):
                self._error = frame_failure(error)
                return b""
            kept = self._reader.read(value)
        except UNREADABLE:
            self._error = failure(ErrorKind.MALFORMED)
            return b""
        if kept is None:
            return b""
        if kept is not value:
            frame = frame[: frame.index(b"data:")] + b"data: " + json.dumps(kept)
        return frame + b"\n\n"

    def _has_finished(self) -> bool:
        """Some services close without the end their dialect has: a finish reason will do."""
        for frame in b"".join(self._last).split(b"\n\n")[:-1]:
            with suppress(*UNREADABLE):
                if self._reader.has_finished(json.loads(_data_of(frame))):
                    return True
        return False


def _looks_cut(frame: bytes) -> bool:
    """Data that is no whole JSON object, nor the end of a stream."""
    return not frame.endswith((b"}", b"[DONE]")) and b"data:" in frame


def _data_of(frame: bytes) -> bytes:
    lines = (line for line in frame.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(line[5:] for line in lines)


class _IdleWatch:
    """Breaks an exchange off when nothing has come for too long; one timer, not one a piece."""

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        self._exchange, self._seconds = exchange, seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.has_expired = False

    def start(self) -> None:
        self.touch()
        self._timer = self._loop.call_later(self._seconds, self._check)

    def touch(self) -> None:
        self._last = self._loop.time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        left = self._last + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check)
        else:
            self.has_expired = True
            self._exchange.break_off()
