"""What is remembered about a person is told the model, unless they or their role say no."""

from typing import Any

import pytest

from accounts.models import Role, User
from conversations.models import Conversation
from librechat_backend.lib.aio import in_database
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.conversations.factories import make_memory

pytestmark = pytest.mark.django_db(transaction=True)


async def _instructions(user: User, model: ScriptedAdapter, **fields: Any) -> str:
    """What the model is told before the chat."""
    client = ChatClient(user)
    started = await client.start(**fields)
    model.answer("Ahoy.")
    await client.final(started)
    return model.requests[-1].system


async def test_model_is_told_what_is_remembered(
    alice: User, bob: User, model: ScriptedAdapter
) -> None:
    await in_database(make_memory, alice)
    await in_database(lambda: make_memory(alice, "b", agent_id="agent_a", value="Of an agent."))
    await in_database(lambda: make_memory(bob, value="Of Bob."))
    text = await _instructions(alice, model, promptPrefix="Be brief.")
    assert text.startswith("Be brief.\n\n")
    assert text.endswith("\n- [2025-03-04] Brest is my favourite port.")
    assert "Of " not in text
    stored = await in_database(Conversation.objects.get)
    assert stored.settings["promptPrefix"] == "Be brief."


async def test_model_is_told_nothing_when_the_person_opted_out(
    alice: User, model: ScriptedAdapter
) -> None:
    await in_database(make_memory, alice)
    alice.personalization = {"memories": False}
    await in_database(alice.save)
    assert await _instructions(alice, model) == ""


async def test_model_is_told_nothing_when_the_role_has_no_memories(
    alice: User, model: ScriptedAdapter
) -> None:
    await in_database(make_memory, alice)
    off = {"MEMORIES": {"USE": False}}
    await in_database(
        lambda: Role.objects.update_or_create(name="USER", defaults={"permissions": off})
    )
    assert await _instructions(alice, model) == ""
