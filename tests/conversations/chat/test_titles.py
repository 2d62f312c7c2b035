"""Titles of new conversations."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.chat import titles
from conversations.chat.titles import (
    FIRST_WORDS_CHARACTERS,
    MAX_CHARACTERS,
    clean_title,
    first_words,
    make_title,
)
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Tide Tables", "Tide Tables"),
        ("  Tide\n\n Tables\t", "Tide Tables"),
        ('"Tide Tables"', "Tide Tables"),
        ("“Tide Tables”", "Tide Tables"),
        ("**Tide Tables**", "Tide Tables"),
        ("# Tide Tables", "Tide Tables"),
        ("Title: Tide Tables", "Tide Tables"),
        ('Title: "Tide Tables"', "Tide Tables"),
        ("<think>Short,\nthen.</think>Tide Tables", "Tide Tables"),
        ("<think>a</think>Tide<think>b</think> Tables", "Tide Tables"),
        ("<think>cut off", ""),
        ("<think>all</think>", ""),
        ("", ""),
        (' "" ', ""),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 197 + "..."),
        ("Learning C#", "Learning C#"),
        ('"New Chat"', "New chat"),
        ("潮汐表", "潮汐表"),
    ],
)
def test_title_is_cleaned(answer: str, title: str) -> None:
    assert clean_title(answer) == title


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When is high tide?", "When is high tide?"),
        ("  When\nis ", "When is"),
        ("", "Untitled Conversation"),
        (" \n", "Untitled Conversation"),
        ("New Chat", "New chat"),
        ("a" * 48, "a" * 48),
        ("a" * 49, "a" * 48 + "…"),
        (
            "Tell me about the tides of the north, the south and the east",
            "Tell me about the tides of the north, the south…",
        ),
        (
            "Tell me about the tides of the northern seas, and of nothing else",
            "Tell me about the tides of the northern seas…",
        ),
    ],
)
def test_first_words_are_cut_at_a_word(text: str, words: str) -> None:
    assert first_words(text) == words


@given(st.text())
def test_any_title_is_one_short_line(text: str) -> None:
    title = clean_title(text)
    assert len(title) <= MAX_CHARACTERS
    assert title == " ".join(title.split())
    words = first_words(text)
    assert 0 < len(words) <= FIRST_WORDS_CHARACTERS + 1
    assert words == " ".join(words.split())


# -- Asking a model ------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ChatRequest, str]]:
    """What models were asked; they answer ``Tide Tables``."""
    requests: list[tuple[ChatRequest, str]] = []

    async def complete(
        request: ChatRequest, *, endpoint: str, principal: object, trace: object
    ) -> str:
        requests.append((request, endpoint))
        return '"Tide Tables"'

    monkeypatch.setattr("providers.client.complete", complete)
    return requests


async def test_model_is_asked_for_a_title(asked: list[tuple[ChatRequest, str]]) -> None:
    title = await make_title("When is high tide?", endpoint="openAI", model="gpt-4.1")
    assert title == "Tide Tables"
    ((request, endpoint),) = asked
    assert (request.model, request.purpose, endpoint) == ("gpt-4.1", "title", "openAI")
    assert request.messages[0].parts[0].text == "When is high tide?"  # type: ignore[union-attr]


async def test_model_for_titles_is_asked_when_there_is_one(
    asked: list[tuple[ChatRequest, str]], settings: Any
) -> None:
    settings.TITLE_MODEL = "gpt-4.1-nano"
    await make_title("When?", endpoint="openAI", model="gpt-4.1")
    assert asked[0][0].model == "gpt-4.1-nano"


async def test_endpoint_has_a_model_for_titles_of_its_own(
    asked: list[tuple[ChatRequest, str]], settings: Any
) -> None:
    settings.TITLE_MODEL = "gpt-4.1-nano"
    await make_title("When?", endpoint="Groq", model="llama-3.3", own="llama-3.1")
    assert asked[0][0].model == "llama-3.1"


async def test_long_message_is_not_sent_whole(asked: list[tuple[ChatRequest, str]]) -> None:
    await make_title("a" * 100_000, endpoint="openAI", model="gpt-4.1")
    text = asked[0][0].messages[0].parts[0].text  # type: ignore[union-attr]
    assert len(text) == titles.PROMPT_CHARACTERS


@pytest.mark.parametrize(
    "answer", [ProviderError(ErrorKind.UPSTREAM, "down"), TimeoutError(), "", "<think>x</think>"]
)
async def test_first_words_serve_when_the_model_does_not(
    answer: str | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def complete(
        request: ChatRequest, *, endpoint: str, principal: object, trace: object
    ) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("providers.client.complete", complete)
    assert await make_title("When is high tide?", endpoint="e", model="m") == "When is high tide?"


async def test_first_words_serve_when_the_model_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = asyncio.Event()

    async def stream(
        request: ChatRequest, *, endpoint: str, principal: object, trace: object
    ) -> AsyncGenerator[list[Any], None]:
        try:
            await asyncio.sleep(3600)
            yield []
        finally:
            closed.set()

    monkeypatch.setattr("providers.client.stream", stream)
    monkeypatch.setattr(titles, "TIMEOUT_SECONDS", 0.01)
    assert await make_title("When?", endpoint="e", model="m") == "When?"
    assert closed.is_set()
