"""Two processes on PostgreSQL and Redis: what one runs, the other serves, resumes and stops."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from tests.conversations.chat.live_chat import (
    Person,
    Running,
    provider_env,
    signed_in,
    text_in,
    text_of_chunks,
    two_servers,
)
from tests.conversations.chat.reader import Screen
from tests.live import LiveServer
from tests.processes import start_fake_provider

pytestmark = pytest.mark.redis

CHUNKS, PAUSE_SECONDS = 6, 0.15
QUESTION = f"[[chunks:{CHUNKS}:{PAUSE_SECONDS}]] Count for me"
WHOLE = text_of_chunks(CHUNKS)
TURNS = 2 * CHUNKS + 6
# Without a heartbeat for 10 s a process counts as dead; looked at every 2 s.
TAKEN_OVER_SECONDS = 18


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[LiveServer, LiveServer]]:
    with start_fake_provider() as url, two_servers(provider_env(url)) as pair:
        yield pair


@pytest.fixture(scope="module")
def token(servers: tuple[LiveServer, LiveServer]) -> str:
    return signed_in(servers[0]).token


@pytest.fixture
def here(servers: tuple[LiveServer, LiveServer], token: str) -> Person:
    return Person(servers[0], token)


@pytest.fixture
def there(servers: tuple[LiveServer, LiveServer], token: str) -> Person:
    return Person(servers[1], token)


async def test_the_other_process_shows_the_whole_answer_when_joined_at_any_position(
    here: Person, there: Person
) -> None:
    running = Running(here)
    await running.begin(QUESTION, TURNS, PAUSE_SECONDS / 2, reader=there)
    states = [await there.status(stream_id) for stream_id in running.ids]
    resumed = {stream_id: Screen() for stream_id in running.ids}
    joined = [there.watch(stream_id, screen, resume=True) for stream_id, screen in resumed.items()]
    assert all(await asyncio.gather(*joined))
    assert all(await running.ended())
    for screen in (*running.screens.values(), *resumed.values()):
        assert screen.text == screen.final_text == WHOLE
    beginnings = {text_in({"content": s["aggregatedContent"]}) for s in states if s["active"]}
    assert len(beginnings) >= CHUNKS // 2, "too few positions were met"
    assert all(WHOLE.startswith(beginning) for beginning in beginnings)


async def test_the_other_process_stops_an_answer_at_any_position(
    here: Person, there: Person
) -> None:
    running = Running(here)
    await running.begin(QUESTION, TURNS, PAUSE_SECONDS / 2, reader=there)

    async def stop(stream_id: str) -> tuple[int, bool]:
        code = (await there.abort(stream_id)).status_code
        return code, running.screens[stream_id].final is not None

    stopped = await asyncio.gather(*map(stop, running.ids))
    assert {code for code, _ in stopped} <= {200, 404}
    assert all(told for code, told in stopped if code == 200)
    assert all(await running.ended())
    for stream_id, screen in running.screens.items():
        (answer,) = await there.answers(stream_id)
        assert text_in(answer) == screen.final_text == screen.text
        assert WHOLE.startswith(screen.text)
        assert answer["unfinished"] is True or screen.text == WHOLE
    lengths = {len(screen.text.split()) for screen in running.screens.values()}
    assert len(lengths) >= CHUNKS // 2, "too few positions were met"


async def test_the_other_process_replaces_an_answer(here: Person, there: Person) -> None:
    first, screen = await here.start("[[chunks:100:0.1]] Long"), Screen()
    watching = asyncio.create_task(here.watch(first["streamId"], screen))
    await asyncio.sleep(0.5)
    second = await there.start("[[say:New]]", conversationId=first["conversationId"])
    assert second["status"] == "started"
    assert await watching
    assert screen.answer["unfinished"] is True
    last = Screen()
    assert await here.watch(second["streamId"], last)
    assert last.final_text == "New"


async def test_one_generation_begins_when_both_processes_get_the_same_request(
    here: Person, there: Person
) -> None:
    starts = [
        person.start("[[chunks:4:0.1]]", clientRequestId="same") for person in [here, there] * 10
    ]
    answers = await asyncio.gather(*starts)
    assert len({answer["generationCreatedAt"] for answer in answers}) == 1
    assert sorted(answer["status"] for answer in answers) == ["resumed"] * 19 + ["started"]
    screens = [Screen() for _ in answers]
    for person, answer, screen in zip([here, there] * 10, answers, screens, strict=True):
        assert await person.watch(answer["streamId"], screen, resume=True)
        assert screen.final_text == text_of_chunks(4)


async def test_open_streams_hold_no_database_connection(
    servers: tuple[LiveServer, LiveServer], here: Person
) -> None:
    def connections() -> int:
        with psycopg.connect(servers[0].env["DATABASE_URL"]) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
            return int(row[0]) if row else -1

    running = Running(here)
    await running.begin("[[silence]] hi", 10, 0)
    await asyncio.sleep(1)
    before = connections()
    screens = [Screen() for _ in range(50)]
    watching = [
        asyncio.create_task(here.watch(running.ids[number % 10], screen, resume=True))
        for number, screen in enumerate(screens)
    ]
    await asyncio.sleep(1.5)
    assert all(screen.payloads for screen in screens)
    # The threads for queries may come into being meanwhile, but no more than there are.
    assert connections() <= max(before, 2 * (8 + 1) + 4)
    await asyncio.gather(*(here.abort(stream_id) for stream_id in running.ids))
    assert all(await asyncio.gather(*watching))
    assert all(await running.ended())


# The last one: it kills the first process.
async def test_readers_elsewhere_get_an_end_when_the_owner_is_killed_at_any_position(
    servers: tuple[LiveServer, LiveServer], here: Person, there: Person
) -> None:
    running = Running(here)
    await running.begin(QUESTION, TURNS, PAUSE_SECONDS / 2, reader=there)
    servers[0].kill()
    async with asyncio.timeout(TAKEN_OVER_SECONDS):
        assert all(await running.ended()), "a stream was cut"
    for stream_id, screen in running.screens.items():
        (answer,) = await there.answers(stream_id)
        assert screen.final is not None
        assert text_in(answer) == screen.text == screen.final_text
        assert answer["unfinished"] is True or screen.text == WHOLE
        assert (await there.status(stream_id))["active"] is False
        assert await there.title(stream_id) != "New Chat"
    lengths = {len(screen.text.split()) for screen in running.screens.values()}
    assert len(lengths) >= CHUNKS // 2, "too few positions were met"
    assert (await there.get("/api/agents/chat/active")).json() == {"activeJobIds": []}
    servers[0].start()
