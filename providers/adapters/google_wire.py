"""Gemini's dialect, as the arguments and answers of Google's SDK. Pure (contract 02 §9.1)."""

import base64
import re
from typing import Any

from librechat_backend.lib import json
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict, storable_text
from providers import effort
from providers.adapters.failures import failure
from providers.adapters.streaming import add_reasoning, add_text
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

# Of the models with a budget; only the small ones can do without.
_LEAST_THINKING_TOKENS, _MOST_THINKING_TOKENS = 128, 24_576

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")

# Since version 3 calls without the signature of their thoughts are refused. No other dialect keeps
# it, so histories say what Google offers for calls that come from elsewhere.
_NO_SIGNATURE = b"skip_thought_signature_validator"

_FINISH = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
}


def gemini_version(model: str) -> tuple[int, int]:
    """(0, 0) for names without a version."""
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def default_output_tokens(model: str) -> int:
    if "image" in model:
        return 32_768
    return 65_535 if gemini_version(model) >= (2, 5) else 8_192


def contents(request: ChatRequest) -> list[JSONDict]:
    """The history. ``inline_data`` holds bytes: the SDK encodes them."""
    turns = [_content(message) for message in request.messages]
    if not (0, 0) < gemini_version(request.model) < (3, 0):
        for turn in turns:
            _sign_calls(turn["parts"])
    return [turn for turn in turns if turn["parts"]]


def _sign_calls(parts: list[JSONDict]) -> None:
    """The first call of a turn, which Gemini signs for all that are made at once."""
    first = next((part for part in parts if "function_call" in part), None)
    if first is not None:
        first["thought_signature"] = _NO_SIGNATURE


