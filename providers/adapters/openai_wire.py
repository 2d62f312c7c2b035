"""OpenAI's Chat Completions dialect: requests out, chunks in. Pure (contract 02 §9.1)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from librechat_backend.lib import json
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.adapters.failures import failure, frame_failure
from providers.adapters.streaming import SseDecoder, add_reasoning, add_text
from providers.adapters.thoughts import Thoughts
from providers.effort import openai_effort
from providers.errors import ErrorKind
from providers.types import (
    ChatRequest,
    DocumentPart,
    Finish,
    FinishReason,
    ImagePart,
    Message,
    Parameters,
    Part,
    StreamEvent,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_NEW_LIMIT_NAME = re.compile(r"(?:^|/)(?:gpt-[5-9]|o[134](?:-|$))")
# Reasoning models that refuse to be tuned; gpt-5.1 and gpt-5-chat are not among them.
_FIXED_SAMPLING = re.compile(r"(?:^|/)(?:o[134]|gpt-5)(?!-chat)(?:-|$)")
_SEARCH_MODEL = re.compile(r"gpt-4o.*search")
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")

_FINISH = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}


def request_body(
    request: ChatRequest, *, base_url: str = "", dropped: frozenset[str] = frozenset()
) -> JSONDict:
    """The JSON body; ``dropped`` names fields this service does not accept."""
    body: JSONDict = {
        "model": request.model,
        "messages": [*_system(request.system), *_messages(request.messages)],
        **parameter_fields(request.model, request.parameters),
        **_stream_fields(request.parameters),
        **reasoning_fields(request.model, request.parameters, base_url),
    }
    if request.tools:
        body["tools"] = [
            _tool(spec.name, spec.description, spec.parameters) for spec in request.tools
        ]
    if request.tool_choice:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.response_format:
        body["response_format"] = request.response_format
    if request.user_id:
        body["user"] = request.user_id
    body |= request.parameters.extra
    return {name: value for name, value in body.items() if name not in dropped}


def _stream_fields(parameters: Parameters) -> JSONDict:
    if parameters.disable_streaming:
        return {"stream": False}
    return {"stream": True, "stream_options": {"include_usage": True}}


def reasoning_fields(model: str, parameters: Parameters, base_url: str) -> JSONDict:
    """How long the model is to think, as the service at ``base_url`` is told."""
    is_openrouter = "openrouter.ai" in base_url
    effort = openai_effort(model, parameters, takes_any=is_openrouter)
    if not is_openrouter:
        return {"reasoning_effort": effort} if effort else {}
    fields: JSONDict = {"reasoning": {"effort": effort}} if effort else {"include_reasoning": True}
    return fields | ({"plugins": [{"id": "web"}]} if parameters.web_search else {})


def parameter_fields(model: str, parameters: Parameters) -> JSONDict:
    """The members that tune an answer, without reasoning."""
    values: dict[str, Any] = {
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "frequency_penalty": parameters.frequency_penalty,
        "presence_penalty": parameters.presence_penalty,
        "stop": list(parameters.stop) or None,
        "verbosity": parameters.verbosity or None,
    }
    if _SEARCH_MODEL.search(model):
        values = {}
    elif _FIXED_SAMPLING.search(model):
        values = {name: value for name, value in values.items() if name not in _SAMPLING}
    limit = "max_completion_tokens" if _NEW_LIMIT_NAME.search(model) else "max_tokens"
    values[limit] = parameters.max_output_tokens
    return {name: value for name, value in values.items() if value is not None}


def _tool_choice(choice: str) -> JSONValue:
    if choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _tool(name: str, description: str, parameters: JSONDict) -> JSONDict:
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def _system(text: str) -> list[JSONDict]:
    return [{"role": "system", "content": text}] if text else []


def _messages(messages: tuple[Message, ...]) -> Iterator[JSONDict]:
    for message in messages:
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        for result in results:
            yield {"role": "tool", "tool_call_id": result.call_id, "content": result.output}
        if message.role != "tool":
            yield _message(message)


def _message(message: Message) -> JSONDict:
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    content = _content(message)
    if calls:
        return {"role": message.role, "content": content or None, "tool_calls": calls}
    return {"role": message.role, "content": content}


def _call(part: ToolCallPart) -> JSONDict:
    function = {"name": part.name, "arguments": part.arguments or "{}"}
    return {"id": part.id, "type": "function", "function": function}


def _content(message: Message) -> str | list[JSONDict]:
    """Plain text where it is only text: not every service takes lists."""
    if any(isinstance(part, ImagePart | DocumentPart) for part in message.parts):
        return [block for part in message.parts if (block := _block(part))]
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))


def _block(part: Part) -> JSONDict | None:
    """None for what is said elsewhere."""
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case ImagePart(url=address, detail=detail):
            return {
                "type": "image_url",
                "image_url": {"url": address or _url(part), "detail": detail},
            }
        case DocumentPart(url=address) if address:
            raise failure(ErrorKind.INVALID_REQUEST, "Files must be sent as data, not by address.")
        case DocumentPart(filename=filename):
            return {"type": "file", "file": {"filename": filename, "file_data": _url(part)}}
    return None


def _url(part: ImagePart | DocumentPart) -> str:
    return f"data:{part.media_type};base64,{part.base64}"


class ChunkDecoder(SseDecoder):
    """A stream of ``chat.completion.chunk`` frames."""

    def __init__(self) -> None:
        super().__init__()
        self._finish: FinishReason | None = None
        self._has_refused = False
        self._thoughts = Thoughts()
        self._calls = Calls()

    def read_frame(self, data: bytes, events: list[StreamEvent]) -> None:
        if data == b"[DONE]":
            self.is_complete = True
            return
        chunk = json.loads(data)
        if chunk.get("error"):
            raise frame_failure(chunk["error"])
        for choice in chunk.get("choices") or ():
            self._read_choice(choice, events)
        if chunk.get("usage"):
            events.append(read_usage(chunk["usage"]))

    def _read_choice(self, choice: JSONDict, events: list[StreamEvent]) -> None:
        delta = choice.get("delta")
        if delta:
            self._has_refused = self._has_refused or bool(delta.get("refusal"))
            self._read_delta(delta, events)
        if reason := choice.get("finish_reason"):
            self._finish = _FINISH.get(reason, FinishReason.STOP)

    def _read_delta(self, delta: JSONDict, events: list[StreamEvent]) -> None:
        if self._thoughts.are_over:
            read_delta(delta, events, self._calls)
            return
        found: list[StreamEvent] = []
        read_delta(delta, found, self._calls)
        events.extend(self._thoughts.told_apart(found))

    def end(self) -> list[StreamEvent]:
        """Some services close without ``[DONE]``: a finish reason will do."""
        held = list(self._thoughts.end())
        if self._finish is None and not self.is_complete:
            self.error = self.error or failure(ErrorKind.CONNECTION)
            return held
        return [*held, Finish(_refused(self._finish or FinishReason.STOP, self._has_refused))]


def _refused(reason: FinishReason, has_refused: bool) -> FinishReason:
    return FinishReason.REFUSAL if has_refused else reason


class Calls:
    """The calls of tools of one answer, told apart.

    Some services give all of them the same index, or none, or no id, and some repeat the name.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_index: dict[int, ToolCallDelta] = {}

    def read(self, call: JSONDict, position: int) -> ToolCallDelta:
        """``position``: in its list."""
        function, index = call.get("function") or {}, call.get("index")
        index = position if index is None else index
        read = ToolCallDelta(0, str(call.get("id") or ""), str(function.get("name") or ""))
        read.arguments = _arguments(function.get("arguments"))
        first = self._by_index.get(index)
        # Without a name it goes on, whatever its id: some make up another for each piece.
        if first is None or (read.name and read.id not in ("", first.id)):
            return self._begin(index, read)
        name = "" if first.name else read.name
        first.name = first.name or name
        return ToolCallDelta(first.index, name=name, arguments=read.arguments)

    def _begin(self, index: int, read: ToolCallDelta) -> ToolCallDelta:
        read.index, self._count = self._count, self._count + 1
        read.id = read.id or f"call_{new_object_id()}"
        self._by_index[index] = replace(read)
        return read


