"""Requests in OpenAI's Responses; nothing is stored. Pure."""

from collections.abc import Iterator

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
# What somebody would have to have stored → OpenAI's code for what it has not.
_STORED = {
    "previous_response_id": "previous_response_not_found", "conversation": None, "prompt": None,
}  # fmt: skip
# What has no counterpart elsewhere, and reaches nothing a provider has stored.
_OWN_TOOLS = frozenset({"web_search", "web_search_preview", "custom"})
_OWN_ITEMS = frozenset({"web_search_call", "custom_tool_call", "custom_tool_call_output"})


def check_translatable(body: JSONDict) -> None:
    """Raises ApiError for what only a channel that has Responses itself can do."""
    named = [(tool, "tools", _OWN_TOOLS) for tool in reading.objects(body.get("tools"), "tools")]
    named += [(item, "input", _OWN_ITEMS) for item in _items(body.get("input"))]
    for each, param, own in named:
        if reading.optional_text(each, "type") in own:
            message = f"'{each['type']}' is not supported by this model's provider."
            raise ApiError(message, param=param)


def parse(body: JSONDict) -> Asked:
    """The whole request in neutral values, without what :func:`check_translatable` refuses.

    Raises ApiError.
    """
    for name, code in _STORED.items():
        if body.get(name) is not None:
            message = f"'{name}' is not supported: nothing is stored here."
            raise ApiError(message, param=name, code=code)
    if reading.boolean(body, "background"):
        raise ApiError("Responses in the background are not supported.", param="background")
    items = _items(body.get("input"))
    parameters, spelled = parameters_of(body)
    return Asked(
        model=reading.model_name(body),
        request=ChatRequest(
            model="",
            system=_system(body, items),
            messages=tuple(_messages(items)),
            tools=tuple(_tools(body)),
            tool_choice=_tool_choice(body.get("tool_choice")),
            response_format=_response_format(body.get("text")),
        ),
        parameters=parameters,
        spelled=spelled,
    )


def parameters_of(body: JSONDict) -> tuple[JSONDict, dict[str, str]]:
    """The parameters that are set, by canonical name, and how they were spelled."""
    reasoning = body.get("reasoning")
    if reasoning is not None and not isinstance(reasoning, dict):
        raise invalid("reasoning", "an object")
    values: dict[str, tuple[str, JSONValue]] = {
        "temperature": ("temperature", reading.number(body, "temperature", 0, 2)),
        "top_p": ("top_p", reading.number(body, "top_p", 0, 1)),
        "max_output_tokens": ("max_output_tokens", reading.whole_number(body, "max_output_tokens")),
        "reasoning_effort": (
            "reasoning.effort",
            reading.optional_text(reasoning or {}, "effort") or None,
        ),
    }
    found = {name: pair for name, pair in values.items() if pair[1] is not None}
    return (
        {name: value for name, (_, value) in found.items()},
        {name: spelling for name, (spelling, _) in found.items()},
    )


def _items(value: JSONValue) -> list[JSONDict]:
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    items = reading.objects(value, "input")
    if not items:
        raise invalid("input", "a string or an array of at least one item")
    for index, item in enumerate(items):
        reading.check_files(item, f"input[{index}]")
    return items


def _system(body: JSONDict, items: list[JSONDict]) -> str:
    told = [reading.optional_text(body, "instructions")]
    told += [_text(item) for item in items if item.get("role") in _SYSTEM_ROLES]
    return "\n\n".join(text for text in told if text)


def _text(item: JSONDict) -> str:
    return "".join(p.text for p in _parts(item, "input") if isinstance(p, TextPart))


def _messages(items: list[JSONDict]) -> list[Message]:
    names: dict[str, str] = {}
    found: list[Message] = []
    for index, item in enumerate(items):
        param, kind = f"input[{index}]", reading.optional_text(item, "type") or "message"
        if kind == "message":
            if item.get("role") in _SYSTEM_ROLES:
                continue
            if item.get("role") not in ("user", "assistant"):
                raise invalid(f"{param}.role", "system, developer, user or assistant")
            role = "user" if item["role"] == "user" else "assistant"
            _add(found, role, tuple(_parts(item, param)))
        elif kind == "function_call":
            call = ToolCallPart(
                str(item.get("call_id")), str(item.get("name")), str(item.get("arguments") or "{}")
            )
            names[call.id] = call.name
            _add(found, "assistant", (call,))
        elif kind == "function_call_output":
            call_id = str(item.get("call_id"))
            result = ToolResultPart(call_id, names.get(call_id, ""), _output(item.get("output")))
            _add(found, "tool", (result,))
        elif kind == "item_reference":
            message = "Nothing is stored here: send the items themselves (store = false)."
            raise ApiError(message, param=param)
        elif kind != "reasoning" and kind not in _OWN_ITEMS:
            raise ApiError(f"Items of type '{kind}' are not supported.", param=param)
    return found


def _output(value: JSONValue) -> str:
    """A text, or texts as parts; anything else as it is written."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if texts and all(isinstance(text, str) for text in texts):
        return "".join(map(str, texts))
    return json.dumps(value).decode()


def _add(found: list[Message], role: str, parts: tuple[Part, ...]) -> None:
    """Neighbouring items of one side are one message: providers want it so."""
    if found and found[-1].role == role:
        found[-1] = Message(found[-1].role, (*found[-1].parts, *parts))
    elif role == "user":
        found.append(Message("user", parts))
    else:
        found.append(Message("tool" if role == "tool" else "assistant", parts))


def _parts(item: JSONDict, param: str) -> list[Part]:
    content = item.get("content")
    if isinstance(content, str):
        return [TextPart(content)]
    return [_part(part, f"{param}.content") for part in reading.objects(content, param)]


def _part(part: JSONDict, param: str) -> Part:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "refusal"):
        text = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(text, str):
            raise invalid(f"{param}.text", "a string")
        return TextPart(text)
    if kind == "input_image":
        return reading.image(part.get("image_url"), f"{param}.image_url", part.get("detail"))
    if kind == "input_file":
        return reading.document(part, param)
    raise ApiError(f"Content of type '{kind}' is not supported.", param=param)


def _tools(body: JSONDict) -> Iterator[ToolSpec]:
    for tool in reading.objects(body.get("tools"), "tools"):
        kind = reading.optional_text(tool, "type")
        if kind in _OWN_TOOLS:
            continue
        if kind != "function" or not isinstance(tool.get("name"), str):
            raise invalid("tools", "tools of type function")
        schema = tool.get("parameters")
        yield ToolSpec(
            tool["name"],
            str(tool.get("description") or ""),
            schema if isinstance(schema, dict) else {"type": "object"},
        )


def _tool_choice(value: JSONValue) -> str:
    if value is None or value in ("auto", "none", "required"):
        return value or ""
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise invalid("tool_choice", "auto, none, required or a function")
    return name


def _response_format(text: JSONValue) -> JSONDict | None:
    wanted = text.get("format") if isinstance(text, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type") in (None, "text"):
        return None
    if wanted["type"] == "json_schema":
        return {
            "type": "json_schema",
            "json_schema": {n: v for n, v in wanted.items() if n != "type"},
        }
    return wanted
