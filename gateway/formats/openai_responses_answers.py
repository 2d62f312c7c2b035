"""Answers in OpenAI's Responses, in one piece and as events. Pure."""

import time
from collections.abc import Iterable, Iterator

from gateway.errors import ApiError
from gateway.formats.contiguous import Contiguous
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

_CUT_OFF = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
}
_SERVER_ERROR = "server_error"
# What every description of a function has; strictness is the provider's affair.
_TOOL: JSONDict = {"parameters": None, "strict": None}


def usage_wire(usage: Usage) -> JSONDict:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
        **cost_wire(usage),
    }


def error_frame(error: ApiError, number: int) -> bytes:
    """The last frame of a stream whose response somebody else wrote; ``number`` is its place."""
    return _frame(
        {
            "type": "error", "sequence_number": number, "code": error.code or _SERVER_ERROR,
            "message": error.message, "param": None,
        }
    )  # fmt: skip


def as_stream(response: JSONDict) -> bytes:
    """A response that came in one piece, for who asked for a stream."""
    started = {name: value for name, value in response.items() if name != "usage"}
    started |= {"status": "in_progress", "output": []}
    events: list[tuple[str, JSONDict]] = [("response.created", {"response": started})]
    for index, item in enumerate(response["output"]):
        place = {"output_index": index, "item": item}
        events.append(("response.output_item.added", place))
        events += _text_events(item, index)
        events.append(("response.output_item.done", place))
    events.append((f"response.{response['status']}", {"response": response}))
    return b"".join(
        _frame({"type": kind, "sequence_number": number, **fields})
        for number, (kind, fields) in enumerate(events)
    )


def _text_events(item: JSONDict, index: int) -> Iterator[tuple[str, JSONDict]]:
    """What is said of the texts of a message; nothing of other items."""
    for number, part in enumerate(item.get("content") or []):
        if part.get("type") != "output_text":
            continue
        place = {"item_id": item["id"], "output_index": index, "content_index": number}
        text, empty = part["text"], {**part, "text": ""}
        yield "response.content_part.added", {**place, "part": empty}
        yield "response.output_text.delta", {**place, "delta": text, "logprobs": []}
        yield "response.output_text.done", {**place, "text": text, "logprobs": []}
        yield "response.content_part.done", {**place, "part": part}


def _frame(event: JSONDict) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + json.dumps(event) + b"\n\n"


