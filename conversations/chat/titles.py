"""Titles of new conversations: from a model, else the first words."""

import asyncio
import re

import structlog
from django.conf import settings

from conversations.models import NEW_CHAT_TITLE
from providers import client
from providers.errors import ProviderError
from providers.failover import OverBudget
from providers.route_table import Principal
from providers.trace import CallTrace
from providers.types import ChatRequest, Message, Parameters, TextPart

TIMEOUT_SECONDS = 45
MAX_CHARACTERS = 200
FIRST_WORDS_CHARACTERS = 48
# Enough to know what it is about.
PROMPT_CHARACTERS = 4000
UNTITLED = "Untitled Conversation"
# NEW_CHAT_TITLE stands for no title, here and in the client: one that is made reads otherwise.
_LIKE_NO_TITLE = NEW_CHAT_TITLE.capitalize()

# A model may be cut off before it has thought to the end.
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_DECORATION = "\"'“”„«»* "

INSTRUCTIONS = (
    "Write a title of at most six words for the conversation that begins with the message below. "
    "Use the language of the message and title case where that language has it. "
    "Answer with the title alone, without quotation marks or a full stop."
)

log = structlog.get_logger(__name__)


def title_model(model: str, own: str = "") -> str:
    """Which model makes the titles of chats with ``model``; ``own``: what its endpoint says."""
    return own or settings.TITLE_MODEL or model


async def make_title(
    text: str,
    *,
    endpoint: str,
    model: str,
    own: str = "",
    principal: Principal = client.NOBODY,
    trace: CallTrace | None = None,
) -> str:
    """A title for a conversation that begins with ``text``. Raises OverBudget, and nothing else.

    ``model`` is the chat's, ``own`` as in :func:`title_model`.
    """
    request = ChatRequest(
        model=title_model(model, own),
        messages=(Message("user", (TextPart(text[:PROMPT_CHARACTERS]),)),),
        system=INSTRUCTIONS,
        parameters=Parameters(),
        purpose="title",
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await client.complete(
                request, endpoint=endpoint, principal=principal, trace=trace
            )
    except OverBudget:
        raise
    except (ProviderError, TimeoutError) as error:
        log.info("title_failed", reason=type(error).__name__)
        answer = ""
    return clean_title(answer) or first_words(text)


def clean_title(answer: str) -> str:
    """One line without thoughts and quotation marks, at most MAX_CHARACTERS (contract 02 §6)."""
    line = " ".join(_THOUGHTS.sub("", answer).split())
    line = line.strip(_DECORATION).lstrip("# ").removeprefix("Title:").strip(_DECORATION)
    line = line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3].rstrip() + "..."
    return _told_from_none(line)


def first_words(text: str) -> str:
    """The beginning of a message, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= FIRST_WORDS_CHARACTERS:
        return _told_from_none(line) or UNTITLED
    cut = line[:FIRST_WORDS_CHARACTERS]
    return (cut.rsplit(" ", 1)[0] or cut).rstrip(",.;:") + "…"


def _told_from_none(title: str) -> str:
    return _LIKE_NO_TITLE if title == NEW_CHAT_TITLE else title
