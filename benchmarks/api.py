"""JSON requests of ordinary use, whole HTTP requests over loopback."""

import asyncio
import json
import time

from benchmarks.client import Client
from benchmarks.report import Row, at_most, median, percentile
from benchmarks.setup import people, product, upstream
from tests.live import LiveServer

CONVERSATIONS, MESSAGES = 10_000, 200


def run(*, smoke: bool, **env: str) -> list[Row]:
    conversations = 200 if smoke else CONVERSATIONS
    rounds = 5 if smoke else 100
    with upstream() as port, product(port, **env) as server:
        client = people(server, 1)[0]
        opened = _fill(server, conversations)
        return asyncio.run(_measure(client, opened, conversations, rounds))


def _fill(server: LiveServer, conversations: int) -> str:
    """The person's chats; returns the id of one with MESSAGES messages."""
    output = server.manage("shell", "-c", FILL.format(count=conversations, messages=MESSAGES))
    return output.strip().splitlines()[-1]


FILL = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from conversations.models import Conversation, Message
from librechat_backend.lib.ids import NO_PARENT, new_uuid
user, now = User.objects.get(email="person0@example.com"), timezone.now()
chats = [
    Conversation(conversation_id=new_uuid(), user=user, title=f"Chat {{n}}", endpoint="openAI",
                 model="m", created_at=now, updated_at=now - timedelta(seconds=n))
    for n in range({count})
]
Conversation.objects.bulk_create(chats, batch_size=1000)
parent, messages = NO_PARENT, []
for n in range({messages}):
    text = "word " * 100
    messages.append(Message(
        message_id=new_uuid(), conversation=chats[0], user=user, parent_message_id=parent,
        is_created_by_user=n % 2 == 0, text=text if n % 2 == 0 else "",
        content=None if n % 2 == 0 else [{{"type": "text", "text": text}}],
        created_at=now + timedelta(milliseconds=n), updated_at=now,
    ))
    parent = messages[-1].message_id
Message.objects.bulk_create(messages)
print(chats[0].conversation_id)
"""


async def _measure(client: Client, opened: str, conversations: int, rounds: int) -> list[Row]:
    config = await _times_ms(client, "/api/config", rounds)
    listed = await _times_ms(client, "/api/convos", rounds)
    messages = await _times_ms(client, f"/api/messages/{opened}", rounds)
    return [
        at_most("/api/config signed in, p50", median(config), 15, "ms"),
        at_most(f"list 25 of {conversations:,} chats, p95", percentile(listed, 0.95), 30, "ms"),
        at_most(f"open a chat of {MESSAGES} messages, p95", percentile(messages, 0.95), 40, "ms"),
    ]


async def _times_ms(client: Client, path: str, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        status, body = await client.request("GET", path)
        times.append(1000 * (time.perf_counter() - begin))
        if status != 200 or not json.loads(body):
            raise RuntimeError(f"{path}: {status}")
    return times