class ResponseWriter:
    """One response: as a body, or as the events of a stream."""

    def __init__(self, body: JSONDict, model: str) -> None:
        self._model, self._body = model, body
        self._id, self._created = f"resp_{new_object_id()}", int(time.time())
        self._sequence = -1
        self._output: list[JSONDict] = []
        self._kind = ""
        self._parts = Contiguous()
        self._call: int | None = None
        self._finish = FinishReason.STOP

    def response(self, status: str, usage: Usage | None = None) -> JSONDict:
        cut_off = _CUT_OFF.get(self._finish) if usage else None
        echoed = ("instructions", "metadata", "temperature", "top_p", "max_output_tokens")
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": "incomplete" if cut_off else status,
            "error": None,
            "incomplete_details": {"reason": cut_off} if cut_off else None,
            "model": self._model,
            "output": self._output,
            "parallel_tool_calls": True,
            "tool_choice": self._body.get("tool_choice") or "auto",
            "tools": [_TOOL | tool for tool in self._body.get("tools") or []],
            **({"usage": usage_wire(usage)} if usage else {}),
            "store": False,
            **{name: self._body.get(name) for name in echoed},
        }

    def whole(self, whole: Whole, usage: Usage) -> JSONDict:
        calls = [
            ToolCallDelta(index, call.id, call.name, call.arguments)
            for index, call in sorted(whole.calls.items())
        ]
        thoughts = [ReasoningDelta(whole.thought)] if whole.thoughts else []
        texts = [TextDelta(whole.text)] if whole.texts else []
        self.frames([*thoughts, *texts, *calls, Finish(whole.finish)])
        return self.end_response(usage)

    def begin(self) -> bytes:
        state = {"response": self.response("in_progress")}
        return self._event("response.created", state) + self._event("response.in_progress", state)

    def frames(self, events: Iterable[StreamEvent]) -> bytes:
        return self._frames(self._parts.order(events))

    def _frames(self, events: Iterable[StreamEvent]) -> bytes:
        out = bytearray()
        for event in events:
            match event:
                case TextDelta(text):
                    out += self._enter("text")
                    out += self._add_text(text)
                case ReasoningDelta(text):
                    out += self._enter("reasoning")
                    out += self._add_thought(text)
                case ToolCallDelta():
                    out += self._add_call(event)
                case Finish(reason):
                    self._finish = reason
        return bytes(out)

    def end(self, usage: Usage) -> bytes:
        closed = self._close()
        response = self.response("completed", usage)
        return closed + self._event(f"response.{response['status']}", {"response": response})

    def end_response(self, usage: Usage) -> JSONDict:
        self._close()
        return self.response("completed", usage)

    def _close(self) -> bytes:
        return self._frames(self._parts.rest()) + self._leave()

    def failed(self, error: ApiError) -> bytes:
        code = "rate_limit_exceeded" if error.status == 429 else _SERVER_ERROR
        told = {"error": {"code": code, "message": error.message}}
        response = self.response("failed") | told
        return self._event("response.failed", {"response": response})

    # -- items --------------------------------------------------------------------------------

    def _place(self) -> JSONDict:
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    def _enter(self, kind: str) -> bytes:
        if self._kind == kind:
            return b""
        left = self._leave()
        self._kind = kind
        return left + (self._begin_thoughts() if kind == "reasoning" else self._begin_text())

    def _begin_thoughts(self) -> bytes:
        item = {"id": f"rs_{new_object_id()}", "type": "reasoning", "summary": []}
        added = self._add_item(item)
        part = {"type": "summary_text", "text": ""}
        self._output[-1]["summary"].append(part)
        place = {**self._place(), "summary_index": 0, "part": part}
        return added + self._event("response.reasoning_summary_part.added", place)

    def _begin_text(self) -> bytes:
        item = {
            "id": f"msg_{new_object_id()}", "type": "message", "role": "assistant",
            "status": "in_progress", "content": [],
        }  # fmt: skip
        added = self._add_item(item)
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self._output[-1]["content"].append(part)
        place = {**self._place(), "content_index": 0, "part": part}
        return added + self._event("response.content_part.added", place)

    def _add_item(self, item: JSONDict) -> bytes:
        self._output.append(item)
        place = {"output_index": len(self._output) - 1, "item": item}
        return self._event("response.output_item.added", place)

    def _add_text(self, text: str) -> bytes:
        self._output[-1]["content"][0]["text"] += text
        place = {**self._place(), "content_index": 0, "delta": text, "logprobs": []}
        return self._event("response.output_text.delta", place)

    def _add_thought(self, text: str) -> bytes:
        self._output[-1]["summary"][0]["text"] += text
        place = {**self._place(), "summary_index": 0, "delta": text}
        return self._event("response.reasoning_summary_text.delta", place)

    def _add_call(self, delta: ToolCallDelta) -> bytes:
        out = self._begin_call(delta) if self._call != delta.index else b""
        if not delta.arguments:
            return out
        self._output[-1]["arguments"] += delta.arguments
        told = {**self._place(), "delta": delta.arguments}
        return out + self._event("response.function_call_arguments.delta", told)

    def _begin_call(self, delta: ToolCallDelta) -> bytes:
        left = self._leave()
        self._kind, self._call = "call", delta.index
        return left + self._add_item(
            {
                "id": f"fc_{new_object_id()}", "type": "function_call",
                "call_id": delta.id or f"call_{new_object_id()}", "name": delta.name,
                "arguments": "", "status": "in_progress",
            }
        )  # fmt: skip

    def _leave(self) -> bytes:
        """The closing events of the item that is open."""
        kind, self._kind = self._kind, ""
        if not kind:
            return b""
        item, place = self._output[-1], self._place()
        closing = {
            "text": self._end_text, "reasoning": self._end_thoughts, "call": self._end_call
        }  # fmt: skip
        out = closing[kind](item, place)
        if kind != "reasoning":
            item["status"] = "completed"
        finished = {"output_index": place["output_index"], "item": item}
        return out + self._event("response.output_item.done", finished)

    def _end_text(self, item: JSONDict, place: JSONDict) -> bytes:
        part, done = item["content"][0], {**place, "content_index": 0}
        text = {**done, "text": part["text"], "logprobs": []}
        return self._event("response.output_text.done", text) + self._event(
            "response.content_part.done", {**done, "part": part}
        )

    def _end_thoughts(self, item: JSONDict, place: JSONDict) -> bytes:
        part, done = item["summary"][0], {**place, "summary_index": 0}
        text = {**done, "text": part["text"]}
        return self._event("response.reasoning_summary_text.done", text) + self._event(
            "response.reasoning_summary_part.done", {**done, "part": part}
        )

    def _end_call(self, item: JSONDict, place: JSONDict) -> bytes:
        arguments = {**place, "arguments": item["arguments"], "name": item["name"]}
        return self._event("response.function_call_arguments.done", arguments)

    def _event(self, kind: str, fields: JSONDict) -> bytes:
        self._sequence += 1
        data = {"type": kind, "sequence_number": self._sequence, **fields}
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps(data))
