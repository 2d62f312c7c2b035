"""OpenAI's legacy completions, as callers write and read them. Pure."""

import time
from collections.abc import Iterable

from gateway.errors import ApiError, invalid
from gateway.formats import openai_chat, reading
from gateway.formats.openai_chat_answers import FINISH, usage_wire
from gateway.formats.reading import Asked
from gateway.formats.whole import Whole
from librechat_backend.lib import json
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.json import JSONDict
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    Message,
    StreamEvent,
    TextDelta,
    TextPart,
    Usage,
)

# A prompt brings no tools along, so the dialect has no word for calling one.
_FINISH = FINISH | {FinishReason.TOOL_CALLS: "stop"}


def parse(body: JSONDict) -> Asked:
    """The prompt as the message of a person: few models still complete. Raises ApiError."""
    parameters, spelled = openai_chat.parameters_of(body)
    return Asked(
        model=reading.model_name(body),
        request=ChatRequest(model="", messages=(Message("user", (TextPart(_prompt(body)),)),)),
        parameters=parameters,
        spelled=spelled,
    )


def _prompt(body: JSONDict) -> str:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, list):
        raise ApiError("Only one prompt, as text, is supported.", param="prompt")
    if not isinstance(prompt, str) or not prompt:
        raise invalid("prompt", "a string")
    if reading.whole_number(body, "n", 1, openai_chat.MAX_CHOICES) not in (None, 1):
        raise ApiError("Only n = 1 is supported.", param="n")
    return prompt


class TextEncoder:
    """Events of one answer → frames of ``text_completion``."""

    def __init__(self, model: str) -> None:
        self._head = {
            "id": f"cmpl-{new_object_id()}", "object": "text_completion",
            "created": int(time.time()), "model": model,
        }  # fmt: skip

    def frames(self, events: Iterable[StreamEvent]) -> bytes:
        out = bytearray()
        for event in events:
            match event:
                case TextDelta(text):
                    out += self._frame(_choice(text, None))
                case Finish(reason):
                    out += self._frame(_choice("", _FINISH[reason]))
        return bytes(out)

    def usage(self, usage: Usage, *, is_estimated: bool) -> bytes:
        wire = usage_wire(usage, is_estimated=is_estimated)
        return _encode({**self._head, "choices": [], "usage": wire})

    def whole(self, whole: Whole, usage: Usage, *, is_estimated: bool) -> JSONDict:
        return {
            **self._head,
            "choices": [_choice(whole.text, _FINISH[whole.finish])],
            "usage": usage_wire(usage, is_estimated=is_estimated),
        }

    def _frame(self, choice: JSONDict) -> bytes:
        return _encode({**self._head, "choices": [choice]})


def _choice(text: str, finish: str | None) -> JSONDict:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _encode(value: JSONDict) -> bytes:
    return b"data: " + json.dumps(value) + b"\n\n"