def _content(message: Message) -> JSONDict:
    role = "model" if message.role == "assistant" else "user"
    return {"role": role, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> JSONDict:
    if isinstance(part, ImagePart | DocumentPart):
        if part.url:
            raise failure(ErrorKind.INVALID_REQUEST, "Files must be sent as data, not by address.")
        return {"inline_data": {"mime_type": part.media_type, "data": _bytes(part.base64)}}
    if isinstance(part, ToolCallPart):
        return {"function_call": {"name": part.name, "args": part.input}}
    if isinstance(part, ToolResultPart):
        return {"function_response": {"name": part.name, "response": {"output": part.output}}}
    return {"text": part.text}


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        raise failure(ErrorKind.INVALID_REQUEST, "An attachment is not base64.") from None


def config(request: ChatRequest) -> JSONDict:
    """The fields of the SDK's GenerateContentConfig that are set."""
    parameters = request.parameters
    wants_thoughts = parameters.thinking is not False and request.purpose == "chat"
    values: JSONDict = {
        "system_instruction": request.system or None,
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "top_k": parameters.top_k,
        "max_output_tokens": parameters.max_output_tokens,
        "stop_sequences": list(parameters.stop) or None,
        "thinking_config": _thinking(request.model, parameters, wants_thoughts=wants_thoughts),
        "tools": _tools(request) or None,
        "tool_config": _tool_config(request),
        **_response_format(request),
        # The SDK would call Python functions; ours are called by the chat.
        "automatic_function_calling": {"disable": True},
        "http_options": {"extra_body": parameters.extra} if parameters.extra else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _thinking(model: str, parameters: Parameters, *, wants_thoughts: bool) -> JSONDict | None:
    version = gemini_version(model)
    if version < (2, 5) or "image" in model:
        return None
    if effort.asked_effort(parameters) == "none":
        return _least(model)
    if not wants_thoughts:
        # Only the small models of 2.5 can do without.
        return {"thinking_budget": 0} if version == (2, 5) and "flash" in model else None
    return {"include_thoughts": True, **_how_long(model, parameters)}


def _how_long(model: str, parameters: Parameters) -> JSONDict:
    """A level from version 3 on, a budget before."""
    if gemini_version(model) >= (3, 0):
        level = parameters.thinking_level or parameters.reasoning_effort or ""
        known = level in effort.SCALE
        return {"thinking_level": effort.nearest(level, _levels(model))} if known else {}
    if parameters.thinking_budget is not None:
        return {"thinking_budget": parameters.thinking_budget}
    asked = effort.asked_effort(parameters)
    if asked is None:
        return {}
    return {"thinking_budget": min(effort.budget_of_effort(asked), _MOST_THINKING_TOKENS)}


def _least(model: str) -> JSONDict:
    """As little thinking as the model can do."""
    if gemini_version(model) >= (3, 0):
        return {"thinking_level": _levels(model)[0]}
    return {"thinking_budget": 0 if "flash" in model else _LEAST_THINKING_TOKENS}


def _levels(model: str) -> tuple[str, ...]:
    if "pro" not in model:
        return effort.LEVELS
    return ("low", "high") if gemini_version(model) == (3, 0) else ("low", "medium", "high")


def _tool_config(request: ChatRequest) -> JSONDict | None:
    if not request.tool_choice or not request.tools:
        return None
    modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
    choice = request.tool_choice
    named = {} if choice in modes else {"allowed_function_names": [choice]}
    return {"function_calling_config": {"mode": modes.get(choice, "ANY"), **named}}


def _response_format(request: ChatRequest) -> JSONDict:
    wanted = request.response_format or {}
    if wanted.get("type") not in ("json_object", "json_schema"):
        return {}
    schema = (wanted.get("json_schema") or {}).get("schema")
    return {"response_mime_type": "application/json", "response_json_schema": schema}


def _tools(request: ChatRequest) -> list[JSONDict]:
    functions = [
        {
            "name": spec.name,
            "description": spec.description,
            "parameters_json_schema": spec.parameters,
        }
        for spec in request.tools
    ]
    tools: list[JSONDict] = [{"function_declarations": functions}] if functions else []
    if request.parameters.web_search:
        tools.append({"google_search": {}})
    if request.parameters.url_context and gemini_version(request.model) >= (2, 5):
        tools.append({"url_context": {}})
    return tools


class ResponseReader:
    """The SDK's GenerateContentResponse values of one answer, into events."""

    def __init__(self) -> None:
        self._finish: FinishReason | None = None
        self._calls = 0

    def read(self, response: Any) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for candidate in (response.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                self._read_part(part, events)
            if candidate.finish_reason:
                self._finish = _FINISH.get(candidate.finish_reason.name, FinishReason.STOP)
        if response.prompt_feedback and response.prompt_feedback.block_reason:
            self._finish = FinishReason.CONTENT_FILTER
        if response.usage_metadata:
            events.append(read_usage(response.usage_metadata))
        return events

    def _read_part(self, part: Any, events: list[StreamEvent]) -> None:
        if part.function_call:
            events.append(_read_call(self._calls, part.function_call))
            self._calls += 1
        elif part.thought:
            add_reasoning(events, storable_text(part.text or ""))
        else:
            add_text(events, storable_text(part.text or ""))

    def end(self) -> list[StreamEvent]:
        """Raises ProviderError when the answer has no end."""
        if self._finish is None:
            raise failure(ErrorKind.CONNECTION)
        has_calls = self._calls and self._finish == FinishReason.STOP
        return [Finish(FinishReason.TOOL_CALLS if has_calls else self._finish)]


def _read_call(index: int, call: Any) -> ToolCallDelta:
    """Raises ProviderError for arguments that cannot be written as JSON."""
    try:
        arguments = json.dumps(call.args or {}).decode()
    except TypeError:
        raise failure(ErrorKind.MALFORMED) from None
    identifier = storable_text(call.id or "") or f"call_{new_object_id()}"
    return ToolCallDelta(index, identifier, storable_text(call.name or ""), arguments)


def read_usage(usage: Any) -> Usage:
    """Gemini counts thoughts apart; our output includes them."""
    thoughts = usage.thoughts_token_count or 0
    return Usage(
        input_tokens=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        output_tokens=(usage.candidates_token_count or 0) + thoughts,
        cache_read_tokens=usage.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
        **_media_counts(usage.prompt_tokens_details, usage.candidates_tokens_details),
    )


def _media_counts(read: Any, made: Any) -> JSONDict:
    """Members of Usage. Each side is a list of modalities with their counts, or None."""
    counts = {
        f"{side}_{modality}_tokens": sum(
            each.token_count or 0
            for each in told or ()
            if each.modality and each.modality.value == modality.upper()
        )
        for side, told in (("input", read), ("output", made))
        for modality in ("audio", "image")
    }
    return counts | {"tells_media": bool(read or made)}


def chat_model_names(models: list[Any]) -> list[str]:
    """Of the SDK's Model values, those that chat."""
    return [
        (model.name or "").removeprefix("models/")
        for model in models
        if "generateContent" in (model.supported_actions or ())
    ]
