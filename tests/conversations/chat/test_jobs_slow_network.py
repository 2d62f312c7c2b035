"""Readers that stall or leave, against a live server."""

import asyncio
import json
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from tests.conversations.chat.live_chat import (
    Person,
    provider_env,
    signed_in,
    text_in,
    text_of_chunks,
)
from tests.conversations.chat.reader import Screen
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database

CHUNKS = 20_000


@pytest.fixture(scope="module")
def fake_url() -> Iterator[str]:
    with start_fake_provider() as url:
        yield url


@pytest.fixture(scope="module")
def server(fake_url: str) -> Iterator[LiveServer]:
    # Titles are asked for besides, and would be counted among the answers.
    env = {"DATABASE_URL": "", "REDIS_URL": "", "TITLE_CONVO": "false"}
    with live_server(env={**provider_env(fake_url), **env}) as server:
        yield server


@pytest.fixture(scope="module")
def token(server: LiveServer) -> str:
    return signed_in(server).token


def upstream(fake_url: str) -> int:
    with urllib.request.urlopen(f"{fake_url}/active", timeout=10) as answer:  # noqa: S310
        return int(json.load(answer)["active"])


async def becomes_idle(person: Person, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while (await person.get("/api/agents/chat/active")).json()["activeJobIds"]:
            await asyncio.sleep(0.05)


def resident_megabytes(server: LiveServer) -> int:
    with open(f"/proc/{server.process.pid}/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmRSS"].split()[0]) // 1024


def stalled_reader(server: LiveServer, person: Person, stream_id: str) -> socket.socket:
    """Asks for the stream and reads nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    head = f"GET /api/agents/chat/stream/{stream_id} HTTP/1.1\r\nHost: x\r\n"
    connection.sendall(f"{head}Authorization: Bearer {person.token}\r\n\r\n".encode())
    return connection


async def test_a_long_answer_is_completed_and_memory_bounded_when_readers_stall(
    server: LiveServer, token: str
) -> None:
    person = Person(server, token)
    before = resident_megabytes(server)
    started = await person.start(f"[[chunks:{CHUNKS}:0]] Long")
    readers = [stalled_reader(server, person, started["streamId"]) for _ in range(50)]
    await becomes_idle(person)
    (answer,) = await person.answers(started["streamId"])
    assert (text_in(answer), answer["unfinished"]) == (text_of_chunks(CHUNKS), False)
    late = Screen()
    assert await person.watch(started["streamId"], late)
    assert late.final_text == text_of_chunks(CHUNKS)
    # 50 copies of the stream would be several times this.
    assert resident_megabytes(server) - before < 150
    for reader in readers:
        reader.close()


async def test_the_provider_is_left_in_peace_when_an_answer_is_stopped(
    server: LiveServer, token: str, fake_url: str
) -> None:
    person = Person(server, token)
    ids = [(await person.start("[[silence]] hi"))["streamId"] for _ in range(10)]
    async with asyncio.timeout(10):
        while upstream(fake_url) < 10:
            await asyncio.sleep(0.02)
    answers = await asyncio.gather(*map(person.abort, ids))
    assert {answer.status_code for answer in answers} == {200}
    async with asyncio.timeout(10):
        while upstream(fake_url):
            await asyncio.sleep(0.02)


async def test_answers_go_on_when_people_leave_before_the_first_byte(
    server: LiveServer, token: str
) -> None:
    person = Person(server, token)
    started = await person.start("[[slow-first:1]] [[say:There you are]]")
    for _ in range(20):
        stalled_reader(server, person, started["streamId"]).close()
    screen = Screen()
    assert await person.watch(started["streamId"], screen)
    assert screen.final_text == "There you are"
