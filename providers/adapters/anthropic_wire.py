"""Anthropic's Messages dialect: requests out, events in. Pure (contract 02 §9.1)."""

from collections.abc import Iterator
from typing import Any

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict, JSONValue
from providers import effort
from providers.adapters.anthropic_models import Claude, default_output_tokens, find_claude
from providers.adapters.failures import failure, frame_failure
from providers.adapters.streaming import SseDecoder, add_reasoning, add_text
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
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_DEFAULT_THINKING_TOKENS = 2_000
_LEAST_THINKING_TOKENS = 1_024  # Anthropic refuses less
_CACHE = {"type": "ephemeral"}

_FINISH = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
}


def request_body(request: ChatRequest) -> JSONDict:
    request, parameters = request.asking(), request.parameters
    claude = find_claude(request.model)
    limit = parameters.max_output_tokens or default_output_tokens(request.model)
    thinking = _thinking(claude, parameters, limit) if _may_think(request, claude) else {}
    body: JSONDict = {
        "model": request.model,
        "max_tokens": limit,
        "messages": [m for m in map(_message, request.messages) if m["content"]],
        "stream": not parameters.disable_streaming,
        **({"system": [_text(system)]} if (system := _system(request)) else {}),
        **({"tools": tools} if (tools := _tools(request)) else {}),
        **({"tool_choice": choice} if (choice := _tool_choice(request)) else {}),
        **({"thinking": thinking} if thinking else _no_thinking(claude)),
        **_sampling(claude, parameters, thinks=bool(thinking)),
        **_effort(claude, parameters, thinks=bool(thinking)),
        **({"stop_sequences": list(parameters.stop)} if parameters.stop else {}),
        **({"metadata": {"user_id": request.user_id}} if request.user_id else {}),
    }
    if parameters.prompt_cache is not False and request.purpose == "chat":
        _mark_cacheable(body)
    return body | parameters.extra


def _may_think(request: ChatRequest, claude: Claude | None) -> bool:
    """Anthropic refuses thinking where a tool must be called, and models with a budget want the
    thoughts that led to a call back with its result: no other dialect keeps them."""
    parameters = request.parameters
    if parameters.thinking is False or parameters.reasoning_effort == "none":
        return False
    if request.purpose != "chat" or _tool_choice(request).get("type") in {"any", "tool"}:
        return False
    if claude is not None and claude.thinks_adaptively:
        return True
    return not request.messages or request.messages[-1].role != "tool"


