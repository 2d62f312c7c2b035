"""A person who chats with a live server over HTTP."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from librechat_backend.lib.ids import NO_PARENT, new_uuid
from tests.conversations.chat.logs import REDIS_URL, redis_is_there
from tests.conversations.chat.reader import Screen
from tests.live import LiveServer

EMAIL, PASSWORD = "alice@example.com", "correct horse battery"
POSTGRES_URL = os.environ.get("DATABASE_URL", "")


def provider_env(fake_url: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_REVERSE_PROXY": f"{fake_url}/v1",
        "OPENAI_MODELS": "fake",
        "SHUTDOWN_GRACE_SECONDS": "0",
    }


@contextmanager
def two_servers(env: dict[str, str]) -> Iterator[tuple[LiveServer, LiveServer]]:
    """Two processes on one PostgreSQL database, one Redis and the same secrets."""
    if not POSTGRES_URL.startswith("postgres"):
        pytest.skip("two processes are tested on PostgreSQL (make test-pg)")
    if not redis_is_there():
        pytest.skip(f"NO REDIS at {REDIS_URL}: two processes are not tested")
    first = LiveServer(env={**env, "DATABASE_URL": POSTGRES_URL, "REDIS_URL": REDIS_URL})
    second = LiveServer(
        env={**env, "DATABASE_URL": "", "REDIS_URL": REDIS_URL}, data_dir=first.data_dir
    )
    second.env["DATABASE_URL"] = first.env["DATABASE_URL"]
    try:
        first.migrate_quickly()
        first.start()
        second.start()
        yield first, second
    finally:
        second.close()
        first.close()


def text_of_chunks(count: int) -> str:
    """What the fake provider says to ``[[chunks:count]]``."""
    return "".join(f"word{number} " for number in range(count))


class Person:
    """``base_url`` can be changed: the same person at another process."""

    def __init__(self, server: LiveServer, token: str) -> None:
        self.base_url = server.base_url
        self.token = token
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"}, timeout=60, limits=limits
        )

    def at(self, server: LiveServer) -> "Person":
        return Person(server, self.token)

    async def start(self, text: str, **fields: Any) -> Any:
        body = {"text": text, "endpoint": "openAI", "model": "fake", "parentMessageId": NO_PARENT}
        body |= {"clientRequestId": new_uuid(), **fields}
        url = f"{self.base_url}/api/agents/chat/openAI"
        answer = await self._client.post(url, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def watch(self, stream_id: str, screen: Screen, *, resume: bool = False) -> bool:
        """Whether the stream ended by itself; a broken connection is not an error here."""
        url = f"{self.base_url}/api/agents/chat/stream/{stream_id}"
        query = {"resume": "true"} if resume else {}
        try:
            async with self._client.stream("GET", url, params=query) as answer:
                assert answer.status_code == 200, await answer.aread()
                async for chunk in answer.aiter_raw():
                    screen.feed(chunk)
        except httpx.TransportError:
            return False
        return True

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self._client.get(self.base_url + path, params=query)

    async def abort(self, stream_id: str) -> httpx.Response:
        url = f"{self.base_url}/api/agents/chat/abort"
        return await self._client.post(url, json={"conversationId": stream_id})

    async def status(self, stream_id: str) -> Any:
        return (await self.get(f"/api/agents/chat/status/{stream_id}")).json()

    async def answers(self, stream_id: str) -> list[Any]:
        messages = (await self.get(f"/api/messages/{stream_id}")).json()
        assert [m["isCreatedByUser"] for m in messages].count(True) == 1
        return [message for message in messages if not message["isCreatedByUser"]]

    async def title(self, stream_id: str) -> str:
        return str((await self.get(f"/api/convos/{stream_id}")).json()["title"])

    async def close(self) -> None:
        await self._client.aclose()


def signed_in(server: LiveServer) -> Person:
    server.create_user(EMAIL, PASSWORD)
    return Person(server, server.sign_in(EMAIL, PASSWORD))


def text_in(message: Any) -> str:
    return "".join(part.get("text", "") for part in message.get("content") or [])


class Running:
    """Turns begun one after the other, so that at any moment each is at another position."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.ids: list[str] = []
        self.screens: dict[str, Screen] = {}
        self.tasks: list[asyncio.Task[bool]] = []

    async def begin(
        self, text: str, count: int, pause: float, reader: Person | None = None
    ) -> None:
        for _ in range(count):
            stream_id = (await self.person.start(text))["streamId"]
            screen = self.screens[stream_id] = Screen()
            self.ids.append(stream_id)
            watching = (reader or self.person).watch(stream_id, screen)
            self.tasks.append(asyncio.create_task(watching))
            await asyncio.sleep(pause)

    async def ended(self) -> list[bool]:
        return list(await asyncio.gather(*self.tasks))
