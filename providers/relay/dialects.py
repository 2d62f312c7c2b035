"""Which channels are asked in the caller's own dialect, and how frames of each are read.

Inside a JSON string quotation marks are escaped: text is never taken for the marks that bytes are
searched for.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from librechat_backend.lib.json import JSONDict, JSONValue
from providers.adapters import anthropic_wire, openai_wire
from providers.registry import SERVICES
from providers.route_table import ChannelSnapshot
from providers.types import Usage

# In USD; None: there is no price.
CostOf = Callable[[Usage], float | None]


class WireDialect(StrEnum):
    OPENAI = "openai"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"


# What Gemini offers in OpenAI's dialect, beside its own.
_GOOGLE_PATHS = frozenset({"/embeddings", "/images/generations"})
_YES = frozenset({"true", "yes", "1"})
# OpenAI ranks no texts, neither at its own address nor at Azure's.
_RANKING = "/rerank"


def speaks(channel: ChannelSnapshot, dialect: WireDialect) -> bool:
    adapter = SERVICES[channel.kind].adapter
    if dialect is WireDialect.ANTHROPIC:
        return adapter.endswith(".AnthropicAdapter")
    if dialect is WireDialect.RESPONSES:
        return adapter.endswith(".OpenAIChatAdapter") and _has_responses(channel)
    return adapter.endswith((".OpenAIChatAdapter", ".AzureAdapter"))


def _has_responses(channel: ChannelSnapshot) -> bool:
    """As the channel says; else those services that have it, at their own address."""
    told = dict(channel.options).get("responses", "").lower()
    service = SERVICES[channel.kind]
    return told in _YES if told else service.has_responses and channel.base_url == service.base_url


def speaks_openai_at(channel: ChannelSnapshot, path: str) -> bool:
    """Of what is not chat: whether the service has it in OpenAI's dialect, as far as known."""
    if path == _RANKING and channel.base_url == SERVICES["openai"].base_url:
        return False
    adapter = SERVICES[channel.kind].adapter
    if adapter.endswith(".GoogleAdapter"):
        return path in _GOOGLE_PATHS
    if adapter.endswith(".AzureAdapter"):
        return path != _RANKING
    return speaks(channel, WireDialect.OPENAI)


def refused_fields(channel: ChannelSnapshot) -> frozenset[str]:
    """Members of OpenAI's dialect this service does not take."""
    return _dropped(channel.options)


