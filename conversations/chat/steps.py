"""Provider events → turn events: which slot of the answer each delta belongs to. Pure."""

from collections.abc import Iterator
from itertools import count

from conversations.chat.events import (
    ReasoningAdded,
    StepStarted,
    Summarized,
    TextAdded,
    ToolArgumentsAdded,
    TurnEvent,
    merge_deltas,
)
from librechat_backend.lib.ids import new_object_id
from providers.types import (
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)


class StepWriter:
    """One run of text, one run of reasoning and each tool call get a slot of their own.

    Columns of one answer share ``indices``.
    """

    def __init__(
        self,
        indices: Iterator[int] | None = None,
        *,
        agent_id: str = "",
        group_id: int | None = None,
    ) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self._indices = count() if indices is None else indices
        self._agent_id, self._group_id = agent_id, group_id
        self._kind: type[StreamEvent] | None = None
        self._step_id = ""
        self._tools: dict[int, StepStarted] = {}

    def write(self, batch: list[StreamEvent]) -> list[TurnEvent]:
        """The turn events of one batch, neighbouring deltas merged."""
        return merge_deltas(event for item in batch for event in self._write(item))

    def _write(self, item: StreamEvent) -> Iterator[TurnEvent]:
        match item:
            case TextDelta(text) if text:
                yield from self._enter(TextDelta)
                yield TextAdded(self._step_id, text)
            case ReasoningDelta(text) if text:
                yield from self._enter(ReasoningDelta)
                yield ReasoningAdded(self._step_id, text)
            case ToolCallDelta():
                yield from self._tool(item)
            case Usage():
                self.usage = item
            case Finish(reason):
                self.finish_reason = reason

    def summary(self, event: Summarized) -> list[TurnEvent]:
        """A slot of its own for a summary that is complete."""
        step = self._new_step(StepStarted("", 0, "summary", name=event.model))
        event.step_id = step.step_id
        return [step, event]

    def notice(self, text: str, *, preset: str) -> list[TurnEvent]:
        """A slot of its own for words of ours, before those of ``preset``."""
        step = self._new_step(StepStarted("", 0, "notice", name=preset))
        return [step, TextAdded(step.step_id, text)]

    def _enter(self, kind: type[StreamEvent]) -> Iterator[TurnEvent]:
        if self._kind is kind:
            return
        self._kind = kind
        step = self._new_step(StepStarted("", 0, "message"))
        self._step_id = step.step_id
        yield step

    def _tool(self, delta: ToolCallDelta) -> Iterator[TurnEvent]:
        self._kind = ToolCallDelta
        step = self._tools.get(delta.index)
        if step is None:
            call_id = delta.id or f"call_{new_object_id()}"
            step = self._new_step(StepStarted("", 0, "tool", call_id, delta.name))
            self._tools[delta.index] = step
            yield step
        if delta.arguments:
            yield ToolArgumentsAdded(step.step_id, step.call_id, step.name, delta.arguments)

    def _new_step(self, step: StepStarted) -> StepStarted:
        step.step_id, step.index = f"step_{new_object_id()}", next(self._indices)
        step.agent_id, step.group_id = self._agent_id, self._group_id
        return step

    @property
    def tool_steps(self) -> list[StepStarted]:
        return list(self._tools.values())
