"""A turn's parameters: the client's names in, neutral values out. Pure (contract 02 §2.4, §9.1)."""

import re
from collections.abc import Callable

from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.types import Parameters

#: Of the name an answer is stored under.
SENDER_MAX_LENGTH = 200

# Beyond it a number does not survive JSON in the browser.
_MAX_INTEGER = 2**53 - 1


def _text(value: JSONValue) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: JSONValue) -> float:
    """The client may send numbers as strings (contract 03 §1.1)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    # PostgreSQL gives a larger one back as an integer no JSON library of ours can write.
    if not abs(number) <= _MAX_INTEGER:
        raise ValueError
    return number


def _integer(value: JSONValue) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def _boolean(value: JSONValue) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _texts(value: JSONValue) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise TypeError
    return [text for text in map(_text, values) if text]


def _examples(value: JSONValue) -> list[JSONDict]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise TypeError
    return value


_SETTINGS: dict[str, Callable[[JSONValue], JSONValue]] = {
    **dict.fromkeys(
        (
            "modelLabel", "chatGptLabel", "promptPrefix", "system", "instructions",
            "additional_instructions", "greeting", "region", "artifacts", "imageDetail",
            "promptCacheTtl", "reasoning_effort", "reasoning_summary", "reasoning_mode",
            "reasoning_context", "effort", "verbosity", "thinkingLevel", "thinkingDisplay",
        ),
        _text,
    ),
    **dict.fromkeys(
        ("temperature", "top_p", "topP", "presence_penalty", "frequency_penalty"), _number
    ),
    **dict.fromkeys(
        (
            "topK", "max_tokens", "maxTokens", "maxOutputTokens", "maxContextTokens",
            "fileTokenLimit", "thinkingBudget",
        ),
        _integer,
    ),
    **dict.fromkeys(
        (
            "thinking", "promptCache", "resendFiles", "resendImages", "useResponsesApi",
            "web_search", "url_context", "disableStreaming",
        ),
        _boolean,
    ),
    "stop": _texts,
    "examples": _examples,
}  # fmt: skip

_OMNI_MODEL = re.compile(r"\bo(\d+(?:\.\d+)?)\b", re.IGNORECASE)
_GPT_MODEL = re.compile(r"gpt-(\d+(?:\.\d+)?)([a-z])?", re.IGNORECASE)
# Part of a model's name → who answers; the first that fits.
_FAMILIES = {
    "mistral": "Mistral",
    "codestral": "Mistral",
    "deepseek": "Deepseek",
    "kimi": "Kimi",
    "moonshot": "Moonshot",
    "claude": "Claude",
    "gemma": "Gemma",
    "gemini": "Gemini",
}


def clean_settings(payload: JSONDict) -> JSONDict:
    """The settings among ``payload``'s members, under the client's names and with sane types.

    Unknown members and those that are null or empty are left out. Raises InvalidRequest naming
    the setting whose value has the wrong type.
    """
    settings = {
        name: _clean(name, payload[name])
        for name in _SETTINGS
        if payload.get(name) not in (None, "", [])
    }
    return {name: value for name, value in settings.items() if value != []}


def _clean(name: str, value: JSONValue) -> JSONValue:
    try:
        return _SETTINGS[name](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequest(f"Invalid value for {name}") from error


def to_parameters(settings: JSONDict) -> Parameters:
    """What the provider is asked for; ``settings`` as :func:`clean_settings` returns them."""

    def first(*names: str) -> JSONValue:
        return next((settings[name] for name in names if name in settings), None)

    return Parameters(
        temperature=first("temperature"),
        top_p=first("top_p", "topP"),
        top_k=first("topK"),
        frequency_penalty=first("frequency_penalty"),
        presence_penalty=first("presence_penalty"),
        max_output_tokens=first("max_tokens", "maxOutputTokens", "maxTokens"),
        stop=tuple(settings.get("stop", ())),
        reasoning_effort=first("reasoning_effort", "effort"),
        verbosity=first("verbosity"),
        thinking=first("thinking"),
        thinking_budget=first("thinkingBudget"),
        thinking_level=first("thinkingLevel"),
        web_search=settings.get("web_search", False),
        url_context=settings.get("url_context", False),
        prompt_cache=first("promptCache"),
        disable_streaming=settings.get("disableStreaming", False),
    )


def sender_label(endpoint_label: str, model: str, settings: JSONDict) -> str:
    """The name answers are shown and stored under: the person's choice, the model's family, the
    endpoint."""
    chosen = settings.get("modelLabel") or settings.get("chatGptLabel")
    return str(chosen or _family(model) or endpoint_label)[:SENDER_MAX_LENGTH]


def _family(model: str) -> str:
    if match := _OMNI_MODEL.search(model):
        return f"o{match[1]}"
    lowered = model.lower()
    for part, name in _FAMILIES.items():
        if part in lowered:
            return name
    if match := _GPT_MODEL.search(model):
        return f"GPT-{match[1]}{match[2] or ''}"
    return "GPT" if "gpt-" in lowered else ""