def _thinking(claude: Claude | None, parameters: Parameters, limit: int) -> JSONDict:
    if claude is None or not claude.can_think:
        return {}
    if claude.thinks_adaptively:
        shown = {"display": "summarized"} if claude.summarizes_thoughts else {}
        return {"type": "adaptive", **shown}
    wanted = parameters.thinking_budget or _budget_asked(parameters) or _DEFAULT_THINKING_TOKENS
    budget = min(max(wanted, _LEAST_THINKING_TOKENS), limit * 9 // 10)
    if budget < _LEAST_THINKING_TOKENS:
        return {}
    return {"type": "enabled", "budget_tokens": budget}


def _budget_asked(parameters: Parameters) -> int | None:
    asked = effort.asked_effort(parameters)
    return effort.budget_of_effort(asked) if asked and asked != "none" else None


def _no_thinking(claude: Claude | None) -> JSONDict:
    return {"thinking": {"type": "disabled"}} if claude and claude.thinks_unless_told else {}


def _sampling(claude: Claude | None, parameters: Parameters, *, thinks: bool) -> JSONDict:
    """Anthropic takes none of these together with thinking."""
    if thinks or (claude and not claude.can_be_tuned):
        return {}
    values: dict[str, Any] = {
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "top_k": parameters.top_k,
    }
    if claude and claude.takes_one_of_temperature_and_top_p and parameters.temperature is not None:
        del values["top_p"]
    return {name: value for name, value in values.items() if value is not None}


def _effort(claude: Claude | None, parameters: Parameters, *, thinks: bool) -> JSONDict:
    asked = parameters.reasoning_effort or parameters.thinking_level or ""
    if claude is None or not claude.efforts or asked not in effort.SCALE or asked == "none":
        return {}
    most = 3 if not thinks and claude.thinks_unless_told else None
    return {"output_config": {"effort": effort.nearest(asked, claude.efforts[:most])}}


def _system(request: ChatRequest) -> str:
    """Anthropic has no JSON mode of this kind; it is told instead."""
    wanted = request.response_format or {}
    if wanted.get("type") == "json_object":
        rule = "Answer with one JSON object and nothing else, without a code fence."
    elif wanted.get("type") == "json_schema":
        schema = json.dumps((wanted.get("json_schema") or {}).get("schema") or {}).decode()
        rule = (
            "Answer with JSON and nothing else, without a code fence. It must match this JSON "
            f"schema: {schema}"
        )
    else:
        return request.system
    return f"{request.system}\n\n{rule}" if request.system else rule


def _tool_choice(request: ChatRequest) -> JSONDict:
    if not request.tool_choice or not request.tools:
        return {}
    kinds = {"auto": "auto", "none": "none", "required": "any"}
    if request.tool_choice in kinds:
        return {"type": kinds[request.tool_choice]}
    return {"type": "tool", "name": request.tool_choice}


def _tools(request: ChatRequest) -> list[JSONDict]:
    tools: list[JSONDict] = [
        {"name": spec.name, "description": spec.description, "input_schema": spec.parameters}
        for spec in request.tools
    ]
    if request.parameters.web_search:
        tools.append({"type": "web_search_20250305", "name": "web_search"})
    return tools


def _mark_cacheable(body: JSONDict) -> None:
    """The ends of the tools, the system prompt and the last two turns of the user."""
    user_turns = [message for message in body["messages"] if message["role"] == "user"]
    ends = [body.get("tools"), body.get("system"), *(m["content"] for m in user_turns[-2:])]
    for blocks in filter(None, ends):
        blocks[-1]["cache_control"] = _CACHE


def _message(message: Message) -> JSONDict:
    # Pictures and documents go before the text, as Anthropic advises.
    parts = sorted(message.parts, key=lambda part: not isinstance(part, ImagePart | DocumentPart))
    role = "assistant" if message.role == "assistant" else "user"
    return {"role": role, "content": [block for part in parts for block in _blocks(part)]}


def _blocks(part: Part) -> Iterator[JSONDict]:
    """None for an empty text, which Anthropic refuses."""
    if isinstance(part, ImagePart | DocumentPart):
        yield _media(part)
    elif isinstance(part, ToolCallPart):
        yield {"type": "tool_use", "id": part.id, "name": part.name, "input": part.input}
    elif isinstance(part, ToolResultPart):
        yield {"type": "tool_result", "tool_use_id": part.call_id, "content": part.output}
    elif part.text.strip():
        yield _text(part.text)


def _media(part: ImagePart | DocumentPart) -> JSONDict:
    source = {"type": "base64", "media_type": part.media_type, "data": part.base64}
    if part.url:
        source = {"type": "url", "url": part.url}
    if isinstance(part, DocumentPart):
        return {"type": "document", "source": source, "title": part.filename}
    return {"type": "image", "source": source}


def _text(text: str) -> JSONDict:
    return {"type": "text", "text": text}


class EventDecoder(SseDecoder):
    """A stream of Anthropic's message events."""

    def __init__(self) -> None:
        super().__init__()
        self._usage = Usage()
        self._finish = FinishReason.STOP
        self._call_by_block: dict[int, int] = {}

    def read_frame(self, data: bytes, events: list[StreamEvent]) -> None:
        event = json.loads(data)
        kind = event["type"]
        if kind == "content_block_delta":
            self._read_delta(event, events)
        elif kind == "content_block_start":
            self._read_start(event, events)
        elif kind == "message_start":
            self._read_usage(event["message"].get("usage") or {}, events)
        elif kind == "message_delta":
            self._finish = _FINISH.get(event["delta"].get("stop_reason"), FinishReason.STOP)
            self._read_usage(event.get("usage") or {}, events)
        elif kind == "message_stop":
            self.is_complete = True
        elif kind == "error":
            raise frame_failure(event["error"])

    def _read_start(self, event: JSONDict, events: list[StreamEvent]) -> None:
        block = event["content_block"]
        if block["type"] == "tool_use":
            call = self._call_by_block.setdefault(event["index"], len(self._call_by_block))
            events.append(ToolCallDelta(call, str(block["id"]), str(block["name"])))
        else:
            add_text(events, block.get("text"))
            add_reasoning(events, block.get("thinking"))

    def _read_delta(self, event: JSONDict, events: list[StreamEvent]) -> None:
        delta = event["delta"]
        kind = delta["type"]
        if kind == "text_delta":
            add_text(events, delta["text"])
        elif kind == "thinking_delta":
            add_reasoning(events, delta["thinking"])
        elif kind == "input_json_delta" and event["index"] in self._call_by_block:
            call = self._call_by_block[event["index"]]
            events.append(ToolCallDelta(call, arguments="" + delta["partial_json"]))

    def _read_usage(self, usage: JSONDict, events: list[StreamEvent]) -> None:
        self._usage = latest_usage(self._usage, usage)
        events.append(self._usage)

    def end(self) -> list[StreamEvent]:
        if not self.is_complete:
            self.error = self.error or failure(ErrorKind.CONNECTION)
            return []
        return [Finish(self._finish)]


def read_usage(usage: JSONDict) -> Usage:
    """Anthropic counts cached input apart; ours includes it."""
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    return Usage(
        input_tokens=(usage.get("input_tokens") or 0) + read + written,
        output_tokens=usage.get("output_tokens") or 0,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def latest_usage(known: Usage, report: JSONDict) -> Usage:
    """The first report has the input, the last the output; some services repeat both."""
    latest = read_usage(report)
    return Usage(
        input_tokens=latest.input_tokens or known.input_tokens,
        output_tokens=latest.output_tokens or known.output_tokens,
        cache_read_tokens=latest.cache_read_tokens or known.cache_read_tokens,
        cache_write_tokens=latest.cache_write_tokens or known.cache_write_tokens,
    )


def events_of_body(body: JSONDict) -> list[StreamEvent]:
    """The events of an answer that was not streamed."""
    if body.get("type") == "error":
        raise frame_failure(body["error"])
    events: list[StreamEvent] = []
    calls = 0
    for block in body["content"]:
        add_reasoning(events, block.get("thinking"))
        add_text(events, block.get("text"))
        if block["type"] == "tool_use":
            events.append(_whole_call(calls, block))
            calls += 1
    reason = _FINISH.get(body.get("stop_reason") or "", FinishReason.STOP)
    return [*events, read_usage(body["usage"]), Finish(reason)]


def _whole_call(index: int, block: JSONDict) -> ToolCallDelta:
    arguments = json.dumps(block["input"]).decode()
    return ToolCallDelta(index, str(block["id"]), str(block["name"]), arguments)


def model_names(body: JSONValue) -> list[str]:
    return [row["id"] for row in body["data"]]
