"""Thoughts that models write between ``<think>`` tags in front of their answer.

DeepSeek's and Qwen's models do, where the service does not tell thoughts from the answer itself.
Tags that come later are quoted, and stay.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from providers.types import ReasoningDelta, StreamEvent, TextDelta

_OPEN, _CLOSE = "<think>", "</think>"


class _Phase(Enum):
    BEGINNING = auto()
    THINKING = auto()
    BETWEEN = auto()
    ANSWERING = auto()


class Thoughts:
    """Reads the texts of one answer in pieces of any size; a tag may be cut anywhere."""

    def __init__(self) -> None:
        self._phase = _Phase.BEGINNING
        self._held = ""

    @property
    def are_over(self) -> bool:
        return self._phase is _Phase.ANSWERING

    def told_apart(self, events: Sequence[StreamEvent]) -> Iterator[StreamEvent]:
        """``events`` with those texts that are thoughts as such."""
        for event in events:
            if isinstance(event, TextDelta):
                yield from self._read(event.text)
            else:
                yield event

    def end(self) -> Iterator[StreamEvent]:
        """What was held back, as it might have become a tag."""
        held, self._held = self._held, ""
        if held and self._phase is _Phase.THINKING:
            yield ReasoningDelta(held)
        elif held:
            yield TextDelta(held)

    def _read(self, text: str) -> Iterator[StreamEvent]:
        self._held += text
        if self._phase is _Phase.BEGINNING:
            self._begin()
        if self._phase is _Phase.THINKING:
            yield from self._think()
        if self._phase is _Phase.BETWEEN:
            self._held = self._held.lstrip()
            self._phase = _Phase.ANSWERING if self._held else _Phase.BETWEEN
        if self.are_over:
            yield from self.end()

    def _begin(self) -> None:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._phase, self._held = _Phase.THINKING, start.removeprefix(_OPEN)
        elif not _OPEN.startswith(start):
            self._phase = _Phase.ANSWERING

    def _think(self) -> Iterator[StreamEvent]:
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self._phase, self._held = _Phase.BETWEEN, rest
        else:
            size = len(thought) - _beginning_of_tag(thought)
            thought, self._held = thought[:size], thought[size:]
        if thought:
            yield ReasoningDelta(thought)


def _beginning_of_tag(text: str) -> int:
    """How many characters at the end of ``text`` may begin the closing tag."""
    longest = min(len(text), len(_CLOSE) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(_CLOSE[:n])), 0)