def _arguments(value: JSONValue) -> str:
    if isinstance(value, dict):  # of a few services
        return json.dumps(value).decode()
    return "" if value is None else "" + value


def read_delta(delta: JSONDict, events: list[StreamEvent], calls: Calls) -> None:
    """``delta`` of a chunk or ``message`` of a body. Raises TypeError and the like."""
    _add_content(events, delta.get("content"))
    add_reasoning(events, delta.get("reasoning_content") or delta.get("reasoning"))
    add_text(events, delta.get("refusal"))
    for position, call in enumerate(delta.get("tool_calls") or ()):
        events.append(calls.read(call, position))


def _add_content(events: list[StreamEvent], content: JSONValue) -> None:
    if not isinstance(content, list):
        add_text(events, content)
        return
    for part in content:  # Mistral's reasoning models send lists
        if part.get("type") == "thinking":
            add_reasoning(events, "".join(p.get("text", "") for p in part["thinking"]))
        else:
            add_text(events, part.get("text"))


def read_usage(usage: JSONDict) -> Usage:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    if not prompt and not completion:
        return Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
    return Usage(
        input_tokens=usage.get("prompt_tokens") or 0,
        output_tokens=usage.get("completion_tokens") or 0,
        cache_read_tokens=prompt.get("cached_tokens") or 0,
        reasoning_tokens=completion.get("reasoning_tokens") or 0,
        **media_counts(prompt, completion),
    )


def media_counts(read: JSONDict, made: JSONDict) -> JSONDict:
    """Members of Usage, of what is said beside the counts of both sides."""
    names = ("audio_tokens", "image_tokens")
    counts = {
        f"{side}_{name}": details.get(name) or 0
        for side, details in (("input", read), ("output", made))
        for name in names
    }
    return counts | {"tells_media": any(name in each for name in names for each in (read, made))}


def events_of_body(body: JSONDict) -> list[StreamEvent]:
    """The events of an answer that was not streamed."""
    if body.get("error"):
        raise frame_failure(body["error"])
    choice = body["choices"][0]
    found: list[StreamEvent] = []
    read_delta(choice["message"], found, Calls())
    thoughts = Thoughts()
    events = [*thoughts.told_apart(found), *thoughts.end()]
    if body.get("usage"):
        events.append(read_usage(body["usage"]))
    reason = _FINISH.get(choice.get("finish_reason"), FinishReason.STOP)
    events.append(Finish(_refused(reason, bool(choice["message"].get("refusal")))))
    return events


def model_names(body: JSONValue) -> list[str]:
    """From ``{"data": […]}``, a bare list, or Cloudflare's ``{"result": […]}``."""
    rows = body if isinstance(body, list) else body.get("data") or body.get("result") or []
    # Cloudflare's ``id`` is a UUID and its ``name`` what requests spell; others have only ``id``.
    is_cloudflare = isinstance(body, dict) and "result" in body
    return [row["name"] if is_cloudflare else row["id"] for row in rows]
