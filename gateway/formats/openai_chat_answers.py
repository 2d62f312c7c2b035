"""Answers in OpenAI's Chat Completions, in one piece and as frames. Pure."""

import time
from collections.abc import Iterable

from gateway.formats.costs import cost_wire
from gateway.formats.whole import Whole
from librechat_backend.lib import json
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict
from providers.types import (
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)

DONE = b"data: [DONE]\n\n"
FINISH = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.REFUSAL: "stop",
    FinishReason.CONTENT_FILTER: "content_filter",
}


def usage_wire(usage: Usage, *, is_estimated: bool = False) -> JSONDict:
    wire: JSONDict = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        **cost_wire(usage),
    }
    return wire | {"estimated": True} if is_estimated else wire


class ChunkEncoder:
    """Events of one answer → frames of ``chat.completion.chunk``."""

    def __init__(self, model: str) -> None:
        self._id = f"chatcmpl-{new_object_id()}"
        self._created, self._model = int(time.time()), model
        self._texts: dict[tuple[int, str], tuple[bytes, bytes]] = {}

    def begin(self, choice: int = 0) -> bytes:
        return self._frame({"role": "assistant", "content": ""}, choice)

    def frames(self, events: Iterable[StreamEvent], choice: int = 0) -> bytes:
        """Usage is left out: see :meth:`usage`."""
        out = bytearray()
        for event in events:
            match event:
                case TextDelta(text):
                    out += self._text("content", text, choice)
                case ReasoningDelta(text):
                    out += self._text("reasoning_content", text, choice)
                case ToolCallDelta():
                    out += self._frame({"tool_calls": [self._call(event)]}, choice)
                case Finish(reason):
                    out += self._frame({}, choice, FINISH[reason])
        return bytes(out)

    def whole(self, whole: Whole, choice: int) -> bytes:
        """An answer that was gathered, in few frames."""
        calls = [
            ToolCallDelta(index, call.id, call.name, call.arguments)
            for index, call in sorted(whole.calls.items())
        ]
        texts = [TextDelta(whole.text)] if whole.texts else []
        thoughts = [ReasoningDelta(whole.thought)] if whole.thoughts else []
        return self.frames([*thoughts, *texts, *calls, Finish(whole.finish)], choice)

    def usage(self, usage: Usage, *, is_estimated: bool) -> bytes:
        wire = usage_wire(usage, is_estimated=is_estimated)
        return self._encode({**self._head(), "choices": [], "usage": wire})

    def _text(self, member: str, text: str, choice: int) -> bytes:
        """What all frames of text have in common is written once."""
        ends = self._texts.get((choice, member))
        if ends is None:
            whole = self._frame({member: "\x1a"}, choice)
            head, _, tail = whole.partition(b'"\\u001a"')
            ends = self._texts[choice, member] = (head, tail)
        return ends[0] + json.dumps(text) + ends[1]

    def _call(self, delta: ToolCallDelta) -> JSONDict:
        function: JSONDict = {"arguments": delta.arguments}
        call: JSONDict = {"index": delta.index, "function": function}
        if delta.id or delta.name:
            function["name"] = delta.name
            call |= {"id": delta.id, "type": "function"}
        return call

    def _frame(self, delta: JSONDict, choice: int, finish: str | None = None) -> bytes:
        choices = [{"index": choice, "delta": delta, "finish_reason": finish}]
        return self._encode({**self._head(), "choices": choices})

    def _head(self) -> JSONDict:
        return {
            "id": self._id, "object": "chat.completion.chunk", "created": self._created,
            "model": self._model,
        }  # fmt: skip

    def _encode(self, value: JSONDict) -> bytes:
        return b"data: " + json.dumps(value) + b"\n\n"


def error_frame(body: JSONDict) -> bytes:
    return b"data: " + json.dumps(body) + b"\n\n"


def completion(wholes: list[Whole], *, model: str, usage: Usage, is_estimated: bool) -> JSONDict:
    """The body of an answer that is not streamed; one choice for each of ``wholes``."""
    return {
        "id": f"chatcmpl-{new_object_id()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": index,
                "message": _message(whole),
                "logprobs": None,
                "finish_reason": FINISH[whole.finish],
            }
            for index, whole in enumerate(wholes)
        ],
        "usage": usage_wire(usage, is_estimated=is_estimated),
    }


def _message(whole: Whole) -> JSONDict:
    message: JSONDict = {"role": "assistant", "content": whole.text, "refusal": None}
    if whole.finish is FinishReason.REFUSAL:
        message |= {"content": None, "refusal": whole.text}
    if whole.thoughts:
        message["reasoning_content"] = whole.thought
    if whole.calls:
        message["content"] = whole.text or None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for _, call in sorted(whole.calls.items())
        ]
    return message
