"""Events and readers for the tests of the event logs."""

import os
from collections.abc import Sequence
from contextlib import aclosing

import redis

from conversations.chat.events import Created, Finished, StepStarted, TextAdded, TurnEvent
from conversations.chat.log.base import EventLog
from librechat_backend.lib.ids import new_object_id

REDIS_URL = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/15"


def redis_is_there() -> bool:
    try:
        with redis.Redis.from_url(REDIS_URL, socket_connect_timeout=2) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


def generation() -> str:
    return new_object_id()


def created() -> Created:
    return Created(
        conversation_id="c1",
        response_message_id="r1",
        sender="GPT",
        endpoint="openAI",
        model="gpt",
        icon_url="",
        user_message={"message_id": "u1", "parent_message_id": "p", "text": "Grüße\n👋\r"},
    )


def finished() -> Finished:
    row = {"message_id": "r1", "text": ""}
    return Finished(conversation={"title": "T"}, user_message={}, response=row, message_ids=["a"])


def words(count: int, start: int = 0) -> list[TurnEvent]:
    return [TextAdded("s", f"w{number}\n") for number in range(start, start + count)]


def whole_turn(count: int = 5) -> list[TurnEvent]:
    return [created(), StepStarted("s", 0, "message"), *words(count), finished()]


async def read_all(log: EventLog, generation_id: str, after: int = 0) -> list[TurnEvent]:
    """Every event up to the end; silences are left out."""
    async with aclosing(log.read(generation_id, after=after)) as batches:
        return [event async for batch in batches for event in batch]


async def append_slowly(log: EventLog, generation_id: str, events: Sequence[TurnEvent]) -> None:
    import asyncio

    for event in events:
        await log.append(generation_id, [event])
        await asyncio.sleep(0)
