"""Fold the events of a turn into the answer: content parts and the state a client resumes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from conversations.chat.events import (
    Attached,
    ContextMeasured,
    Created,
    Failed,
    Finished,
    ReasoningAdded,
    StepStarted,
    Summarized,
    TextAdded,
    Titled,
    TokensUsed,
    ToolArgumentsAdded,
    ToolFinished,
    TurnEvent,
)
from librechat_backend.lib.json import JSONDict


@dataclass(slots=True)
class Slot:
    """One step and what it has gathered. ``kind`` is fixed by the first delta (02 §3.5)."""

    step: StepStarted
    kind: str = ""
    fragments: list[str] = field(default_factory=list)
    output: str | None = None
    summary: Summarized | None = None

    def part(self) -> JSONDict | None:
        """The content part (contract 02 §8.2), None while there is nothing to show."""
        if self.summary is not None:
            return _summary_part(self.summary)
        text = "".join(self.fragments)
        if self.step.kind == "tool":
            return {"type": "tool_call", "tool_call": self._tool_call(text)} | self._column()
        if not text:
            return None
        ours = {"notice": True} if self.step.kind == "notice" else {}
        return {"type": self.kind, self.kind: text} | ours | self._column()

    def _column(self) -> JSONDict:
        if not self.step.agent_id:
            return {}
        return {"agentId": self.step.agent_id, "groupId": self.step.group_id}

    def _tool_call(self, arguments: str) -> JSONDict:
        call: JSONDict = {
            "id": self.step.call_id,
            "name": self.step.name,
            "args": arguments,
            "type": "tool_call",
        }
        if self.output is not None:
            call |= {"output": self.output, "progress": 1}
        return call


def _summary_part(summary: Summarized) -> JSONDict:
    return {
        "type": "summary",
        "content": [{"type": "text", "text": summary.text}],
        "tokenCount": summary.token_count,
        "summarizing": False,
        "provider": summary.provider,
        "model": summary.model,
        "boundary": {"messageId": summary.boundary_id, "contentIndex": 0},
    }


class TurnState:
    """The turn so far. Applying the same events gives the same state in every process."""

    def __init__(self, events: Iterable[TurnEvent] = ()) -> None:
        self.created: Created | None = None
        self.slots: dict[str, Slot] = {}
        self.title: Titled | None = None
        self.context: ContextMeasured | None = None
        self.usage: list[TokensUsed] = []
        self.attached: list[JSONDict] = []
        self.terminal: Finished | Failed | None = None
        for event in events:
            self.apply(event)

    def apply(self, event: TurnEvent) -> None:
        match event:
            case TextAdded(step_id, text):
                self._add(step_id, "text", text)
            case ReasoningAdded(step_id, text):
                self._add(step_id, "think", text)
            case ToolArgumentsAdded(step_id=step_id, fragment=fragment):
                self._add(step_id, "tool_call", fragment)
            case StepStarted():
                self.slots[event.step_id] = Slot(event)
            case ToolFinished(step_id, output):
                self.slots[step_id].output = output
            case Summarized():
                self.slots[event.step_id].summary = event
            case _:
                self._note(event)

    def _add(self, step_id: str, kind: str, text: str) -> None:
        slot = self.slots[step_id]
        slot.kind = slot.kind or kind
        slot.fragments.append(text)

    def _note(self, event: TurnEvent) -> None:
        match event:
            case Created():
                self.created = event
            case Titled():
                self.title = event
            case ContextMeasured():
                self.context = event
            case TokensUsed():
                self.usage.append(event)
            case Attached(attachment):
                self.attached.append(attachment)
            case Finished() | Failed():
                self.terminal = event

    @property
    def steps(self) -> list[StepStarted]:
        return [slot.step for slot in self.slots.values()]

    def parts(self) -> list[JSONDict]:
        """The answer's content, in the order of its slots.

        Positions are absolute indices: a step is followed by its first delta at once, so only
        the last one can still be empty.
        """
        ordered = sorted(self.slots.values(), key=lambda slot: slot.step.index)
        return [part for slot in ordered if (part := slot.part()) is not None]

    def text(self) -> str:
        """What the model said, the visible text alone."""
        return "".join(map(model_text, self.parts()))


def model_text(part: JSONDict) -> str:
    """Of a text part that is the model's own."""
    return str(part["text"]) if part["type"] == "text" and not part.get("notice") else ""


def join_parts(retained: list[JSONDict], added: list[JSONDict]) -> list[JSONDict]:
    """An edited or continued answer: what was kept, then what is new (contract 02 §10.3).

    A first new part of the type of the last kept one continues it, in the same column.
    """
    if not retained or not added:
        return [*retained, *added]
    last, first = retained[-1], added[0]
    kind = last["type"]
    is_other_voice = any(last.get(name) != first.get(name) for name in ("agentId", "notice"))
    if kind != first["type"] or kind not in {"text", "think"} or is_other_voice:
        return [*retained, *added]
    joined = {**last, kind: last[kind] + first[kind]}
    return [*retained[:-1], joined, *added[1:]]
