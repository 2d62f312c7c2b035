"""Streams that are silent for long, bodies that are too long, readers that are slow."""

import asyncio
import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from gateway import heart
from gateway.application import application
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel, becomes, chat_body, frames, log_rows, text_of
from tests.providers.conftest import Fake

pytestmark = pytest.mark.one_database

WORDS = "word0 word1 word2 "
SILENT = "[[chunks:3:0.3]]"
MEGABYTE = b"x" * 1024 * 1024


@pytest.fixture
def quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "PING_INTERVAL_SECONDS", 0.05)


@pytest.fixture
def http() -> httpx2.AsyncClient:
    app: Any = application
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
async def test_silent_stream_shows_signs_of_life(
    api: Api, make_channel: MakeChannel, quick_heart: None, http: httpx2.AsyncClient, kind: str
) -> None:
    await in_database(make_channel, sends=SILENT, kind=kind)
    answer = await api.chat(stream=True)
    assert answer.text.count(": ping\n\n") > 3
    assert answer.text.replace(": ping\n\n", "").endswith("data: [DONE]\n\n")
    client = openai.AsyncOpenAI(api_key=api.key, base_url="http://api/v1", http_client=http)
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(said) == WORDS
    await client.close()


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_signs_of_life_of_messages_are_the_dialects_own(
    api: Api, make_channel: MakeChannel, quick_heart: None, http: httpx2.AsyncClient, kind: str
) -> None:
    await in_database(make_channel, sends=SILENT, kind=kind)
    client = anthropic.AsyncAnthropic(api_key=api.key, base_url="http://api", http_client=http)
    async with client.messages.stream(
        model="m", max_tokens=100, messages=[{"role": "user", "content": "Hi"}]
    ) as stream:
        assert await stream.get_final_text() == WORDS
    body = chat_body(stream=True, max_tokens=100)
    answer = await api.post("/v1/messages", body)
    assert answer.text.count("event: ping\n") > 3
    assert ": ping\n\n" not in answer.text
    await client.close()


async def test_responses_are_read_with_signs_of_life(
    api: Api, make_channel: MakeChannel, quick_heart: None, http: httpx2.AsyncClient
) -> None:
    await in_database(make_channel, sends=SILENT)
    client = openai.AsyncOpenAI(api_key=api.key, base_url="http://api/v1", http_client=http)
    async with client.responses.stream(model="m", input="Hi") as stream:
        assert (await stream.get_final_response()).output_text == WORDS
    await client.close()


async def test_remembered_stream_has_no_signs_of_life(
    api: Api, make_channel: MakeChannel, quick_heart: None
) -> None:
    await in_database(make_channel, sends=SILENT)
    body = chat_body(stream=True)
    answers = [
        await api.post("/v1/chat/completions", body, **{"x-cache-ttl": "60"}) for _ in range(2)
    ]
    assert [": ping" in answer.text for answer in answers] == [True, False]
    assert answers[1].headers["x-cache"] == "HIT"
    assert text_of(frames(answers[1])) == WORDS


# -- A hundred megabytes -------------------------------------------------------------------


class Door:
    """The application as a server calls it: ``send`` waits while ``is_open`` is not set."""

    def __init__(self, key: str, pieces: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.sent: list[Any] = []
        self.taken = 0
        self.is_open, self.has_left = asyncio.Event(), asyncio.Event()
        self.is_open.set()
        self._pieces, self._body = pieces, body
        named = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
        self.scope: Any = {
            "type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
            "headers": [(n.encode(), v.encode()) for n, v in named.items()],
        }  # fmt: skip

    async def receive(self) -> Any:
        if self.taken < self._pieces:
            self.taken += 1
            more = self.taken < self._pieces
            return {"type": "http.request", "body": self._body or MEGABYTE, "more_body": more}
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        await self.is_open.wait()

    async def run(self) -> None:
        await application(self.scope, self.receive, self.send)


@pytest.mark.parametrize(
    ("headers", "most"), [({"content-length": str(100 * len(MEGABYTE))}, 0), ({}, 33)]
)
async def test_body_of_100_megabytes_is_refused_before_it_is_read(
    api: Api, headers: dict[str, str], most: int
) -> None:
    door = Door(api.key, 100, headers)
    await asyncio.wait_for(door.run(), 10)
    assert door.sent[0]["status"] == 413
    assert json.loads(door.sent[1]["body"])["error"]["code"] == "request_too_large"
    assert door.taken <= most


async def test_answer_of_100_megabytes_is_given_up(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, sends="[[flood:100]]", priority=1)
    await in_database(make_channel, "second")
    answer = await api.chat()
    assert answer.status_code == 200
    (row,) = await log_rows()
    assert [bool(attempt["error"]) for attempt in row.attempts] == [True, False]
    assert await fake.becomes(0, within_seconds=10)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_slow_reader_holds_the_provider_and_leaves_it_alone_in_the_end(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str
) -> None:
    """What is said fits into no buffer: the provider waits, and we keep little."""
    await in_database(make_channel, sends="[[chunks:120000]]", kind=kind)
    body = json.dumps(chat_body(stream=True)).encode()
    door = Door(api.key, 1, {}, body)
    task = asyncio.create_task(door.run())
    assert await becomes(lambda: len(door.sent) > 2, within_seconds=30)
    door.is_open.clear()
    await asyncio.sleep(0.2)
    held = sum(len(message.get("body", b"")) for message in door.sent)
    assert await fake.becomes(1, within_seconds=5)
    await asyncio.sleep(0.2)
    assert sum(len(message.get("body", b"")) for message in door.sent) <= held + 2 * 1024 * 1024
    assert await asyncio.to_thread(fake.active) == 1
    door.has_left.set()
    await asyncio.wait_for(task, 10)
    assert await fake.becomes(0, within_seconds=10)
    (row,) = await log_rows()
    assert row.status == "stopped"
