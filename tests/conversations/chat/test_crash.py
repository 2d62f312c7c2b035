"""kill -9 and SIGTERM at every position of a turn, in a real process."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.conversations.chat.live_chat import (
    Person,
    Running,
    provider_env,
    signed_in,
    text_in,
    text_of_chunks,
)
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database

CHUNKS, PAUSE_SECONDS = 6, 0.15
QUESTION = f"[[chunks:{CHUNKS}:{PAUSE_SECONDS}]] Count for me"
WHOLE = text_of_chunks(CHUNKS)


@pytest.fixture(scope="module")
def fake_url() -> Iterator[str]:
    with start_fake_provider() as url:
        yield url


@pytest.fixture
def server(fake_url: str) -> Iterator[LiveServer]:
    with live_server(env={**provider_env(fake_url), "DATABASE_URL": "", "REDIS_URL": ""}) as server:
        yield server


async def begin_at_every_position(person: Person) -> Running:
    """For each number of words an answer that has said so many and goes on, as their readers see
    it; before the first word and after the last, too."""
    running = Running(person)
    for count in range(CHUNKS + 1):
        await running.begin(f"[[chunks:{count}]] [[silence]] Count for me", 1, 0)
    for count, screen in enumerate(running.screens.values()):
        await until(lambda: len(screen.text.split()) == count)  # noqa: B023 - awaited here
    return running


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


async def assert_all_is_kept(person: Person, running: Running) -> None:
    """The rows hold at least what each reader saw, once, and say whether it is the whole."""
    for stream_id, screen in running.screens.items():
        (answer,) = await person.answers(stream_id)
        stored = text_in(answer)
        assert stored.startswith(screen.text), (stored, screen.text)
        assert WHOLE.startswith(stored)
        assert answer["unfinished"] is (stored != WHOLE) or answer["unfinished"]
        assert (await person.status(stream_id))["active"] is False
        assert (await person.get(f"/api/agents/chat/stream/{stream_id}")).status_code in {200, 404}
        assert await person.title(stream_id) != "New Chat"
    assert (await person.get("/api/agents/chat/active")).json() == {"activeJobIds": []}


async def test_everything_seen_is_kept_when_the_server_is_killed_at_any_position(
    server: LiveServer,
) -> None:
    person = signed_in(server)
    running = await begin_at_every_position(person)
    server.kill()
    assert not any(await running.ended())
    server.start()
    await assert_all_is_kept(person, running)
    # A conversation that was cut goes on as any other.
    cut = running.ids[-2]
    (answer,) = await person.answers(cut)
    again = await person.start(
        "[[say:Again]]", conversationId=cut, parentMessageId=answer["messageId"]
    )
    assert again["status"] == "started"
    await person.close()


async def test_open_streams_get_their_end_when_the_server_stops(server: LiveServer) -> None:
    person = signed_in(server)
    slow = await person.start("[[chunks:50:0.5]] Slowly")
    running = Running(person)
    await running.begin(QUESTION, 2 * CHUNKS + 6, PAUSE_SECONDS / 2)
    code = await asyncio.to_thread(server.stop)
    assert code == 0
    assert all(await running.ended()), "a stream was cut"
    for screen in running.screens.values():
        assert screen.final is not None
        assert screen.text == screen.final_text
    server.start()
    await assert_all_is_kept(person, running)
    (answer,) = await person.answers(slow["streamId"])
    assert answer["unfinished"] is True
    await person.close()


async def test_turns_that_begin_are_all_answered_when_the_server_is_killed_again_and_again(
    server: LiveServer,
) -> None:
    """Starts cut at any moment: nothing runs for ever, nothing is there twice."""
    person = signed_in(server)
    for delay in (0.0, 0.01, 0.02, 0.05):
        starts = [asyncio.create_task(person.start("[[chunks:3:0.1]] Hi")) for _ in range(8)]
        await asyncio.sleep(delay)
        server.kill()
        await asyncio.gather(*starts, return_exceptions=True)
        server.start()
        assert (await person.get("/api/agents/chat/active")).json() == {"activeJobIds": []}
        chats = (await person.get("/api/convos")).json()["conversations"]
        for chat in chats:
            assert len(await person.answers(chat["conversationId"])) == 1
            assert chat["title"] != "New Chat"
    await person.close()
