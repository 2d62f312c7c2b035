"""Turns over HTTP, and what they leave in the database."""

from typing import Any

from conversations.models import Conversation, Generation, Message
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter

START = "/api/agents/chat/openAI"
UNKNOWN = "5d0c1f6e-2b7a-4c1d-9a40-7f2f6f1e8a11"


async def whole_turn(client: ChatClient, model: ScriptedAdapter, **fields: Any) -> dict[str, Any]:
    """A whole turn; its final frame."""
    model.give_title("Tides")
    model.answer("At noon.")
    return await client.final(await client.start(**fields))


def rows() -> tuple[int, int, int]:
    """How many conversations, messages and generations there are."""
    return Conversation.objects.count(), Message.objects.count(), Generation.objects.count()
