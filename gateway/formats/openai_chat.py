"""Requests in OpenAI's Chat Completions. Pure."""

from collections.abc import Callable, Iterable
from functools import partial

from gateway.errors import ApiError, invalid
from gateway.formats import reading
from gateway.formats.reading import Asked
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.types import (
    ChatRequest,
    Message,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)

_SYSTEM_ROLES = ("system", "developer")
ROLES = (*_SYSTEM_ROLES, "user", "assistant", "tool")
_PASSED_ROLES = (*ROLES, "function")  # of old programs; no other dialect has it
MAX_CHOICES = 8


def _gemini_level(extra: JSONValue) -> JSONValue:
    """Where Google's own address of this dialect has it; None where there is none."""
    for name in ("google", "thinking_config", "thinking_level"):
        extra = extra.get(name) if isinstance(extra, dict) else None
    return extra if isinstance(extra, str) else None


# Spelling of the caller → canonical name, and how it is read; of two for one name the first that
# is there counts.
_PARAMETERS: dict[str, tuple[str, Callable[[JSONDict, str], JSONValue]]] = {
    "temperature": ("temperature", partial(reading.number, low=0, high=2)),
    "top_p": ("top_p", partial(reading.number, low=0, high=1)),
    "frequency_penalty": ("frequency_penalty", partial(reading.number, low=-2, high=2)),
    "presence_penalty": ("presence_penalty", partial(reading.number, low=-2, high=2)),
    "max_completion_tokens": ("max_output_tokens", reading.whole_number),
    "max_tokens": ("max_output_tokens", reading.whole_number),
    "stop": ("stop", lambda body, name: reading.texts(body, name) or None),
    "reasoning_effort": ("reasoning_effort", lambda b, n: reading.optional_text(b, n) or None),
    "extra_body": ("thinking_level", lambda body, name: _gemini_level(body.get(name))),
    "verbosity": ("verbosity", lambda body, name: reading.optional_text(body, name) or None),
}


