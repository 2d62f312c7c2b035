"""An answer as one piece, whatever dialect it is written in then. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from providers.types import (
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallPart,
    Usage,
)


@dataclass(slots=True)
class Whole:
    """An answer gathered from its events."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: dict[int, ToolCallPart] = field(default_factory=dict)
    usage: Usage | None = None
    finish: FinishReason = FinishReason.STOP

    def add(self, events: Iterable[StreamEvent]) -> None:
        for event in events:
            match event:
                case TextDelta(text):
                    self.texts.append(text)
                case ReasoningDelta(text):
                    self.thoughts.append(text)
                case ToolCallDelta():
                    self._add_call(event)
                case Usage():
                    self.usage = event
                case Finish(reason):
                    self.finish = reason

    def _add_call(self, delta: ToolCallDelta) -> None:
        known = self.calls.get(delta.index) or ToolCallPart("", "", "")
        self.calls[delta.index] = ToolCallPart(
            known.id or delta.id, known.name or delta.name, known.arguments + delta.arguments
        )

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def thought(self) -> str:
        return "".join(self.thoughts)
