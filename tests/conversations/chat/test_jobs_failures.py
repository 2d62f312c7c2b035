"""Turns whose provider, model, database, log or process fails."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import User
from conversations.chat import jobs as jobs_module
from conversations.chat.events import Failed
from conversations.chat.jobs import Jobs, StopReason
from conversations.chat.log import base as log_base
from conversations.chat.log.base import EventLog
from conversations.models import Conversation, Generation
from conversations.services import generations, messages, turns
from librechat_backend.lib.aio import in_database
from providers.errors import ErrorKind, ProviderError
from tests.conversations.chat.word_by_word import (
    ANSWER,
    POSITIONS,
    STEPS,
    THOUGHTS,
    WORDS,
    Script,
    start,
    stored,
    text_in,
    until_said,
    watch,
    watching,
)

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_the_stream_ends_and_the_answer_stays_when_its_question_is_deleted_meanwhile(
    alice: User, jobs: Jobs, script: Script
) -> None:
    generation = (await start(jobs, alice)).generation
    reader = watching(jobs, generation)
    script.say(3)
    await until_said(jobs, generation, 3)
    await in_database(_delete_question, alice, generation)
    script.say_all()
    final = (await reader).final
    assert final is not None
    assert final["error"] == "A message of this turn was deleted."
    status, (answer,) = await stored(generation)
    assert (status, text_in(answer)) == ("complete", ANSWER)
    assert await jobs._ended(generation.id) == Failed("A message of this turn was deleted.")


async def test_one_turn_that_cannot_be_finished_keeps_no_other_from_it(
    alice: User, jobs: Jobs, log: EventLog, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [(await start(jobs, alice)).generation for _ in range(2)]
    finish = turns.finish_turn

    def fail_once(*, generation_id: str, **arguments: Any) -> Any:
        if generation_id == first.id:
            raise LookupError("nobody expected that")
        return finish(generation_id=generation_id, **arguments)

    with monkeypatch.context() as patched:
        patched.setattr(turns, "finish_turn", fail_once)
        assert await Jobs("heir", log).recover_stale(all_others=True) == 2
    assert (await stored(second))[0] == "error"
    assert await Jobs("next", log).recover_stale(all_others=True) == 1
    assert (await stored(first))[0] == "error"


def _delete_question(user: User, generation: Generation) -> None:
    chat = generation.conversation.conversation_id
    messages.delete_message(user=user, conversation_id=chat, message_id=generation.user_message_id)