@lru_cache(maxsize=1024)
def _dropped(options: tuple[tuple[str, str], ...]) -> frozenset[str]:
    names = dict(options).get("drop_params", "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def usage_of_body(value: JSONDict, dialect: WireDialect) -> Usage | None:
    """Of an answer in one piece."""
    usage = value.get("usage")
    if not usage or usage.get("type") == "duration":  # sound that is paid by the minute
        return None
    if dialect is WireDialect.ANTHROPIC:
        return anthropic_wire.read_usage(usage)
    if "input_tokens" in usage:  # sound is counted under the names of the Responses
        return _responses_usage(usage)
    if usage.keys() == {"total_tokens"}:  # of rankings there is no more to tell
        return Usage(usage["total_tokens"] or 0, 0)
    return openai_wire.read_usage(usage)


def _responses_usage(usage: JSONDict) -> Usage:
    into, out = (
        usage.get(f"{side}_tokens_details") or usage.get(f"{side}_token_details") or {}
        for side in ("input", "output")
    )
    return Usage(
        usage.get("input_tokens") or 0,
        usage.get("output_tokens") or 0,
        into.get("cached_tokens") or 0,
        reasoning_tokens=out.get("reasoning_tokens") or 0,
        **openai_wire.media_counts(into, out),
    )


class FrameReader:
    """The frames of one stream. ``usage`` is the last report.

    ``usage_mark`` is in every frame that reports usage, ``end_marks`` are in the last one;
    ``cut_at``: from there on nothing is passed on. ``cost_of`` prices the last report.
    """

    usage_mark = b""
    end_marks: tuple[bytes, ...] = ()
    cut_at = b""

    def __init__(self, cost_of: CostOf | None = None) -> None:
        self.usage: Usage | None = None
        self._cost_of = cost_of

    def is_said(self, value: JSONDict) -> bool:
        """Whether it is more than the frames every answer begins with."""
        raise NotImplementedError

    def error_of(self, value: JSONDict) -> JSONValue:
        """Empty for a frame that reports no error."""
        return value.get("error")

    def read(self, value: JSONDict) -> JSONDict | None:
        """Note the usage; what is passed on instead of the frame, ``value`` itself for the frame as
        it is, None for nothing."""
        raise NotImplementedError

    def _with_cost(self, holder: JSONDict, value: JSONDict) -> JSONDict:
        """``value`` with the cost in ``holder``, whose ``usage`` was just read."""
        cost = self._cost_of(self.usage) if self.usage and self._cost_of else None
        if cost is None or not isinstance(holder.get("usage"), dict):
            return value
        holder["usage"]["cost"] = cost
        return {**value}

    def has_finished(self, value: JSONDict) -> bool:
        """Whether the answer is whole although the end of the dialect is missing."""
        return False


class ChatReader(FrameReader):
    """``keeps_usage``: whether the caller asked for the usage, and gets it."""

    usage_mark = b'"prompt_tokens"'
    # With the line breaks, which no text has: an answer may be about such streams.
    end_marks = (b"data: [DONE]\n\n",)
    cut_at = b"data: [DONE]\n\n"
    _SAID = ("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "audio")

    def __init__(self, keeps_usage: bool, cost_of: CostOf | None) -> None:
        super().__init__(cost_of)
        self._keeps_usage = keeps_usage

    def is_said(self, value: JSONDict) -> bool:
        return any(
            choice.get("finish_reason")
            or any((choice.get("delta") or {}).get(member) for member in self._SAID)
            for choice in value.get("choices") or ()
        )

    def read(self, value: JSONDict) -> JSONDict | None:
        if not value.get("usage"):
            return value
        self.usage = openai_wire.read_usage(value["usage"])
        if self._keeps_usage:
            return self._with_cost(value, value)
        if not value.get("choices"):
            return None
        return {name: each for name, each in value.items() if name != "usage"}

    def has_finished(self, value: JSONDict) -> bool:
        return any(choice.get("finish_reason") for choice in value["choices"])


class MessagesReader(FrameReader):
    usage_mark = b'"output_tokens"'
    end_marks = (b"event: message_stop\n",)
    _PREFACE = (None, "message_start", "ping", "content_block_start")

    def is_said(self, value: JSONDict) -> bool:
        return value.get("type") not in self._PREFACE

    def read(self, value: JSONDict) -> JSONDict | None:
        usage = (value.get("message") or value).get("usage")
        if usage:
            self.usage = anthropic_wire.latest_usage(self.usage or Usage(), usage)
        is_last = value.get("type") == "message_delta"
        return self._with_cost(value, value) if is_last else value


class ResponsesReader(FrameReader):
    usage_mark = b'"output_tokens"'
    end_marks = (b'"response.completed"', b'"response.incomplete"')
    _PREFACE = (
        None, "response.created", "response.queued", "response.in_progress",
        "response.output_item.added", "response.content_part.added",
        "response.reasoning_summary_part.added",
    )  # fmt: skip

    def is_said(self, value: JSONDict) -> bool:
        return value.get("type") not in self._PREFACE

    def error_of(self, value: JSONDict) -> JSONValue:
        if value.get("type") == "error":
            return value.get("error") or value
        failed = value.get("type") == "response.failed"
        return (value["response"].get("error") or {"message": ""}) if failed else None

    def read(self, value: JSONDict) -> JSONDict | None:
        response = value.get("response") or {}
        if not response.get("usage"):
            return value
        self.usage = _responses_usage(response["usage"])
        return self._with_cost(response, value)


def reader_for(dialect: WireDialect, *, keeps_usage: bool, cost_of: CostOf | None) -> FrameReader:
    if dialect is WireDialect.OPENAI:
        return ChatReader(keeps_usage, cost_of)
    reader = MessagesReader if dialect is WireDialect.ANTHROPIC else ResponsesReader
    return reader(cost_of)
