"""The fields and parameters of a preset: one table for merging, forms, files and the client. Pure.

Inside, a parameter has one canonical name; the client spells it by the *dialect* of the endpoint
(contract 02 §2.4). A dialect without a spelling does not know the parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from librechat_backend.lib.json import JSONDict, JSONValue
from providers.registry import SERVICES


class Dialect(StrEnum):
    OPENAI = "openAI"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"


class ValueType(StrEnum):
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"
    TEXTS = "texts"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``low`` and ``high`` are what any provider accepts at most; bounds narrow them."""

    name: str
    label: str
    value_type: ValueType
    wire: Mapping[Dialect, str]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    help_text: str = field(default="", compare=False)


def _everywhere(name: str) -> dict[Dialect, str]:
    return dict.fromkeys(Dialect, name)


def _only(**names: str) -> dict[Dialect, str]:
    return {Dialect[dialect.upper()]: name for dialect, name in names.items()}


_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "temperature", "Temperature", ValueType.NUMBER, _everywhere("temperature"), 0, 2,
            help_text="0 is matter-of-fact, higher is more varied.",
        ),
        Parameter(
            "top_p", "Top P", ValueType.NUMBER,
            _only(openai="top_p", anthropic="topP", google="topP"), 0, 1,
        ),
        Parameter("top_k", "Top K", ValueType.INTEGER, _only(anthropic="topK", google="topK"), 1),
        Parameter(
            "frequency_penalty", "Frequency penalty", ValueType.NUMBER,
            _only(openai="frequency_penalty"), -2, 2,
        ),
        Parameter(
            "presence_penalty", "Presence penalty", ValueType.NUMBER,
            _only(openai="presence_penalty"), -2, 2,
        ),
        Parameter(
            "max_output_tokens", "Longest answer (tokens)", ValueType.INTEGER,
            _only(openai="max_tokens", anthropic="maxOutputTokens", google="maxOutputTokens"), 1,
        ),
        Parameter(
            "max_context_tokens", "Most context (tokens)", ValueType.INTEGER,
            _everywhere("maxContextTokens"), 1,
            help_text="Older messages beyond it are left out.",
        ),
        Parameter(
            "stop", "Stop sequences", ValueType.TEXTS, _only(openai="stop", anthropic="stop"),
        ),
        Parameter(
            "reasoning_effort", "Reasoning effort", ValueType.CHOICE,
            _only(openai="reasoning_effort", anthropic="effort"), choices=_EFFORTS,
        ),
        Parameter(
            "verbosity", "Verbosity", ValueType.CHOICE, _only(openai="verbosity"),
            choices=("low", "medium", "high"),
        ),
        Parameter(
            "thinking", "Thinking", ValueType.BOOLEAN,
            _only(anthropic="thinking", google="thinking"),
        ),
        Parameter(
            "thinking_budget", "Thinking budget (tokens)", ValueType.INTEGER,
            _only(anthropic="thinkingBudget", google="thinkingBudget"), -1,
        ),
        Parameter(
            "thinking_level", "Thinking level", ValueType.CHOICE, _only(google="thinkingLevel"),
            choices=("minimal", "low", "medium", "high"),
        ),
        Parameter(
            "prompt_cache", "Prompt caching", ValueType.BOOLEAN,
            _only(openai="promptCache", anthropic="promptCache"),
        ),
        Parameter(
            "web_search", "Provider's web search", ValueType.BOOLEAN, _everywhere("web_search"),
        ),
        Parameter(
            "url_context", "Read web addresses", ValueType.BOOLEAN, _only(google="url_context"),
        ),
        Parameter(
            "disable_streaming", "Answer in one piece", ValueType.BOOLEAN,
            _only(openai="disableStreaming"),
        ),
        Parameter(
            "resend_files", "Send files again", ValueType.BOOLEAN, _everywhere("resendFiles"),
        ),
        Parameter(
            "image_detail", "Detail of images", ValueType.CHOICE, _only(openai="imageDetail"),
            choices=("low", "auto", "high"),
        ),
    )
}  # fmt: skip

# What a preset sets besides parameters, under the names of the model's columns.
TEXT_FIELDS = (
    "name", "description", "icon_url", "menu_group", "menu_group_icon", "endpoint", "model",
    "system_message", "greeting", "model_label",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How the client shows a preset; ``wire`` as in contract 01 §6.2."""

    wire: str
    label: str
    help_text: str = ""


# Yes, no, or inherited; what nobody says is as the client has it.
LOOKS: dict[str, Look] = {
    "show_in_menu": Look(
        "showInMenu", "In the menu", "No: only for links and programs that name it."
    ),
    "show_on_landing": Look(
        "showOnLanding", "Name and description greet in an empty chat", "Instead of the greeting."
    ),
    "show_icon_in_menu": Look("showIconInMenu", "Icon in the menu"),
    "show_icon_in_header": Look("showIconInHeader", "Icon above the chat"),
    "hide_badge_row": Look("hideBadgeRow", "Hide the row of tools below the text field"),
}
# Of remembered answers; see gateway/cache.py.
MAX_CACHE_SECONDS = 31 * 24 * 3600
LOCKABLE = ("system_message", "model_label", "greeting", "tools", *PARAMETERS)


def dialect_of(kind: str) -> Dialect:
    """The parameter names the client uses for an endpoint whose service is ``kind``."""
    adapter = SERVICES[kind].adapter if kind in SERVICES else ""
    if "anthropic" in adapter:
        return Dialect.ANTHROPIC
    return Dialect.GOOGLE if "google" in adapter else Dialect.OPENAI


def to_wire(fields: Mapping[str, JSONValue], dialect: Dialect) -> JSONDict:
    """Parameters among ``fields`` under the client's names; unknown ones are left out."""
    return {
        parameter.wire[dialect]: fields[name]
        for name, parameter in PARAMETERS.items()
        if name in fields and dialect in parameter.wire
    }


def wire_names(name: str) -> frozenset[str]:
    """Every spelling of a canonical name, in any dialect."""
    spellings = {"system_message": {"promptPrefix"}, "model_label": {"modelLabel"}}
    if name in PARAMETERS:
        return frozenset(PARAMETERS[name].wire.values())
    return frozenset(spellings.get(name, {name}))
