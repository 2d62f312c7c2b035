"""What happens in a turn, in order: the values the log keeps. Pure.

A turn is one ``Created``, then steps with their deltas, then one ``Finished`` (or ``Failed``).
Rows inside events are snapshots under the field names of the models, so that any process can
render them without asking the database.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict


@dataclass(slots=True)
class Created:
    """The turn exists: its user message is stored. Always the first event."""

    conversation_id: str
    response_message_id: str
    sender: str
    endpoint: str
    model: str
    icon_url: str
    user_message: JSONDict


@dataclass(slots=True)
class StepStarted:
    """A slot ``index`` of the answer opens; a tool step names its call, a notice the preset that
    answers instead.

    ``agent_id`` and ``group_id`` name the column, where models answer side by side.
    """

    step_id: str
    index: int
    kind: Literal["message", "tool", "summary", "notice"]
    call_id: str = ""
    name: str = ""
    agent_id: str = ""
    group_id: int | None = None


@dataclass(slots=True)
class TextAdded:
    step_id: str
    text: str


@dataclass(slots=True)
class ReasoningAdded:
    step_id: str
    text: str


@dataclass(slots=True)
class ToolArgumentsAdded:
    step_id: str
    call_id: str
    name: str
    fragment: str


@dataclass(slots=True)
class ToolFinished:
    step_id: str
    output: str


@dataclass(slots=True)
class SummaryBegun:
    """What falls out of the window is told to a model, which takes a while."""

    provider: str
    model: str
    message_count: int


@dataclass(slots=True)
class Summarized:
    """The whole of a summary. ``boundary_id`` names the last message it covers."""

    step_id: str
    text: str
    provider: str
    model: str
    token_count: int
    boundary_id: str


@dataclass(slots=True)
class ContextMeasured:
    """Estimated tokens of a request, before it is sent."""

    window: int
    budget: int
    instruction_tokens: int
    message_tokens: int
    message_count: int
    pruned_tokens: int
    summary_tokens: int = 0


@dataclass(slots=True)
class TokensUsed:
    """Tokens as the provider counted them; ``input_tokens`` includes the cached ones.

    ``cost_usd`` is None where prices are not known or not to be shown.
    """

    sequence: int
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    purpose: str = ""  # of a call beside the answer, which leaves the measured context alone
    cost_usd: float | None = None


@dataclass(slots=True)
class Attached:
    """Something shown with the answer beside its content (contract 02 §4.5), as the client reads
    it but for the ids of message and conversation.
    """

    attachment: JSONDict


@dataclass(slots=True)
class Titled:
    title: str


@dataclass(slots=True)
class Finished:
    """The turn is over and stored. ``message_ids`` are the conversation's, oldest first."""

    conversation: JSONDict
    user_message: JSONDict
    response: JSONDict
    message_ids: list[str] = field(default_factory=list)
    is_aborted: bool = False


@dataclass(slots=True)
class Failed:
    """The turn is over and could not be stored; the client is told and reloads."""

    reason: str


TurnEvent = (
    Created
    | StepStarted
    | TextAdded
    | ReasoningAdded
    | ToolArgumentsAdded
    | ToolFinished
    | SummaryBegun
    | Summarized
    | ContextMeasured
    | TokensUsed
    | Attached
    | Titled
    | Finished
    | Failed
)

_KINDS: dict[str, type[TurnEvent]] = {
    kind.__name__: kind
    for kind in (
        Created, StepStarted, TextAdded, ReasoningAdded, ToolArgumentsAdded, ToolFinished,
        SummaryBegun, Summarized, ContextMeasured, TokensUsed, Attached, Titled, Finished, Failed,
    )
}  # fmt: skip


def is_terminal(event: TurnEvent) -> bool:
    return isinstance(event, Finished | Failed)


def to_record(event: TurnEvent) -> bytes:
    """One line of JSON."""
    return json.dumps([type(event).__name__, event])


def from_record(record: bytes) -> TurnEvent:
    """The inverse of :func:`to_record`. Raises ValueError for anything else."""
    try:
        kind, fields = json.loads(record)
        return _KINDS[kind](**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("not a record of a turn event") from error


def merge_deltas(events: Iterable[TurnEvent]) -> list[TurnEvent]:
    """The same turn in fewer events: neighbouring deltas of one step become one."""
    merged: list[TurnEvent] = []
    for event in events:
        last = merged[-1] if merged else None
        if isinstance(event, TextAdded | ReasoningAdded) and _continues(last, event):
            merged[-1] = type(event)(event.step_id, last.text + event.text)  # type: ignore[union-attr]
        else:
            merged.append(event)
    return merged


def _continues(last: TurnEvent | None, event: TextAdded | ReasoningAdded) -> bool:
    return type(last) is type(event) and last.step_id == event.step_id
