"""The dialects of tests/fake_provider.py: how each provider spells requests and answers."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]

THOUGHTS = ["Let me", " think."]
REFUSAL = "I cannot help with that."
TOOL_NAME = "get_weather"
TOOL_ARGUMENTS = ['{"city"', ': "Paris"}']
INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS = 20, 5, 9, 3
HEARD_TOKENS, SPOKEN_TOKENS = 10, 4
SOUND_OF_GEMINI = {
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": INPUT_TOKENS - HEARD_TOKENS},
        {"modality": "AUDIO", "tokenCount": HEARD_TOKENS},
    ],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": SPOKEN_TOKENS}],
}


@dataclass(frozen=True)
class Turn:
    """What a request asks for, whatever its dialect."""

    model: str
    text: str
    stream: bool
    input_tokens: int = INPUT_TOKENS
    has_sound: bool = False


@dataclass(frozen=True)
class Script:
    markers: dict[str, str]
    words: list[str]

    @property
    def delay_seconds(self) -> float:
        return float((self.markers.get("chunks", "").split(":") + ["0"])[1] or 0)

    @property
    def stops_early(self) -> bool:
        return not self.markers.keys().isdisjoint(
            {"silence", "cut", "no-end", "malformed", "nested", "error-frame"}
        )

    def has(self, marker: str) -> bool:
        return marker in self.markers


def sse(data: JSON, event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def text_in(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or "" for part in content or [] if isinstance(part, dict))


class Dialect(ABC):
    @abstractmethod
    def read(self, body: JSON, path_values: Mapping[str, str], path: str) -> Turn: ...

    @abstractmethod
    def frames(self, script: Script, turn: Turn) -> list[bytes]:
        """The whole stream, the ending included."""

    @abstractmethod
    def ending(self, script: Script, turn: Turn) -> list[bytes]: ...

    @abstractmethod
    def whole(self, script: Script, turn: Turn) -> JSON: ...

    @abstractmethod
    def error(self, status: int, message: str) -> JSON: ...

    @abstractmethod
    def context_error(self) -> JSON: ...

    @abstractmethod
    def error_frame(self, message: str) -> bytes: ...


class OpenAI(Dialect):
    def read(self, body: JSON, path_values: Mapping[str, str], path: str) -> Turn:
        users = [m for m in body["messages"] if m["role"] == "user"] or body["messages"]
        text = text_in(users[-1]["content"]) if users else ""
        return Turn(body["model"], text, bool(body.get("stream")))

    def _chunk(self, turn: Turn, delta: JSON, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**self._head(turn, "chat.completion.chunk"), "choices": [choice]})

    def _head(self, turn: Turn, kind: str) -> JSON:
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": turn.model}

    def frames(self, script: Script, turn: Turn) -> list[bytes]:
        deltas: list[JSON] = [{"role": "assistant", "content": ""}]
        if script.has("reasoning"):
            deltas += [{"reasoning_content": thought} for thought in THOUGHTS]
        deltas += [{"tool_calls": [call]} for call in self._calls(script)]
        key = "refusal" if script.has("refusal") else "content"
        words = [REFUSAL] if script.has("refusal") else script.words
        deltas += [{key: word} for word in words]
        return [*(self._chunk(turn, d) for d in deltas), *self.ending(script, turn)]

    def _calls(self, script: Script) -> list[JSON]:
        if script.has("two-tools"):
            return [
                call for pair in zip(*map(self._two_tools, (0, 1)), strict=True) for call in pair
            ]
        if not script.has("tool"):
            return []
        first = {"index": 0, "id": "call_1", "type": "function"}
        return [
            {**first, "function": {"name": TOOL_NAME, "arguments": ""}},
            *({"index": 0, "function": {"arguments": part}} for part in TOOL_ARGUMENTS),
        ]

    def _two_tools(self, index: int) -> list[JSON]:
        pieces = ['{"city"', f': "City {index}"', "}"]
        calls: list[JSON] = [{"index": index, "function": {"arguments": each}} for each in pieces]
        calls[0] |= {"id": f"call_{index}", "type": "function"}
        calls[0]["function"]["name"] = TOOL_NAME
        return calls

    def ending(self, script: Script, turn: Turn) -> list[bytes]:
        head = self._head(turn, "chat.completion.chunk")
        usage = sse({**head, "choices": [], "usage": self._usage(turn)})
        last = [] if script.has("no-usage") else [usage]
        return [self._chunk(turn, {}, self._finish(script)), *last, b"data: [DONE]\n\n"]

    def _finish(self, script: Script) -> str:
        if script.has("length"):
            return "length"
        return "tool_calls" if script.has("tool") else "stop"

    def _usage(self, turn: Turn) -> JSON:
        return {
            "prompt_tokens": turn.input_tokens,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": turn.input_tokens + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS}
            | self._sound(turn, HEARD_TOKENS),
            "completion_tokens_details": {"reasoning_tokens": REASONING_TOKENS}
            | self._sound(turn, SPOKEN_TOKENS),
        }

    def _sound(self, turn: Turn, tokens: int) -> JSON:
        return {"audio_tokens": tokens} if turn.has_sound else {}

    def whole(self, script: Script, turn: Turn) -> JSON:
        message: JSON = {"role": "assistant", "content": "".join(script.words), "refusal": None}
        if script.has("reasoning"):
            message["reasoning_content"] = "".join(THOUGHTS)
        if script.has("refusal"):
            message |= {"content": None, "refusal": REFUSAL}
        if script.has("tool"):
            function = {"name": TOOL_NAME, "arguments": "".join(TOOL_ARGUMENTS)}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        finish = self._finish(script)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        head = self._head(turn, "chat.completion")
        return {**head, "choices": [choice], "usage": self._usage(turn)}

    def error(self, status: int, message: str) -> JSON:
        return {"error": {"message": message, "type": "some_error", "code": None}}

    def context_error(self) -> JSON:
        message = "This model's maximum context length is 8192 tokens."
        code = "context_length_exceeded"
        return {"error": {"message": message, "type": "invalid_request_error", "code": code}}

    def error_frame(self, message: str) -> bytes:
        return sse({"error": {"message": message, "code": 503}})


class Anthropic(Dialect):
    def read(self, body: JSON, path_values: Mapping[str, str], path: str) -> Turn:
        users = [m for m in body["messages"] if m["role"] == "user"] or body["messages"]
        return Turn(body["model"], text_in(users[-1]["content"]), bool(body.get("stream")))

    def _blocks(self, script: Script) -> list[tuple[JSON, list[JSON]]]:
        """Content blocks as they start, with the deltas that fill them."""
        blocks: list[tuple[JSON, list[JSON]]] = []
        if script.has("reasoning"):
            thoughts = [{"type": "thinking_delta", "thinking": t} for t in THOUGHTS]
            signature = {"type": "signature_delta", "signature": "c2ln"}
            start: JSON = {"type": "thinking", "thinking": "", "signature": ""}
            blocks.append((start, [*thoughts, signature]))
        words = [REFUSAL] if script.has("refusal") else script.words
        deltas = [{"type": "text_delta", "text": word} for word in words]
        blocks.append(({"type": "text", "text": ""}, deltas))
        if script.has("tool"):
            start = {"type": "tool_use", "id": "toolu_1", "name": TOOL_NAME, "input": {}}
            parts = [{"type": "input_json_delta", "partial_json": a} for a in TOOL_ARGUMENTS]
            blocks.append((start, parts))
        return blocks

    def frames(self, script: Script, turn: Turn) -> list[bytes]:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": turn.model}
        start = {"message": {**message, "content": [], "usage": self._usage(turn, 1)}}
        frames = [self._event("message_start", start), self._event("ping", {})]
        for index, (block, deltas) in enumerate(self._blocks(script)):
            place = {"index": index}
            frames.append(self._event("content_block_start", place | {"content_block": block}))
            frames += [self._event("content_block_delta", place | {"delta": d}) for d in deltas]
            frames.append(self._event("content_block_stop", place))
        return [*frames, *self.ending(script, turn)]

    def _event(self, kind: str, data: JSON) -> bytes:
        return sse({"type": kind, **data}, event=kind)

    def ending(self, script: Script, turn: Turn) -> list[bytes]:
        delta = {"stop_reason": self._stop(script), "stop_sequence": None}
        usage = {"output_tokens": OUTPUT_TOKENS}
        return [
            self._event("message_delta", {"delta": delta, "usage": usage}),
            self._event("message_stop", {}),
        ]

    def _stop(self, script: Script) -> str:
        reasons = {"tool": "tool_use", "refusal": "refusal", "length": "max_tokens"}
        return next((reasons[m] for m in script.markers if m in reasons), "end_turn")

    def _usage(self, turn: Turn, output_tokens: int) -> JSON:
        return {
            "input_tokens": turn.input_tokens - CACHED_TOKENS - 2,
            "cache_read_input_tokens": CACHED_TOKENS,
            "cache_creation_input_tokens": 2,
            "output_tokens": output_tokens,
        }

    def whole(self, script: Script, turn: Turn) -> JSON:
        content: list[JSON] = []
        for block, deltas in self._blocks(script):
            text = "".join(d.get("text", "") for d in deltas)
            thinking = "".join(d.get("thinking", "") for d in deltas)
            signed = {"thinking": thinking, "signature": "c2ln"}
            full = {"text": text} if block["type"] == "text" else signed
            if block["type"] == "tool_use":
                full = {"input": json.loads("".join(TOOL_ARGUMENTS))}
            content.append(block | full)
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": turn.model,
            "content": content,
            "stop_reason": self._stop(script),
            "usage": self._usage(turn, OUTPUT_TOKENS),
        }

    def error(self, status: int, message: str) -> JSON:
        return {"type": "error", "error": {"type": "some_error", "message": message}}

    def context_error(self) -> JSON:
        message = "prompt is too long: 210000 tokens > 200000 maximum"
        return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}

    def error_frame(self, message: str) -> bytes:
        error = {"type": "overloaded_error", "message": message}
        return self._event("error", {"error": error})


class Gemini(Dialect):
    def read(self, body: JSON, path_values: Mapping[str, str], path: str) -> Turn:
        users = [c for c in body["contents"] if c.get("role", "user") == "user"]
        stream = path_values["action"] == "streamGenerateContent"
        return Turn(path_values["model"], text_in(users[-1]["parts"]), stream)

    def _parts(self, script: Script) -> list[JSON]:
        parts: list[JSON] = []
        if script.has("reasoning"):
            parts += [{"text": thought, "thought": True} for thought in THOUGHTS]
        words = [] if script.has("refusal") else script.words
        parts += [{"text": word} for word in words]
        if script.has("tool"):
            arguments = json.loads("".join(TOOL_ARGUMENTS))
            parts.append({"functionCall": {"name": TOOL_NAME, "args": arguments}})
        return parts

    def _response(self, parts: list[JSON], **candidate: Any) -> JSON:
        content = {"role": "model", "parts": parts}
        return {"candidates": [{"content": content, "index": 0, **candidate}]}

    def frames(self, script: Script, turn: Turn) -> list[bytes]:
        chunks = [sse(self._response([part])) for part in self._parts(script)]
        return [*chunks, *self.ending(script, turn)]

    def ending(self, script: Script, turn: Turn) -> list[bytes]:
        response = self._response([{"text": ""}], finishReason=self._finish(script))
        return [sse({**response, "usageMetadata": self._usage(turn)})]

    def _finish(self, script: Script) -> str:
        reasons = {"refusal": "SAFETY", "length": "MAX_TOKENS"}
        return next((reasons[m] for m in script.markers if m in reasons), "STOP")

    def _usage(self, turn: Turn) -> JSON:
        return {
            "promptTokenCount": turn.input_tokens,
            "cachedContentTokenCount": CACHED_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS - REASONING_TOKENS,
            "thoughtsTokenCount": REASONING_TOKENS,
            "totalTokenCount": turn.input_tokens + OUTPUT_TOKENS,
            **(SOUND_OF_GEMINI if turn.has_sound else {}),
        }

    def whole(self, script: Script, turn: Turn) -> JSON:
        response = self._response(self._parts(script), finishReason=self._finish(script))
        return {**response, "usageMetadata": self._usage(turn)}

    def error(self, status: int, message: str) -> JSON:
        return {"error": {"code": status, "message": message, "status": "SOME_ERROR"}}

    def context_error(self) -> JSON:
        message = "The input token count (1200000) exceeds the maximum number of tokens allowed."
        return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}

    def error_frame(self, message: str) -> bytes:
        return sse({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})


class Responses(OpenAI):
    """OpenAI's Responses: text only."""

    def read(self, body: JSON, path_values: Mapping[str, str], path: str) -> Turn:
        asked = body["input"]
        text = asked if isinstance(asked, str) else text_in(asked[-1].get("content"))
        return Turn(body["model"], text, bool(body.get("stream")))

    def _event(self, kind: str, data: JSON) -> bytes:
        return sse({"type": kind, "sequence_number": 0, **data}, event=kind)

    def frames(self, script: Script, turn: Turn) -> list[bytes]:
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        started = {"response": self._response(turn, "", "in_progress")}
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        return [
            self._event("response.created", started),
            self._event("response.output_item.added", {"output_index": 0, "item": item}),
            self._event("response.content_part.added", place | {"part": part}),
            *(
                self._event("response.output_text.delta", place | {"delta": word, "logprobs": []})
                for word in script.words
            ),
            *self.ending(script, turn),
        ]

    def ending(self, script: Script, turn: Turn) -> list[bytes]:
        return [self._event("response.completed", {"response": self.whole(script, turn)})]

    def whole(self, script: Script, turn: Turn) -> JSON:
        return self._response(turn, "".join(script.words), "completed") | {
            "usage": {
                "input_tokens": turn.input_tokens,
                "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
                "output_tokens": OUTPUT_TOKENS,
                "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
                "total_tokens": turn.input_tokens + OUTPUT_TOKENS,
            }
        }

    def _response(self, turn: Turn, text: str, status: str) -> JSON:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "status": status,
            "content": [part],
        }  # fmt: skip
        return {
            "id": "resp_upstream", "object": "response", "created_at": 1, "status": status,
            "error": None, "model": turn.model, "output": [message] if text else [],
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        }  # fmt: skip

    def error_frame(self, message: str) -> bytes:
        return self._event("error", {"code": "server_error", "message": message, "param": None})


DIALECTS: dict[str, Dialect] = {
    "openai": OpenAI(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "responses": Responses(),
}
