"""Neutral values between the chat and the providers. Pure: no Django, no SDK."""

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Literal

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict

TOKENS_MAX = 2**31 - 1  # what a column holds


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image as bytes in base64, or at an address the provider fetches it from; ``tokens`` is an
    estimate.
    """

    media_type: str
    base64: str
    detail: str = "auto"
    url: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A document the provider reads by itself, as bytes in base64, or at an address it fetches it
    from; ``tokens`` is an estimate.
    """

    media_type: str
    filename: str
    base64: str
    tokens: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call the model made in an earlier turn; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str

    @property
    def input(self) -> JSONDict:
        """The arguments as an object, also where a model wrote what is none."""
        try:
            value = json.loads(self.arguments or "{}")
        except json.DecodeError:
            value = self.arguments
        if not json.is_writable(self.arguments.encode(errors="replace"), value):
            value = self.arguments
        return value if isinstance(value, dict) else {"input": value}


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    call_id: str
    name: str
    output: str


Part = TextPart | ImagePart | DocumentPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the history. Results of tools travel in a message of role ``tool``."""

    role: Literal["user", "assistant", "tool"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """``parameters`` is a JSON schema."""

    name: str
    description: str
    parameters: JSONDict


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a person or preset sets; None leaves the provider's default.

    ``reasoning_effort`` is OpenAI's and Anthropic's scale; ``thinking`` None means the
    provider's default, ``thinking_budget`` is in tokens (−1: dynamic).
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    verbosity: str | None = None
    thinking: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None
    web_search: bool = False
    url_context: bool = False
    prompt_cache: bool | None = None
    disable_streaming: bool = False
    extra: JSONDict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a model. ``user_id`` is passed on for the provider's abuse detection.

    ``tool_choice``: ``auto``, ``none``, ``required`` or a tool's name; empty: the provider's
    default. ``response_format`` is OpenAI's member of that name.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    parameters: Parameters = Parameters()
    tools: tuple[ToolSpec, ...] = ()
    user_id: str = ""
    tool_choice: str = ""
    response_format: JSONDict | None = None
    purpose: Literal["chat", "title", "summary", "memory"] = "chat"

    def asking(self) -> "ChatRequest":
        """With the instructions as the question where there is none: most services want one."""
        if self.messages or not self.system:
            return self
        return replace(self, system="", messages=(Message("user", (TextPart(self.system),)),))


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"


@dataclass(slots=True)
class TextDelta:
    text: str


@dataclass(slots=True)
class ReasoningDelta:
    text: str


@dataclass(slots=True)
class ToolCallDelta:
    """``index`` tells calls made in parallel apart; ``id`` and ``name`` come with the first."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Usage:
    """Tokens as the provider reports them; ``input_tokens`` includes the cached ones. Both sides
    include sound and pictures; ``tells_media``: the provider says how much of them these are.

    A provider may report more than once in a stream: the last report holds. What none can have
    counted (texts, fractions, less than nothing) is taken for 0: figures must harm no answer and
    no row of the log.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    tells_media: bool = False

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= TOKENS_MAX:
                setattr(self, name, _whole(value))
        self.tells_media = self.tells_media is True


def _whole(value: object) -> int:
    """12 for 12.0: some services write all their numbers so."""
    if isinstance(value, float) and 0 <= value <= TOKENS_MAX and value.is_integer():
        return int(value)
    return 0


_COUNTS = tuple(field.name for field in fields(Usage) if field.name != "tells_media")


@dataclass(slots=True)
class Finish:
    reason: FinishReason


StreamEvent = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finish
