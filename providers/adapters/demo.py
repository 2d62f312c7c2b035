"""The demo provider: scripted answers, so that everything can be tried without a key."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from providers.adapters import demo_texts
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.registry import SERVICES
from providers.tokens import estimate_tokens
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    ImagePart,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    Usage,
)

_WORD_PAUSE_SECONDS = 0.025
_SLOW_FIRST_WORD_SECONDS = 3.0
_SLOW_WORD_PAUSE_SECONDS = 0.4
_TITLE_WORDS = 6
_WORDS = re.compile(r"\s*\S+\s*")

_VARIANT_BY_MODEL = {
    "demo-markdown": "markdown",
    "demo-code": "code",
    "demo-reasoning": "reasoning",
    "demo-echo": "echo",
    "demo-slow": "slow",
    "demo-failing": "fail",
    "demo-breaking": "break",
}
_KEYWORDS = (*_VARIANT_BY_MODEL.values(), "long")


@dataclass(frozen=True, slots=True)
class _Script:
    """What one answer does; ``fails_after_words`` None: it does not fail."""

    text: str
    reasoning: str = ""
    first_pause_seconds: float = 0.0
    word_pause_seconds: float = _WORD_PAUSE_SECONDS
    fails_after_words: int | None = None


class DemoAdapter:
    """Deterministic. The option ``word_pause_ms`` of a channel overrides the pace."""

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        script = _script(request)
        pause = dict(connection.options).get("word_pause_ms")
        word_pause = float(pause) / 1000 if pause else script.word_pause_seconds
        await asyncio.sleep(script.first_pause_seconds)
        for word in _WORDS.findall(script.reasoning):
            yield [ReasoningDelta(word)]
            await asyncio.sleep(word_pause)
        for count, word in enumerate(_WORDS.findall(script.text)):
            if count == script.fails_after_words:
                raise _failure(count)
            yield [TextDelta(word)]
            await asyncio.sleep(word_pause)
        yield [_usage(request, script), Finish(FinishReason.STOP)]

    async def list_models(self, connection: Connection) -> list[str]:
        return list(SERVICES["demo"].default_models)

    async def close(self) -> None:
        """There is nothing to close."""


def _failure(words: int) -> ProviderError:
    if words:
        return ProviderError(
            ErrorKind.CONNECTION, "The demo broke off in mid-answer, as it was asked to."
        )
    return ProviderError(
        ErrorKind.UPSTREAM, "The demo failed before its first word, as it was asked to.", status=500
    )


def _script(request: ChatRequest) -> _Script:
    asked = _last_text(request)
    if request.purpose == "title":
        return _Script(_title(asked), word_pause_seconds=0)
    variant = _VARIANT_BY_MODEL.get(request.model) or _keyword(asked)
    return _scripted(variant, asked, _image_count(request))


def _scripted(variant: str, asked: str, images: int) -> _Script:
    if variant == "echo":
        return _Script(demo_texts.echo(asked, images))
    text = demo_texts.ANSWERS.get(variant, demo_texts.GREETING)
    if variant == "reasoning":
        return _Script(text, reasoning=demo_texts.REASONING)
    if variant == "slow":
        return _Script(
            text,
            first_pause_seconds=_SLOW_FIRST_WORD_SECONDS,
            word_pause_seconds=_SLOW_WORD_PAUSE_SECONDS,
        )
    fails_after = {"fail": 0, "break": len(_WORDS.findall(text)) - 1}.get(variant)
    return _Script(text, fails_after_words=fails_after)


def _keyword(asked: str) -> str:
    words = set(re.findall(r"[a-z]+", asked.lower()))
    return next((keyword for keyword in _KEYWORDS if keyword in words), "")


def _title(asked: str) -> str:
    words = re.findall(r"[\w'’.+#-]*\w", asked)[:_TITLE_WORDS]
    title = " ".join(words)
    return title[:1].upper() + title[1:] or "Demo chat"


def _last_text(request: ChatRequest) -> str:
    for message in reversed(request.messages):
        if message.role == "user":
            return "\n".join(p.text for p in message.parts if isinstance(p, TextPart))
    return ""


def _image_count(request: ChatRequest) -> int:
    last = request.messages[-1:]
    return sum(isinstance(part, ImagePart) for message in last for part in message.parts)


def _usage(request: ChatRequest, script: _Script) -> Usage:
    texts = [p.text for m in request.messages for p in m.parts if isinstance(p, TextPart)]
    reasoning = estimate_tokens(script.reasoning)
    return Usage(
        input_tokens=sum(map(estimate_tokens, [request.system, *texts])),
        output_tokens=estimate_tokens(script.text) + reasoning,
        reasoning_tokens=reasoning,
    )
