"""Turns and their readers in one process, over both logs, at every position of a turn."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Ban, User
from conversations.chat import jobs as jobs_module
from conversations.chat.events import TurnEvent
from conversations.chat.jobs import Jobs, Started, StopReason
from conversations.chat.log import base as log_base
from conversations.chat.log.base import EventLog
from conversations.chat.log.memory import MemoryLog
from conversations.chat.log.redis import RedisLog
from conversations.chat.request import parse_turn_request
from conversations.models import Conversation, Generation, Message
from conversations.services import generations, turns
from conversations.services.conversations import delete_all_conversations
from conversations.views.chat import open_stream
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import AppError, NotReady
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
)
from tests.conversations.chat.logs import REDIS_URL, redis_is_there
from tests.conversations.chat.reader import Screen

pytestmark = pytest.mark.django_db(transaction=True)

THOUGHTS = ["Hm", ", "]
WORDS = ["Old ", "pond ", "— ", "a ", "frog."]
ANSWER = "".join(THOUGHTS + WORDS)
STEPS = len(THOUGHTS) + len(WORDS)
POSITIONS = range(STEPS + 1)


_watchers: set[asyncio.Task[Screen]] = set()


class Script:
    """An adapter that says one piece whenever it is told to."""

    def __init__(self) -> None:
        self.pieces: list[StreamEvent] = [
            *map(ReasoningDelta, THOUGHTS), *map(TextDelta, WORDS)
        ]  # fmt: skip
        self.error: ProviderError | None = None
        self.title = "Frog Pond"
        self.active = 0
        self._go = asyncio.Semaphore(0)

    def say(self, count: int = 1) -> None:
        for _ in range(count):
            self._go.release()

    def say_all(self) -> None:
        self.say(len(self.pieces) + 1)

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        if request.purpose == "title":
            yield [TextDelta(self.title)]
            return
        self.active += 1
        try:
            for piece in self.pieces:
                await self._go.acquire()
                yield [piece]
            await self._go.acquire()
            if self.error:
                raise self.error
            yield [Finish(FinishReason.STOP)]
        finally:
            self.active -= 1


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    monkeypatch.setattr("providers.client.load_adapter", lambda kind: script)
    return script


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventLog]:
    if request.param == "redis" and not redis_is_there():
        pytest.skip(f"NO REDIS at {REDIS_URL}: the log of several processes is not tested")
    log: EventLog = RedisLog(REDIS_URL) if request.param == "redis" else MemoryLog(tmp_path)
    yield log
    await log.close()


@pytest.fixture
async def jobs(log: EventLog, script: Script) -> AsyncIterator[Jobs]:
    jobs = Jobs("this", log)
    yield jobs
    await jobs.drain(0)


def payload(**fields: Any) -> Any:
    body = {"text": "Write a haiku", "endpoint": "Demo", "model": "demo-assistant"}
    return {**body, "parentMessageId": NO_PARENT, **fields}


async def start(jobs: Jobs, user: User, **fields: Any) -> Started:
    return await jobs.start(user, parse_turn_request(payload(**fields)))


async def until_said(jobs: Jobs, generation: Generation, count: int) -> list[TurnEvent]:
    """Wait for so many deltas in the log."""
    async with asyncio.timeout(5):
        while True:
            past = await jobs.log.snapshot(generation.id)
            if sum(hasattr(event, "text") for event in past) >= count:
                return past
            await asyncio.sleep(0.002)


async def watch(
    jobs: Jobs, generation: Generation, *, resume: bool = False, screen: Screen | None = None
) -> Screen:
    frames = await open_stream(jobs, generation, is_resumed=resume)
    async with asyncio.timeout(10), aclosing(frames):
        return await (screen or Screen()).follow(frames)


def watching(jobs: Jobs, generation: Generation, *, resume: bool = False) -> asyncio.Task[Screen]:
    return asyncio.create_task(watch(jobs, generation, resume=resume))


async def watch_two(jobs: Jobs, generation: Generation) -> list[Screen]:
    """Screens of one that came first and one that resumed, both showing something already."""
    screens = [Screen(), Screen()]
    for screen, resume in zip(screens, (False, True), strict=True):
        _watchers.add(asyncio.create_task(watch(jobs, generation, resume=resume, screen=screen)))
    async with asyncio.timeout(5):
        while not all(screen.payloads for screen in screens):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return screens


@sync_to_async
def stored(generation: Generation) -> tuple[str, list[Message]]:
    """The status of the generation and the answers of its conversation."""
    status = Generation.objects.values_list("status", flat=True).get(pk=generation.pk)
    answers = Message.objects.filter(
        conversation_id=generation.conversation_id, is_created_by_user=False
    )
    return status, list(answers)


def text_in(message: Message) -> str:
    return "".join(part.get("text", part.get("think", "")) for part in message.content or [])


# -- Following -----------------------------------------------------------------------------


@pytest.mark.parametrize("position", POSITIONS)
async def test_resuming_shows_the_whole_answer_once_at_every_position(
    alice: User, jobs: Jobs, script: Script, position: int
) -> None:
    generation = (await start(jobs, alice)).generation
    first = watching(jobs, generation)
    script.say(position)
    await until_said(jobs, generation, position)
    resumed, second = watching(jobs, generation, resume=True), watching(jobs, generation)
    await asyncio.sleep(0.01)
    script.say_all()
    for screen in await asyncio.gather(first, second, resumed):
        assert screen.text == screen.final_text == ANSWER
        assert screen.answer["unfinished"] is False
    assert [list(p)[0] for p in resumed.result().payloads].count("sync") == 1
    assert "sync" in resumed.result().payloads[0]
    assert "created" in first.result().payloads[0]
    status, (answer,) = await stored(generation)
    assert (status, text_in(answer)) == ("complete", ANSWER)


@pytest.mark.parametrize("position", POSITIONS)
async def test_the_answer_is_completed_when_every_reader_leaves_at_any_position(
    alice: User, jobs: Jobs, script: Script, position: int
) -> None:
    generation = (await start(jobs, alice)).generation
    readers = [watching(jobs, generation, resume=resume) for resume in (False, True)]
    script.say(position)
    await until_said(jobs, generation, position)
    for reader in readers:
        reader.cancel()
    await asyncio.wait(readers)
    script.say_all()
    await asyncio.wait_for(jobs._running[generation.id].done.wait(), 5)
    status, (answer,) = await stored(generation)
    assert (status, text_in(answer), answer.unfinished) == ("complete", ANSWER, False)


async def test_the_end_is_told_at_once_when_a_reader_comes_after_it(
    alice: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    script.say_all()
    await watch(jobs, generation)
    assert (await watch(jobs, generation)).text == ANSWER
    assert (await watch(jobs, generation, resume=True)).final_text == ANSWER


# -- Stopping ------------------------------------------------------------------------------


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
    assert answer.unfinished is (text_in(answer) != ANSWER) or answer.unfinished


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_one_turn_runs_when_several_new_ones_replace_it_at_once(
    alice: User, jobs: Jobs, script: Script, count: int
) -> None:
    first = (await start(jobs, alice)).generation
    reader = watching(jobs, first)
    script.say(3)
    await until_said(jobs, first, 3)
    conversation_id = first.conversation.conversation_id
    news = await asyncio.gather(
        *(start(jobs, alice, conversationId=conversation_id, text=f"{n}") for n in range(count))
    )
    assert (await reader).final_text == ANSWER[: len("Hm, Old ")]
    running = await sync_to_async(lambda: list(Generation.objects.running()))()
    assert len(running) == 1
    assert running[0].id in {new.generation.id for new in news}
    script.say_all()
    assert (await watch(jobs, running[0])).final_text == ANSWER


async def test_all_begin_one_after_the_other_when_twelve_are_sent_at_once(
    alice: User, jobs: Jobs, script: Script
) -> None:
    conversation = (await start(jobs, alice)).generation.conversation
    begun = await asyncio.gather(
        *(
            start(jobs, alice, conversationId=conversation.conversation_id, text=f"{n}")
            for n in range(12)
        )
    )
    rows = await sync_to_async(lambda: list(Generation.objects.order_by("created_ms")))()
    assert len({row.created_ms for row in rows}) == len(rows) == 13
    assert [row.status for row in rows] == ["aborted"] * 12 + ["running"]
    assert rows[-1].id in {each.generation.id for each in begun}


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


# -- Starting ------------------------------------------------------------------------------


async def test_one_generation_begins_when_a_request_is_sent_twenty_times_at_once(
    alice: User, jobs: Jobs, script: Script
) -> None:
    key = new_uuid()
    started = await asyncio.gather(*(start(jobs, alice, clientRequestId=key) for _ in range(20)))
    assert len({item.generation.id for item in started}) == 1
    assert sum(not item.is_repeated for item in started) == 1
    readers = [watching(jobs, item.generation, resume=item.is_repeated) for item in started]
    await asyncio.sleep(0.05)
    script.say_all()
    assert {screen.text for screen in await asyncio.gather(*readers)} == {ANSWER}
    assert await Message.objects.acount() == 2
    assert await Conversation.objects.acount() == 1


async def test_a_repetition_can_be_followed_when_the_first_event_is_still_on_its_way(
    alice: User, jobs: Jobs, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = jobs.log.append

    async def append_late(*arguments: Any) -> None:
        await asyncio.sleep(0.2)
        await append(*arguments)

    monkeypatch.setattr(jobs.log, "append", append_late)
    key = new_uuid()
    first = asyncio.create_task(start(jobs, alice, clientRequestId=key))
    while not await Generation.objects.aexists():  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.002)
    repeated = await start(jobs, alice, clientRequestId=key)
    assert repeated.is_repeated
    reader = watching(jobs, repeated.generation, resume=True)
    await first
    script.say_all()
    assert (await reader).final_text == ANSWER


@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.008, 0.016])
async def test_the_turn_runs_when_the_person_leaves_while_it_begins(
    alice: User, jobs: Jobs, script: Script, delay: float
) -> None:
    starting = asyncio.create_task(start(jobs, alice, clientRequestId="once"))
    await asyncio.sleep(delay)
    starting.cancel()
    await asyncio.wait({starting})
    again = await start(jobs, alice, clientRequestId="once")
    script.say_all()
    assert (await watch(jobs, again.generation, resume=again.is_repeated)).final_text == ANSWER
    assert await Generation.objects.acount() == 1


async def test_no_generation_is_left_running_when_the_log_is_away_at_its_start(
    alice: User, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*arguments: Any) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as patched:
        patched.setattr(jobs.log, "append", fail)
        with pytest.raises(ConnectionError):
            await start(jobs, alice)
        async with asyncio.timeout(5):
            while jobs._running:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
    assert not await Generation.objects.running().aexists()


async def test_a_stranger_starts_nothing_in_the_conversation_of_another(
    alice: User, charlie: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    with pytest.raises(AppError) as refused:
        await start(jobs, charlie, conversationId=generation.conversation.conversation_id)
    assert refused.value.status == 404
    assert generation.id in jobs._running


# -- Errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("position", POSITIONS)
async def test_a_provider_error_keeps_what_was_said_at_every_position(
    alice: User, jobs: Jobs, script: Script, position: int
) -> None:
    script.pieces = script.pieces[:position]
    script.error = ProviderError(ErrorKind.UPSTREAM, "Overloaded.", status=500)
    generation = (await start(jobs, alice)).generation
    script.say_all()
    screen = await watch(jobs, generation)
    status, (answer,) = await stored(generation)
    assert (status, answer.unfinished) == ("error", False)
    said = "".join((THOUGHTS + WORDS)[:position])
    if position:
        assert text_in(answer) == said
        assert (answer.content or [])[-1] == {"type": "error", "error": "Overloaded."}
        assert screen.text == screen.final_text == said
    else:
        assert (answer.error, answer.text, answer.content) == (True, "Overloaded.", None)


async def test_the_first_words_are_the_title_when_the_model_gives_none(
    alice: User, jobs: Jobs, script: Script
) -> None:
    script.title = ""
    generation = (await start(jobs, alice)).generation
    script.say_all()
    await watch(jobs, generation)
    async with asyncio.timeout(5):
        while (await Conversation.objects.aget()).title == "New Chat":  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert (await Conversation.objects.aget()).title == "Write a haiku"


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


async def test_an_answer_is_stored_when_the_database_was_away_for_a_moment(
    alice: User, jobs: Jobs, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OperationalError("away"), OperationalError("away")]
    finish = turns.finish_turn

    def finish_later(**arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return finish(**arguments)

    monkeypatch.setattr(turns, "finish_turn", finish_later)
    monkeypatch.setattr(jobs_module, "SAVE_PAUSES_SECONDS", (0.01, 0.01))
    generation = (await start(jobs, alice)).generation
    script.say_all()
    assert (await watch(jobs, generation)).final_text == ANSWER
    assert failures == []


async def test_the_answer_ends_and_the_next_begins_when_the_log_takes_no_end(
    alice: User, jobs: Jobs, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say(len(script.pieces))
    await until_said(jobs, generation, STEPS)
    monkeypatch.setattr(log_base, "IDLE_SECONDS", 0.05)

    async def fail(*arguments: Any) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as patched:
        patched.setattr(jobs.log, "append", fail)
        script.say()
        await jobs._running[generation.id].done.wait()
    status, (answer,) = await stored(generation)
    assert (status, text_in(answer)) == ("complete", ANSWER)
    script.say_all()
    next_one = (await start(jobs, alice)).generation
    assert (await watch(jobs, next_one)).final_text == ANSWER
    reader.cancel()


async def test_the_text_is_kept_and_the_stream_ends_when_the_database_was_away_for_long(
    alice: User, jobs: Jobs, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**arguments: Any) -> None:
        raise OperationalError("away")

    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    with monkeypatch.context() as patched:
        patched.setattr(turns, "finish_turn", fail)
        patched.setattr(jobs_module, "SAVE_PAUSES_SECONDS", ())
        script.say_all()
        await jobs._running[generation.id].done.wait()
    assert not reader.done()
    await jobs.recover_stale(all_others=True)
    assert (await reader).final_text == ANSWER
    _, (answer,) = await stored(generation)
    assert (text_in(answer), answer.unfinished) == (ANSWER, True)


@pytest.mark.parametrize("position", POSITIONS)
async def test_another_process_keeps_everything_when_the_owner_is_gone_at_any_position(
    alice: User, jobs: Jobs, log: EventLog, script: Script, position: int
) -> None:
    """The owner is not told: it comes back later and must not change what was stored."""
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say(position)
    await until_said(jobs, generation, position)
    heir = Jobs("heir", log)
    assert await heir.recover_stale(all_others=True) == 1
    assert (await reader).final is not None
    jobs.stop_local(generation.id, StopReason.LOST)
    script.say_all()
    status, (answer,) = await stored(generation)
    assert answer.unfinished
    assert text_in(answer) == "".join((THOUGHTS + WORDS)[:position])
    assert status == ("aborted" if position else "error")
    owned = await in_database(generations.beat, process="this", addresses={generation.id: ""})
    assert owned == set()
