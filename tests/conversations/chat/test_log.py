"""One suite for both event logs: memory with a journal, and Redis Streams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.chat.events import Titled, TurnEvent
from conversations.chat.log import base
from conversations.chat.log.base import EventLog, UnknownGeneration
from conversations.chat.log.memory import MemoryLog
from conversations.chat.log.redis import RedisLog
from tests.conversations.chat.logs import (
    REDIS_URL,
    append_slowly,
    created,
    finished,
    generation,
    read_all,
    redis_is_there,
    whole_turn,
    words,
)

KINDS = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


def make_log(kind: str, directory: Path, retention_seconds: float = 60) -> EventLog:
    if kind == "memory":
        return MemoryLog(directory, retention_seconds=retention_seconds)
    if not redis_is_there():
        pytest.skip(f"NO REDIS at {REDIS_URL}: the log of several processes is not tested")
    return RedisLog(REDIS_URL, retention_seconds=retention_seconds)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def log(kind: str, tmp_path: Path) -> AsyncIterator[EventLog]:
    log = make_log(kind, tmp_path)
    yield log
    await log.close()


async def test_all_events_come_in_order_when_read_after_the_end(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    await log.append(id, turn)
    assert await read_all(log, id) == turn


async def test_events_survive_the_log_unchanged_when_they_hold_any_text(log: EventLog) -> None:
    id = generation()
    await log.append(id, [created()])
    assert await log.snapshot(id) == [created()]


@pytest.mark.parametrize("after", range(9))
async def test_exactly_the_rest_comes_when_read_after_a_number(log: EventLog, after: int) -> None:
    turn, id = whole_turn(), generation()
    await append_slowly(log, id, turn)
    assert await read_all(log, id, after=after) == turn[after:]


@pytest.mark.parametrize("after", range(9))
async def test_exactly_the_rest_comes_when_reading_begins_in_mid_turn(
    log: EventLog, after: int
) -> None:
    turn, id = whole_turn(), generation()
    await log.append(id, turn[:3])
    reading = asyncio.create_task(read_all(log, id, after=after))
    await asyncio.sleep(0)
    await append_slowly(log, id, turn[3:])
    assert await asyncio.wait_for(reading, 5) == turn[after:]


async def test_readers_wake_when_the_log_grows(log: EventLog) -> None:
    id = generation()
    await log.append(id, [created()])
    async with aclosing(log.read(id)) as batches:
        assert await anext(batches) == [created()]
        growth = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0.05)
        assert not growth.done()
        await log.append(id, words(2))
        assert await asyncio.wait_for(growth, 5) == words(2)


async def test_each_of_many_readers_gets_everything_whenever_it_comes(log: EventLog) -> None:
    turn, id = whole_turn(40), generation()
    await log.append(id, turn[:1])
    readers = []
    for event in turn[1:]:
        readers.append(asyncio.create_task(read_all(log, id)))
        await log.append(id, [event])
    readers.append(asyncio.create_task(read_all(log, id)))
    assert await asyncio.wait_for(asyncio.gather(*readers), 10) == [turn] * len(readers)


async def test_the_rest_still_comes_when_another_reader_leaves(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    await log.append(id, turn[:2])
    leaving = [asyncio.create_task(read_all(log, id)) for _ in range(5)]
    staying = asyncio.create_task(read_all(log, id))
    for reader, event in zip(leaving, turn[2:], strict=False):
        reader.cancel()
        await log.append(id, [event])
    await log.append(id, turn[7:])
    assert await asyncio.wait_for(staying, 5) == turn


async def test_the_others_are_served_when_the_first_reader_leaves_at_once(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    await log.append(id, turn)
    for steps in range(6):
        first = asyncio.create_task(read_all(log, id))
        second = asyncio.create_task(read_all(log, id))
        for _ in range(steps):
            await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.wait_for(second, 5) == turn


async def test_the_snapshot_is_what_there_is(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    for count in range(1, len(turn) + 1):
        await log.append(id, turn[count - 1 : count])
        assert await log.snapshot(id) == turn[:count]


async def test_unknown_generation_is_raised_when_nothing_was_written(log: EventLog) -> None:
    id = generation()
    with pytest.raises(UnknownGeneration):
        await log.snapshot(id)
    for _ in range(2):
        with pytest.raises(UnknownGeneration):
            await read_all(log, id)
    assert await log.recover(id) == []


async def test_the_log_can_be_read_when_it_was_asked_for_too_early(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    early = [asyncio.create_task(read_all(log, id)) for _ in range(3)]
    await asyncio.gather(*early, return_exceptions=True)
    await log.append(id, turn)
    assert await asyncio.wait_for(read_all(log, id), 5) == turn


async def test_nothing_follows_the_end_when_a_title_comes_late(log: EventLog) -> None:
    turn, id = whole_turn(), generation()
    await log.append(id, turn)
    try:
        await log.append(id, [Titled("late")])
    except base.LogLost:
        pass
    assert await log.snapshot(id) == turn


async def test_no_event_is_lost_when_title_and_answer_are_written_at_once(log: EventLog) -> None:
    id, text = generation(), words(50)
    await log.append(id, [created()])
    titles: list[TurnEvent] = [Titled(str(number)) for number in range(50)]
    await asyncio.gather(append_slowly(log, id, text), append_slowly(log, id, titles))
    events = (await log.snapshot(id))[1:]
    assert [event for event in events if event in text] == text
    assert [event for event in events if event in titles] == titles
    assert len(events) == 100


async def test_an_empty_list_comes_when_nothing_happens(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "IDLE_SECONDS", 0.02)
    id = generation()
    await log.append(id, [created()])
    async with aclosing(log.read(id)) as batches:
        got = [await asyncio.wait_for(anext(batches), 5) for _ in range(3)]
        assert got == [[created()], [], []]
        await log.append(id, [finished()])
        while not (batch := await asyncio.wait_for(anext(batches), 5)):
            pass
        assert batch == [finished()]


async def test_waiting_for_readers_ends_when_the_last_one_has_the_end(log: EventLog) -> None:
    id = generation()
    await log.append(id, [created()])
    got: list[TurnEvent] = []

    async def read_slowly() -> None:
        async with aclosing(log.read(id)) as batches:
            async for batch in batches:
                await asyncio.sleep(0.05)
                got.extend(batch)

    reader = asyncio.create_task(read_slowly())
    await asyncio.sleep(0.02)
    waiting = asyncio.create_task(log.wait_until_read(id))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await log.append(id, [finished()])
    await asyncio.wait_for(waiting, 5)
    assert got == [created(), finished()]
    await reader


async def test_waiting_for_readers_ends_at_once_when_there_are_none(log: EventLog) -> None:
    id = generation()
    await asyncio.wait_for(log.wait_until_read(id), 1)
    await log.append(id, whole_turn())
    await asyncio.wait_for(log.wait_until_read(id), 1)


async def test_a_finished_log_is_forgotten_when_its_time_is_over(kind: str, tmp_path: Path) -> None:
    log, id = make_log(kind, tmp_path, retention_seconds=0.1), generation()
    await log.append(id, whole_turn())
    assert await read_all(log, id) == whole_turn()
    await asyncio.sleep(1.3)  # Redis counts whole seconds
    with pytest.raises(UnknownGeneration):
        await log.snapshot(id)
    with pytest.raises(UnknownGeneration):
        await read_all(log, id)
    await log.close()


@pytest.mark.parametrize("count", range(1, 8))
async def test_another_process_finds_everything_when_the_writer_died(
    kind: str, tmp_path: Path, count: int
) -> None:
    turn, id = whole_turn(), generation()
    dead, heir = make_log(kind, tmp_path), make_log(kind, tmp_path)
    await dead.append(id, turn[:count])
    assert await heir.recover(id) == turn[:count]
    await heir.append(id, turn[-1:])
    assert await read_all(heir, id) == [*turn[:count], turn[-1]]
    for log in (dead, heir):
        await log.close()


async def test_no_task_is_left_when_the_log_is_closed(kind: str, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    log, id, other = make_log(kind, tmp_path), generation(), generation()
    await log.append(id, whole_turn())
    await read_all(log, id)
    await log.append(other, [created()])
    reader = asyncio.create_task(read_all(log, other))
    await asyncio.sleep(0.05)
    reader.cancel()
    await asyncio.wait({reader})
    await log.close()
    assert asyncio.all_tasks() == before


Play = Callable[[EventLog, EventLog, str], Awaitable[None]]


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    readers=st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 30), st.integers(0, 3), st.booleans()),
        max_size=12,
    ),
)
def test_every_reader_gets_exactly_the_suffix_whatever_the_interleaving(
    kind: str,
    tmp_path: Path,
    batches: list[int],
    readers: list[tuple[int, int, int, bool]],
) -> None:
    """Readers come before a batch, begin after a number and pause; one may leave at its start."""

    async def play() -> None:
        writer = make_log(kind, tmp_path)
        reading = writer if kind == "memory" else make_log(kind, tmp_path)
        id, tasks = generation(), []
        turn: list[TurnEvent] = [created()]
        await writer.append(id, turn)
        for step, size in enumerate(batches):
            for at, after, pause, leaves in readers:
                if at == step:
                    task = asyncio.create_task(read_all(reading, id, after=after))
                    for _ in range(pause):
                        await asyncio.sleep(0)
                    if leaves:
                        task.cancel()
                    else:
                        tasks.append((after, task))
            batch = words(size, start=len(turn))
            turn.extend(batch)
            await writer.append(id, batch)
        turn.append(finished())
        await writer.append(id, turn[-1:])
        for after, task in tasks:
            assert await asyncio.wait_for(task, 5) == turn[after:]
        await reading.close()
        await writer.close()

    asyncio.run(play())