def check(body: JSONDict) -> tuple[JSONDict, dict[str, str]]:
    """What is true of every request, also of one that is passed on as it is; returns its
    parameters. Raises ApiError."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "an array of at least one message")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    reading.whole_number(body, "n", 1, MAX_CHOICES)
    return parameters_of(body)


def _check_message(message: JSONValue, param: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in _PASSED_ROLES:
        raise invalid(f"{param}.role", "system, developer, user, assistant or tool")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        reading.parts(content, f"{param}.content")


def parameters_of(body: JSONDict) -> tuple[JSONDict, dict[str, str]]:
    """The parameters that are set, by canonical name, and how they were spelled. Raises
    ApiError."""
    values: JSONDict = {}
    spelled: dict[str, str] = {}
    if body.keys().isdisjoint(_PARAMETERS):
        return values, spelled
    for spelling, (name, read) in _PARAMETERS.items():
        value = read(body, spelling) if spelling in body else None
        if value is not None and name not in values:
            values[name], spelled[name] = value, spelling
    return values, spelled


def wants_usage(body: JSONDict) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise invalid("stream_options", "an object")
    return reading.boolean(options, "include_usage")


def parse(body: JSONDict) -> Asked:
    """The whole request in neutral values. Raises ApiError."""
    messages = reading.objects(body.get("messages"), "messages")
    if body.get("functions"):
        raise ApiError(
            "'functions' are not supported here: send them as 'tools'.", param="functions"
        )
    parameters, spelled = parameters_of(body)
    return Asked(
        model=reading.model_name(body),
        request=ChatRequest(
            model="",
            system=system_of(messages),
            messages=tuple(_messages(messages)),
            tools=tuple(_tools(body)),
            tool_choice=_tool_choice(body.get("tool_choice")),
            response_format=_response_format(body.get("response_format")),
        ),
        parameters=parameters,
        spelled=spelled,
    )


def system_of(messages: Iterable[JSONDict]) -> str:
    """The text of all system messages."""
    parts = (_text(m, "messages") for m in messages if m.get("role") in _SYSTEM_ROLES)
    return "\n\n".join(part for part in parts if part)


def with_system(messages: Iterable[JSONDict], system: str) -> list[JSONDict]:
    """``messages`` with ``system`` in the place of their own system messages."""
    others = [message for message in messages if message.get("role") not in _SYSTEM_ROLES]
    return [{"role": "system", "content": system}, *others] if system else others


def _messages(messages: list[JSONDict]) -> list[Message]:
    names: dict[str, str] = {}
    found: list[Message] = []
    for index, message in enumerate(messages):
        param, role = f"messages[{index}]", message.get("role")
        if role in _SYSTEM_ROLES:
            continue
        if role == "user":
            found.append(Message("user", tuple(_parts(message, param))))
        elif role == "assistant":
            calls = _calls(message, param)
            names |= {call.id: call.name for call in calls}
            found.append(Message("assistant", (*_parts(message, param), *calls)))
        elif role == "tool":
            _add_result(found, message, names, param)
        else:
            raise invalid(f"{param}.role", "system, developer, user, assistant or tool")
    return found


def _add_result(found: list[Message], message: JSONDict, names: dict[str, str], param: str) -> None:
    """Results that follow each other are one message: Anthropic wants them together."""
    call_id = reading.optional_text(message, "tool_call_id")
    result = ToolResultPart(call_id, names.get(call_id, ""), _text(message, param))
    if found and found[-1].role == "tool":
        found[-1] = Message("tool", (*found[-1].parts, result))
    else:
        found.append(Message("tool", (result,)))


def _text(message: JSONDict, param: str) -> str:
    return "".join(p.text for p in _parts(message, param) if isinstance(p, TextPart))


def _parts(message: JSONDict, param: str) -> list[Part]:
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [TextPart(content)]
    where = f"{param}.content"
    return [_part(part, where) for part in reading.objects(content, where)]


def _part(part: JSONDict, param: str) -> Part:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        text = part.get(kind)
        if not isinstance(text, str):
            raise invalid(f"{param}.{kind}", "a string")
        return TextPart(text)
    if kind == "image_url":
        value = part.get("image_url")
        source = value if isinstance(value, dict) else {"url": value}
        return reading.image(source.get("url"), f"{param}.image_url", source.get("detail"))
    if kind == "file":
        return reading.document(part.get("file"), f"{param}.file")
    raise ApiError(
        f"Content of type '{kind}' is not supported by this model's provider.", param=param
    )


def _calls(message: JSONDict, param: str) -> list[ToolCallPart]:
    calls = []
    for call in reading.objects(message.get("tool_calls"), f"{param}.tool_calls"):
        function = call.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise invalid(f"{param}.tool_calls", "calls of functions")
        arguments = _arguments(function.get("arguments"))
        calls.append(ToolCallPart(str(call.get("id") or ""), function["name"], arguments))
    return calls


def _arguments(value: JSONValue) -> str:
    """JSON text of an object. A model may have written anything: other providers insist."""
    if isinstance(value, dict):
        return json.dumps(value).decode()
    text = value if isinstance(value, str) else ""
    return json.dumps(ToolCallPart("", "", text).input).decode()


def tool_names(body: JSONDict) -> list[str]:
    """Of functions; other tools go by their type."""
    tools = reading.objects(body.get("tools"), "tools")
    if not tools:
        return []
    functions = (tool.get("function") for tool in tools)
    return [
        str(function.get("name") if isinstance(function, dict) else tool.get("type"))
        for tool, function in zip(tools, functions, strict=True)
    ]


def _tools(body: JSONDict) -> list[ToolSpec]:
    specs = []
    for tool in reading.objects(body.get("tools"), "tools"):
        function = tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, dict):
            raise invalid("tools", "tools of type function")
        name, parameters = function.get("name"), function.get("parameters")
        if not isinstance(name, str) or not name:
            raise invalid("tools.function.name", "a name")
        schema = parameters if isinstance(parameters, dict) else {"type": "object"}
        specs.append(ToolSpec(name, str(function.get("description") or ""), schema))
    return specs


def _tool_choice(value: JSONValue) -> str:
    if value is None or value in ("auto", "none", "required"):
        return value or ""
    function = value.get("function") if isinstance(value, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise invalid("tool_choice", "auto, none, required or a function")
    return name


def _response_format(value: JSONValue) -> JSONDict | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("response_format", "an object")
    if value.get("type") == "json_schema" and not isinstance(value.get("json_schema"), dict):
        raise invalid("response_format.json_schema", "an object")
    return None if value.get("type") == "text" else value
