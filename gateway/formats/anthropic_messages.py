"""Anthropic's Messages, as callers write and read it. Pure."""

from collections.abc import Iterable

from gateway.errors import ApiError, invalid
from gateway.formats import reading
from gateway.formats.contiguous import Contiguous
from gateway.formats.costs import cost_wire
from gateway.formats.reading import Asked
from gateway.formats.whole import Whole
from librechat_backend.lib import json
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.types import (
    ChatRequest,
    DocumentPart,
    Finish,
    FinishReason,
    ImagePart,
    Message,
    Part,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    Usage,
)

FINISH = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.REFUSAL: "refusal",
    FinishReason.CONTENT_FILTER: "refusal",
}


def check(body: JSONDict) -> None:
    """Raises ApiError."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "an array of at least one message")
    for index, message in enumerate(messages):
        _check_message(message, f"messages.{index}")
    _check_stored(body)
    system_of(body)
    _response_format(body)
    if reading.whole_number(body, "max_tokens") is None:
        raise ApiError("max_tokens: Field required", param="max_tokens")
    parameters_of(body)


def _check_stored(body: JSONDict) -> None:
    """What a provider stores could be reached by everybody who uses the same account."""
    if body.get("thread") is not None:
        # Anthropic's library goes on without a thread when it reads this.
        raise ApiError(
            "'thread' is not supported: nothing is stored here.",
            param="thread",
            details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
        )
    container = body.get("container")
    if isinstance(container, dict):
        container = container.get("id")
    if container is not None:
        raise ApiError("'container' is not supported: nothing is stored here.", param="container")


def _check_message(message: JSONValue, param: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        raise invalid(f"{param}.role", "user or assistant")
    content = message.get("content")
    if content is None:
        raise invalid(f"{param}.content", "a string or an array of blocks")
    if not isinstance(content, str):
        reading.parts(content, f"{param}.content")


def parameters_of(body: JSONDict) -> tuple[JSONDict, dict[str, str]]:
    """The parameters that are set, by canonical name, and how they were spelled."""
    thinking = body.get("thinking")
    if thinking is not None and not isinstance(thinking, dict):
        raise invalid("thinking", "an object")
    budget = thinking.get("budget_tokens") if thinking else None
    effort = reading.optional_text(_output_config(body), "effort") or None
    values: dict[str, tuple[str, JSONValue]] = {
        "temperature": ("temperature", reading.number(body, "temperature", 0, 1)),
        "top_p": ("top_p", reading.number(body, "top_p", 0, 1)),
        "top_k": ("top_k", reading.whole_number(body, "top_k", 0)),
        "max_output_tokens": ("max_tokens", reading.whole_number(body, "max_tokens")),
        "stop": ("stop_sequences", reading.texts(body, "stop_sequences") or None),
        "thinking": ("thinking", thinking.get("type") != "disabled" if thinking else None),
        "thinking_budget": ("thinking", budget if type(budget) is int else None),
        "reasoning_effort": ("output_config.effort", effort),
    }
    found = {name: pair for name, pair in values.items() if pair[1] is not None}
    return (
        {name: value for name, (_, value) in found.items()},
        {name: spelling for name, (spelling, _) in found.items()},
    )


def parse(body: JSONDict) -> Asked:
    """The whole request in neutral values. Raises ApiError."""
    parameters, spelled = parameters_of(body)
    return Asked(
        model=reading.model_name(body),
        request=ChatRequest(
            model="",
            system=system_of(body),
            messages=tuple(_messages(reading.objects(body.get("messages"), "messages"))),
            tools=tuple(_tools(body)),
            tool_choice=_tool_choice(body.get("tool_choice")),
            response_format=_response_format(body),
        ),
        parameters=parameters,
        spelled=spelled,
    )


def system_of(body: JSONDict) -> str:
    value = body.get("system")
    if value is None or isinstance(value, str):
        return value or ""
    parts = [_text_part(part, "system").text for part in reading.objects(value, "system")]
    return "\n\n".join(parts)


def _text_part(part: JSONDict, param: str) -> TextPart:
    if not isinstance(part.get("text"), str):
        raise invalid(f"{param}.text", "a string")
    return TextPart(part["text"])


def _messages(messages: list[JSONDict]) -> list[Message]:
    names: dict[str, str] = {}
    found: list[Message] = []
    for index, message in enumerate(messages):
        param, role = f"messages.{index}", message.get("role")
        if role not in ("user", "assistant"):
            raise invalid(f"{param}.role", "user or assistant")
        parts = _parts(message.get("content"), names, param)
        results = tuple(part for part in parts if isinstance(part, ToolResultPart))
        others = tuple(part for part in parts if not isinstance(part, ToolResultPart))
        if results:
            found.append(Message("tool", results))
        if others:
            found.append(Message("user" if role == "user" else "assistant", others))
    return found


def _parts(content: JSONValue, names: dict[str, str], param: str) -> list[Part]:
    if isinstance(content, str):
        return [TextPart(content)]
    blocks = reading.objects(content, f"{param}.content")
    parts = (_part(block, names, f"{param}.content") for block in blocks)
    return [part for part in parts if part is not None]


def _part(block: JSONDict, names: dict[str, str], param: str) -> Part | None:
    """None for thoughts of earlier turns, which only their own maker can read."""
    kind = block.get("type")
    if kind == "text":
        return _text_part(block, param)
    if kind == "image":
        return _image(block.get("source"), param)
    if kind == "document":
        return _document(block, param)
    if kind == "tool_use":
        names[str(block.get("id"))] = str(block.get("name"))
        arguments = block.get("input") if isinstance(block.get("input"), dict) else {}
        return ToolCallPart(
            str(block.get("id")), str(block.get("name")), json.dumps(arguments).decode()
        )
    if kind == "tool_result":
        call_id = str(block.get("tool_use_id"))
        return ToolResultPart(call_id, names.get(call_id, ""), _result(block, param))
    if kind in ("thinking", "redacted_thinking"):
        return None
    raise ApiError(
        f"Content of type '{kind}' is not supported by this model's provider.", param=param
    )


def _document(block: JSONDict, param: str) -> DocumentPart | TextPart:
    source = block.get("source")
    fields: JSONDict = source if isinstance(source, dict) else {}
    name = str(block.get("title") or "document")
    if fields.get("type") == "url":
        return reading.document_at(fields.get("url"), f"{param}.source.url", name)
    if fields.get("type") == "content":
        return TextPart(_result(fields, f"{param}.source"))
    data, media_type = fields.get("data"), fields.get("media_type")
    if not isinstance(data, str) or not isinstance(media_type, str):
        raise invalid(f"{param}.source", "a document as base64, text or by address")
    if fields.get("type") == "text":
        return TextPart(data)
    return DocumentPart(media_type, name, data)


def _image(source: JSONValue, param: str) -> ImagePart:
    fields: JSONDict = source if isinstance(source, dict) else {}
    if fields.get("type") == "url":
        return reading.image(fields.get("url"), f"{param}.source")
    data, media_type = fields.get("data"), fields.get("media_type")
    if not isinstance(data, str) or not isinstance(media_type, str):
        raise invalid(f"{param}.source", "an image as base64 or by address")
    return ImagePart(media_type, data)


def _result(block: JSONDict, param: str) -> str:
    content = block.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    parts = reading.objects(content, f"{param}.content")
    return "".join(_text_part(p, param).text for p in parts if p.get("type") == "text")


def tool_names(body: JSONDict) -> list[str]:
    tools = reading.objects(body.get("tools"), "tools")
    return [str(tool.get("name") or tool.get("type")) for tool in tools]


def _tools(body: JSONDict) -> list[ToolSpec]:
    specs = []
    for tool in reading.objects(body.get("tools"), "tools"):
        name, schema = tool.get("name"), tool.get("input_schema")
        if not isinstance(name, str) or not isinstance(schema, dict):
            raise ApiError("Only tools with an input_schema are supported here.", param="tools")
        specs.append(ToolSpec(name, str(tool.get("description") or ""), schema))
    return specs


def _tool_choice(value: JSONValue) -> str:
    if value is None:
        return ""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "tool" and isinstance(value.get("name"), str):
        return str(value["name"])
    if kind not in ("auto", "any", "none"):
        raise invalid("tool_choice", "auto, any, none or a tool")
    return "required" if kind == "any" else str(kind)


def _response_format(body: JSONDict) -> JSONDict | None:
    """The schema an answer must match, in OpenAI's form."""
    wanted = _output_config(body).get("format")
    if wanted is None:
        wanted = body.get("output_format")  # its name while it was being tried out
    if wanted is None:
        return None
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    if not isinstance(schema, dict):
        raise invalid("output_config.format", "a JSON schema")
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _output_config(body: JSONDict) -> JSONDict:
    config = body.get("output_config")
    if config is not None and not isinstance(config, dict):
        raise invalid("output_config", "an object")
    return config or {}


