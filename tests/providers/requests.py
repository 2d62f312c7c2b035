"""Requests the tests of the dialects share."""

from typing import Any

from providers.types import (
    ChatRequest,
    ImagePart,
    Message,
    Parameters,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = ToolSpec("get_weather", "Tells the weather.", SCHEMA)
HISTORY = (
    Message("user", (TextPart("What is on it?"), ImagePart("image/png", "aGk=", "low"))),
    Message("assistant", (TextPart("Let me see."), ToolCallPart("c1", "get_weather", '{"a":1}'))),
    Message("tool", (ToolResultPart("c1", "get_weather", "rain"),)),
    Message("user", (TextPart("And"), TextPart("now?"))),
)


def request(model: str, parameters: Parameters | None = None, **fields: Any) -> ChatRequest:
    messages = fields.pop("messages", (Message("user", (TextPart("hi"),)),))
    return ChatRequest(model, messages, parameters=parameters or Parameters(), **fields)
