"""Calls of tools that grow at once, told one after the other. Pure.

OpenAI's chat may interleave them; Anthropic's stream ends a block before the next begins, and so do
the items of Responses.
"""

from collections.abc import Iterable

from librechat_backend.lib import json
from providers.types import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta

# A kind of text, or a call by its index.
Key = str | int


class Contiguous:
    """What belongs to another part of the answer waits until the arguments of the open call are
    whole; ``rest`` are those that never were.
    """

    def __init__(self) -> None:
        self._has_calls = False
        self._open: Key = ""
        self._arguments: list[str] = []
        self._over: set[Key] = set()
        self._waiting: list[tuple[Key, list[StreamEvent]]] = []

    def order(self, events: Iterable[StreamEvent]) -> Iterable[StreamEvent]:
        """What of them, and of those that waited, can be told now."""
        if not self._has_calls:
            events = list(events)
            self._has_calls = any(isinstance(event, ToolCallDelta) for event in events)
        if not self._has_calls:
            return events
        return [ready for event in events for ready in self._next(event)]

    def rest(self) -> list[StreamEvent]:
        waiting, self._waiting = self._waiting, []
        return [event for _, events in waiting for event in events]

    def _next(self, event: StreamEvent) -> list[StreamEvent]:
        key = _key(event)
        if key is None:
            return [event]
        if key in self._over:
            return []  # only blanks can follow an object
        if key != self._open:
            self._wait(key, event)
            return self._ready()
        self._note(event)
        return [event, *self._ready()]

    def _wait(self, key: Key, event: StreamEvent) -> None:
        known = (events for waiting, events in self._waiting if waiting == key)
        if (events := next(known, None)) is not None:
            events.append(event)
        else:
            self._waiting.append((key, [event]))

    def _ready(self) -> list[StreamEvent]:
        ready: list[StreamEvent] = []
        while self._waiting and self._is_whole():
            if isinstance(self._open, int):
                self._over.add(self._open)
            self._open, events = self._waiting.pop(0)
            self._arguments.clear()
            for event in events:
                self._note(event)
            ready += events
        return ready

    def _note(self, event: StreamEvent) -> None:
        if isinstance(event, ToolCallDelta):
            self._arguments.append(event.arguments)

    def _is_whole(self) -> bool:
        """Text always is; a call, as soon as its arguments are an object."""
        if not isinstance(self._open, int):
            return True
        text = "".join(self._arguments).strip()
        if not text.endswith("}"):
            return False
        try:
            return isinstance(json.loads(text), dict)
        except json.DecodeError:
            return False


def _key(event: StreamEvent) -> Key | None:
    """None for what is no part of the answer."""
    match event:
        case TextDelta():
            return "text"
        case ReasoningDelta():
            return "thought"
        case ToolCallDelta(index=index):
            return index
    return None