# -- Answers -------------------------------------------------------------------------------


def usage_wire(usage: Usage) -> JSONDict:
    """Anthropic counts cached input apart."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": max(usage.input_tokens - cached, 0),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
        **cost_wire(usage),
    }


class EventEncoder:
    """Events of one answer → Anthropic's frames: one content block after the other."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._index = -1
        self._open: tuple[str, int] | None = None
        self._parts = Contiguous()
        self.finish = FinishReason.STOP

    def begin(self, input_tokens: int) -> bytes:
        message: JSONDict = {
            "id": f"msg_{new_object_id()}", "type": "message", "role": "assistant",
            "model": self._model, "content": [], "stop_reason": None, "stop_sequence": None,
            "usage": usage_wire(Usage(input_tokens)),
        }  # fmt: skip
        return _frame("message_start", {"message": message})

    def frames(self, events: Iterable[StreamEvent]) -> bytes:
        return self._frames(self._parts.order(events))

    def _frames(self, events: Iterable[StreamEvent]) -> bytes:
        out = bytearray()
        for event in events:
            match event:
                case TextDelta(text):
                    out += self._enter("text", 0, {"type": "text", "text": ""})
                    out += self._delta({"type": "text_delta", "text": text})
                case ReasoningDelta(text):
                    block = {"type": "thinking", "thinking": "", "signature": ""}
                    out += self._enter("thinking", 0, block)
                    out += self._delta({"type": "thinking_delta", "thinking": text})
                case ToolCallDelta():
                    out += self._tool(event)
                case Finish(reason):
                    self.finish = reason
        return bytes(out)

    def end(self, usage: Usage) -> bytes:
        delta = {"stop_reason": FINISH[self.finish], "stop_sequence": None}
        return (
            self._frames(self._parts.rest())
            + self._leave()
            + _frame("message_delta", {"delta": delta, "usage": usage_wire(usage)})
            + _frame("message_stop", {})
        )

    def _tool(self, delta: ToolCallDelta) -> bytes:
        block = {
            "type": "tool_use",
            "id": delta.id or f"toolu_{new_object_id()}",
            "name": delta.name,
            "input": {},
        }
        entered = self._enter("tool", delta.index, block)
        if not delta.arguments:
            return entered
        return entered + self._delta({"type": "input_json_delta", "partial_json": delta.arguments})

    def _enter(self, kind: str, number: int, block: JSONDict) -> bytes:
        if self._open == (kind, number):
            return b""
        left = self._leave()
        self._index += 1
        self._open = (kind, number)
        return left + _frame("content_block_start", {"index": self._index, "content_block": block})

    def _leave(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _frame("content_block_stop", {"index": self._index})

    def _delta(self, delta: JSONDict) -> bytes:
        return _frame("content_block_delta", {"index": self._index, "delta": delta})


def _frame(kind: str, data: JSONDict) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **data}))


# The dialect's own sign of life.
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def error_frame(body: JSONDict) -> bytes:
    return b"event: error\ndata: %s\n\n" % json.dumps(body)


def message(whole: Whole, *, model: str, usage: Usage) -> JSONDict:
    """The body of an answer that is not streamed."""
    content: list[JSONDict] = []
    if whole.thoughts:
        content.append({"type": "thinking", "thinking": whole.thought, "signature": ""})
    if whole.texts:
        content.append({"type": "text", "text": whole.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
        for _, call in sorted(whole.calls.items())
    ]
    return {
        "id": f"msg_{new_object_id()}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": FINISH[whole.finish],
        "stop_sequence": None,
        "usage": usage_wire(usage),
    }
