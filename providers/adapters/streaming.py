"""Reading a provider's answer: time limits, and bytes into lists of events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from librechat_backend.lib import json, sse
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.adapters.failures import failure, without_key
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import ReasoningDelta, StreamEvent, TextDelta

T = TypeVar("T")


class Decoder(Protocol):
    """Bytes of an answer, as they arrive, into events. Pure."""

    is_complete: bool
    error: ProviderError | None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """The events ``chunk`` completes. What is wrong is kept in ``error``, so that the events
        before it are not lost."""
        ...

    def end(self) -> list[StreamEvent]:
        """The last events, after the connection ended or ``is_complete`` was seen."""
        ...


class Response(Protocol):
    """What both SDKs' raw responses, and ours, have in common."""

    @property
    def headers(self) -> Any: ...

    def iter_bytes(self) -> Any: ...


class Watchdog:
    """Limits the time to the first event, and every silence after it."""

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + connection.first_event_timeout_seconds
        self._idle_seconds = connection.idle_timeout_seconds
        self.has_begun = False

    async def wait(self, step: Awaitable[T]) -> T:
        """Raises ProviderError of kind TIMEOUT."""
        limit = self._loop.time() + self._idle_seconds if self.has_begun else self._deadline
        try:
            async with asyncio.timeout_at(limit):
                return await step
        except TimeoutError as error:
            raise failure(ErrorKind.TIMEOUT) from error


async def read_answer(
    opening: AbstractAsyncContextManager[Response],
    *,
    decoder_for: Callable[[bool], Decoder],
    translate: Callable[[Exception], ProviderError],
    connection: Connection,
) -> AsyncGenerator[list[StreamEvent], None]:
    """One list of events for each piece that arrives. Raises ProviderError.

    ``decoder_for`` is asked with whether the answer is an event stream; ``translate`` knows the
    exceptions of the SDK that ``opening`` belongs to.
    """
    watchdog = Watchdog(connection)
    try:
        response = await watchdog.wait(opening.__aenter__())
        try:
            decoder = decoder_for(_is_event_stream(response))
            chunks = response.iter_bytes().__aiter__()
            while not decoder.is_complete:
                chunk = await watchdog.wait(anext(chunks, None))
                if chunk is None:
                    break
                if events := decoder.feed(chunk):
                    watchdog.has_begun = True
                    yield events
                if decoder.error:
                    raise decoder.error
            if events := decoder.end():
                yield events
            if decoder.error:
                raise decoder.error
        finally:
            await opening.__aexit__(None, None, None)
    except ProviderError as error:
        raise without_key(error, connection) from error.__cause__
    except Exception as error:
        raise translate(error) from error


def _is_event_stream(response: Response) -> bool:
    return "json" not in response.headers.get("content-type", "")


class SseDecoder:
    """The common part of the dialects that stream server-sent events."""

    def __init__(self) -> None:
        self._frames = sse.Decoder()
        self.is_complete = False
        self.error: ProviderError | None = None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        try:
            for frame in self._frames.feed(chunk):
                self.read_frame(frame.data, events)
        except ProviderError as error:
            self.error = error
        except (sse.FrameTooLarge, *UNREADABLE):
            self.error = failure(ErrorKind.MALFORMED)
        return events

    def read_frame(self, data: bytes, events: list[StreamEvent]) -> None:
        """Append the events of one frame. Raises ProviderError, or one of UNREADABLE."""
        raise NotImplementedError


class BodyDecoder:
    """An answer in one JSON body, for requests that are not streamed."""

    def __init__(self, events_of: Callable[[JSONDict], list[StreamEvent]]) -> None:
        self._events_of = events_of
        self._body = bytearray()
        self.is_complete = False
        self.error: ProviderError | None = None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        self._body += chunk
        return []

    def end(self) -> list[StreamEvent]:
        try:
            return self._events_of(json.loads(bytes(self._body)))
        except ProviderError as error:
            self.error = error
        except UNREADABLE:
            self.error = failure(ErrorKind.MALFORMED)
        return []


# What reading JSON of another shape than promised raises; an SDK's own reader follows no depth.
UNREADABLE = (
    json.DecodeError, AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError,
)  # fmt: skip


def add_text(events: list[StreamEvent], text: JSONValue) -> None:
    """Append text, as one delta with the text before it. Raises TypeError for anything else."""
    if text and events and isinstance(events[-1], TextDelta):
        events[-1].text += text
    elif text:
        events.append(TextDelta("" + text))


def add_reasoning(events: list[StreamEvent], text: JSONValue) -> None:
    """As :func:`add_text`, for thoughts."""
    if text and events and isinstance(events[-1], ReasoningDelta):
        events[-1].text += text
    elif text:
        events.append(ReasoningDelta("" + text))
