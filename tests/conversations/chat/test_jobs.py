"""Turns that begin, and their readers in one process, over both logs."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from conversations.chat.jobs import Jobs
from conversations.models import Conversation, Generation, Message
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.ids import new_uuid
from tests.conversations.chat.word_by_word import (
    ANSWER,
    POSITIONS,
    Script,
    start,
    stored,
    text_in,
    until_said,
    watch,
    watching,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
