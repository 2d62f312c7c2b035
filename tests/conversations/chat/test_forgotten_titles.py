"""Titles do not get lost when the process dies between the answer and the title."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from conversations.chat.jobs import Jobs
from conversations.chat.log.memory import MemoryLog
from conversations.chat.request import TurnRequest
from conversations.models import NEW_CHAT_TITLE, Conversation, Generation
from conversations.services import turns
from conversations.services.turns import Outcome, Status
from librechat_backend.lib.aio import in_database

pytestmark = pytest.mark.django_db(transaction=True)


def finished_turn(user: User, *, is_temporary: bool = False) -> Generation:
    request = TurnRequest(text="How do frogs sing?", endpoint="Demo", is_temporary=is_temporary)
    turn = turns.begin_turn(user=user, request=request, process="dead")
    answer = Outcome(Status.COMPLETE, [{"type": "text", "text": "Loudly."}])
    turns.finish_turn(generation_id=turn.generation.id, process="dead", outcome=answer)
    return turn.generation


async def sweep(tmp_path: object, *, all_others: bool) -> None:
    await Jobs("alive", MemoryLog(tmp_path)).titling.recover_forgotten(all_others=all_others)  # type: ignore[arg-type]


async def title() -> str:
    return (await in_database(Conversation.objects.get)).title


async def test_first_words_become_the_title_when_the_process_died(
    alice: User, tmp_path: object
) -> None:
    await in_database(finished_turn, alice)
    assert await title() == NEW_CHAT_TITLE
    await sweep(tmp_path, all_others=True)
    assert await title() == "How do frogs sing?"


async def test_another_process_is_given_time_before_its_title_is_taken_over(
    alice: User, tmp_path: object
) -> None:
    generation = await in_database(finished_turn, alice)
    await sweep(tmp_path, all_others=False)
    assert await title() == NEW_CHAT_TITLE
    past = timezone.now() - timedelta(minutes=5)
    await in_database(Generation.objects.filter(pk=generation.pk).update, finished_at=past)
    await sweep(tmp_path, all_others=False)
    assert await title() == "How do frogs sing?"


async def test_nothing_is_made_up_for_where_titles_are_off(
    alice: User, tmp_path: object, settings: Any
) -> None:
    settings.TITLE_CONVO = False
    await in_database(finished_turn, alice)
    await sweep(tmp_path, all_others=True)
    assert await title() == NEW_CHAT_TITLE


async def test_temporary_chats_get_no_title(alice: User, tmp_path: object) -> None:
    await in_database(finished_turn, alice, is_temporary=True)
    await sweep(tmp_path, all_others=True)
    assert await title() == NEW_CHAT_TITLE
