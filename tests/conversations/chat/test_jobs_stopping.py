"""Turns that are stopped at every position: by their person, by deletion, by the server."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import Ban, User
from conversations.chat.jobs import Jobs
from conversations.chat.request import parse_turn_request
from conversations.models import Conversation, Generation, Message
from conversations.services import generations
from conversations.services.conversations import delete_all_conversations
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import NotReady
from tests.conversations.chat.word_by_word import (
    ANSWER,
    POSITIONS,
    THOUGHTS,
    WORDS,
    Script,
    payload,
    start,
    stored,
    text_in,
    until_said,
    watch_two,
    watching,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("aborts", [1, 2])
@pytest.mark.parametrize("position", POSITIONS)
async def test_an_abort_keeps_exactly_what_was_streamed_at_every_position(
    alice: User, jobs: Jobs, script: Script, position: int, aborts: int
) -> None:
    generation = (await start(jobs, alice)).generation
    screens = await watch_two(jobs, generation)
    script.say(position)
    await until_said(jobs, generation, position)
    await asyncio.gather(*(jobs.abort(generation) for _ in range(aborts)))
    for screen in screens:
        assert screen.final is not None, "the abort was answered before the last frame was sent"
        assert screen.final["aborted"] is True
        assert screen.text == screen.final_text == ANSWER[: len(screen.text)]
    status, (answer,) = await stored(generation)
    assert (status, answer.unfinished, answer.error) == ("aborted", True, False)
    assert text_in(answer) == "".join((THOUGHTS + WORDS)[:position])
    assert script.active == 0


@pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.006, 0.01, 0.02])
async def test_one_end_is_told_when_the_abort_meets_the_end(
    alice: User, jobs: Jobs, script: Script, delay: float
) -> None:
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say_all()
    await asyncio.sleep(delay)
    await jobs.abort(generation)
    screen = await reader
    _, (answer,) = await stored(generation)
    assert screen.final_text == text_in(answer) == ANSWER[: len(text_in(answer))]
    assert answer.unfinished or text_in(answer) == ANSWER


async def test_upstream_stops_and_the_stream_ends_when_the_conversation_is_deleted(
    alice: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say(2)
    await until_said(jobs, generation, 2)
    await sync_to_async(delete_all_conversations)(user=alice)
    await jobs.beat()
    assert (await reader).final == {
        "error": "The conversation was deleted.", "generationProtocolVersion": 1
    }  # fmt: skip
    assert script.active == 0
    assert await Message.objects.acount() == 0
    assert jobs._running == {}


async def test_nothing_is_left_when_the_deletion_meets_the_end(
    alice: User, jobs: Jobs, script: Script
) -> None:
    for delay in (0, 0.002, 0.004, 0.006, 0.01):
        generation = (await start(jobs, alice)).generation
        reader = watching(jobs, generation)
        script.say_all()
        await asyncio.sleep(delay)
        await sync_to_async(delete_all_conversations)(user=alice)
        assert (await reader).final is not None
        assert await Message.objects.acount() == 0
        assert await Generation.objects.acount() == 0


async def test_answer_stops_at_the_next_heartbeat_when_its_person_is_deactivated(
    alice: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say(3)
    await until_said(jobs, generation, 3)
    await jobs.beat()
    assert script.active == 1
    await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await jobs.beat()
    assert ANSWER.startswith((await reader).final_text)
    assert script.active == 0
    assert not await Generation.objects.running().aexists()


async def test_answer_stops_at_the_next_heartbeat_when_its_address_is_banned(
    alice: User, jobs: Jobs, script: Script
) -> None:
    request = replace(parse_turn_request(payload()), ip_address="203.0.113.9")
    generation = (await jobs.start(alice, request)).generation
    reader = watching(jobs, generation)
    script.say(3)
    await until_said(jobs, generation, 3)
    until = timezone.now() + timedelta(hours=1)
    await in_database(lambda: Ban.objects.create(ip_address="198.51.100.1", expires_at=until))
    await jobs.beat()
    assert script.active == 1
    await in_database(lambda: Ban.objects.create(ip_address="::ffff:203.0.113.9", expires_at=until))
    await jobs.beat()
    assert ANSWER.startswith((await reader).final_text)
    assert script.active == 0


@pytest.mark.parametrize("position", POSITIONS)
async def test_a_shutdown_keeps_the_partial_answer_at_every_position(
    alice: User, jobs: Jobs, script: Script, position: int
) -> None:
    generation = (await start(jobs, alice)).generation
    screens = await watch_two(jobs, generation)
    script.say(position)
    await until_said(jobs, generation, position)
    await jobs.drain(0)
    assert all(screen.final for screen in screens), "the stream did not end with the server"
    status, (answer,) = await stored(generation)
    assert answer.unfinished
    assert text_in(answer) == "".join((THOUGHTS + WORDS)[:position])
    assert status == ("aborted" if position else "error")
    assert (await Conversation.objects.aget()).title != "New Chat"
    with pytest.raises(NotReady):
        await start(jobs, alice)


async def test_a_shutdown_waits_for_the_title_that_is_being_stored(
    alice: User, jobs: Jobs, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_store = asyncio.Event(), threading.Event()
    loop, set_title = asyncio.get_running_loop(), generations.set_title

    def set_slowly(**arguments: Any) -> bool:
        loop.call_soon_threadsafe(begun.set)
        assert may_store.wait(10)
        return set_title(**arguments)

    monkeypatch.setattr(generations, "set_title", set_slowly)
    await start(jobs, alice)
    await begun.wait()
    loop.call_later(0.2, may_store.set)
    await jobs.drain(0)
    assert (await Conversation.objects.aget()).title == "Frog Pond"


async def test_an_answer_that_ends_in_time_is_complete_when_the_server_stops(
    alice: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    stopping = asyncio.create_task(jobs.drain(5))
    await asyncio.sleep(0.01)
    script.say_all()
    await asyncio.wait_for(stopping, 4)
    _, (answer,) = await stored(generation)
    assert (text_in(answer), answer.unfinished) == (ANSWER, False)
