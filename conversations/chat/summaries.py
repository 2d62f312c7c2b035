"""What falls out of a model's window, told in few words (contract 02 §9.3, §4.7).

A summary is a part of the answer before which it was made. It stands for everything up to its
boundary, the last message it covers, in all later turns of that branch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings

from librechat_backend.lib.json import JSONDict
from providers import client
from providers.errors import ProviderError
from providers.route_table import Principal
from providers.tokens import estimate_tokens
from providers.trace import CallTrace
from providers.types import ChatRequest, Message, Parameters, TextPart

Row = Mapping[str, Any]

TIMEOUT_SECONDS = 60
SUMMARY_TOKENS = 1024
# Of the window, for what is told again; the rest is the summary's own and what estimates get wrong.
TRANSCRIPT_SHARE = 0.7
CHARACTERS_PER_TOKEN = 3
INSTRUCTIONS = (
    "Summarize the beginning of a conversation for yourself, so that you can go on without it. "
    "Keep names, numbers, decisions, code that matters, open questions and what the user asked "
    "for. Use the language of the conversation. Answer with the summary alone."
)
HEADING = "Summary of the conversation so far, whose beginning is left out:"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Summary:
    """``boundary_id`` names the last message it covers."""

    text: str
    boundary_id: str


def are_on() -> bool:
    return bool(settings.SUMMARIZE_HISTORY)


def summary_model(model: str) -> str:
    """Which model summarizes chats with ``model``."""
    return settings.SUMMARY_MODEL or model


def latest_summary(branch: Sequence[Row]) -> tuple[Summary | None, Sequence[Row]]:
    """The last summary in ``branch`` whose boundary is there, and the rows behind that."""
    places = {row["message_id"]: place for place, row in enumerate(branch)}
    for row in reversed(branch):
        for part in reversed(row["content"] or []):
            summary = _read(part)
            if summary is not None and summary.boundary_id in places:
                return summary, branch[places[summary.boundary_id] + 1 :]
    return None, branch


def _read(part: JSONDict) -> Summary | None:
    if part.get("type") != "summary" or not isinstance(part.get("content"), list):
        return None
    texts = [each.get("text") for each in part["content"] if isinstance(each, dict)]
    text = "".join(each for each in texts if isinstance(each, str))
    boundary = part.get("boundary")
    boundary_id = boundary.get("messageId") if isinstance(boundary, dict) else None
    return Summary(text, boundary_id) if text and isinstance(boundary_id, str) else None


def with_summary(system: str, summary: str) -> str:
    if not summary:
        return system
    block = f"{HEADING}\n{summary}"
    return f"{system}\n\n{block}" if system else block


async def summarize(
    earlier: str,
    messages: Sequence[Message],
    *,
    endpoint: str,
    model: str,
    window: int,
    principal: Principal,
    trace: CallTrace,
) -> str:
    """``messages`` in few words, with what ``earlier`` ones were; empty when the model fails."""
    request = ChatRequest(
        model=model,
        messages=(Message("user", (TextPart(_transcript(earlier, messages, window)),)),),
        system=INSTRUCTIONS,
        parameters=Parameters(max_output_tokens=SUMMARY_TOKENS),
        purpose="summary",
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await client.complete(
                request, endpoint=endpoint, principal=principal, trace=trace
            )
            return answer.strip()
    except (ProviderError, TimeoutError) as error:
        log.info("summary_failed", reason=type(error).__name__)
        return ""


def _transcript(earlier: str, messages: Sequence[Message], window: int) -> str:
    """What is told again. Where it is too much, the latest of it."""
    told = [f"{message.role.title()}: {_text(message)}" for message in messages]
    told = [f"Summary of what came before: {earlier}", *told] if earlier else told
    text = "\n\n".join(told)
    room = int(window * TRANSCRIPT_SHARE)
    while estimate_tokens(text) > room:
        text = text[-min(len(text) * 9 // 10, room * CHARACTERS_PER_TOKEN) :]
    return text


def _text(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))
