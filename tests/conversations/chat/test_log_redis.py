"""What only several processes have: each ``RedisLog`` here stands for one process."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import redis.asyncio

from conversations.chat.log.base import LogLost
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

pytestmark = pytest.mark.redis


# Others use the same Redis: only connections of this name are counted and killed.
NAME = f"log-test-{uuid4().hex}"
NAMED_URL = f"{REDIS_URL}?client_name={NAME}"


@pytest.fixture
async def logs() -> AsyncIterator[list[RedisLog]]:
    if not redis_is_there():
        pytest.skip(f"NO REDIS at {REDIS_URL}: the log of several processes is not tested")
    made = [RedisLog(NAMED_URL) for _ in range(3)]
    yield made
    for log in made:
        await log.close()


@pytest.fixture
async def server(logs: list[RedisLog]) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(REDIS_URL) as connection:
        yield connection


async def connections(server: redis.asyncio.Redis) -> list[str]:
    return [client["id"] for client in await server.client_list() if client["name"] == NAME]


async def break_connections(server: redis.asyncio.Redis) -> int:
    ids = await connections(server)
    for id in ids:
        await server.client_kill_filter(_id=id)
    return len(ids)


@pytest.mark.parametrize("after", range(9))
async def test_any_process_serves_the_rest_when_another_one_writes(
    logs: list[RedisLog], after: int
) -> None:
    turn, id = whole_turn(), generation()
    await logs[0].append(id, turn[:2])
    readers = [asyncio.create_task(read_all(log, id, after=after)) for log in logs * 2]
    await append_slowly(logs[0], id, turn[2:])
    assert await asyncio.wait_for(asyncio.gather(*readers), 5) == [turn[after:]] * 6


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 2, 3])
async def test_nothing_of_a_second_writer_is_kept_or_announced_when_it_is_behind(
    logs: list[RedisLog], ahead: int, size: int
) -> None:
    """A batch that is longer than the distance must not get in with its tail."""
    old, new, other = logs
    id = generation()
    await old.append(id, [created()])
    reader = asyncio.create_task(read_all(other, id))
    await asyncio.sleep(0.02)
    await new.append(id, words(ahead))
    with pytest.raises(LogLost):
        await old.append(id, words(size, start=100))
    await new.append(id, [finished()])
    expected = [created(), *words(ahead), finished()]
    assert await asyncio.wait_for(reader, 5) == expected
    assert await new.snapshot(id) == expected


async def test_an_old_owner_writes_nothing_when_the_turn_was_ended_for_it(
    logs: list[RedisLog],
) -> None:
    old, new, _ = logs
    id = generation()
    await new.append(id, [finished()])
    with pytest.raises(LogLost):
        await old.append(id, [created()])
    assert await new.snapshot(id) == [finished()]


async def test_readers_get_everything_once_when_connections_to_redis_break(
    logs: list[RedisLog], server: redis.asyncio.Redis
) -> None:
    id, turn = generation(), [created(), *words(120), finished()]
    await logs[0].append(id, turn[:1])
    readers = [asyncio.create_task(read_all(log, id)) for log in logs]
    await asyncio.sleep(0.02)
    for number, event in enumerate(turn[1:]):
        if number % 10 == 5:
            assert await break_connections(server) >= 4
        await logs[0].append(id, [event])
        await asyncio.sleep(0.002)
    assert await asyncio.wait_for(asyncio.gather(*readers), 10) == [turn] * 3


async def test_the_end_still_comes_when_the_connection_breaks_just_before_it(
    logs: list[RedisLog], server: redis.asyncio.Redis
) -> None:
    for _ in range(10):
        id = generation()
        await logs[0].append(id, [created()])
        reader = asyncio.create_task(read_all(logs[1], id))
        await asyncio.sleep(0.01)
        await asyncio.gather(
            break_connections(server),
            logs[0].append(id, [finished()]),
        )
        assert await asyncio.wait_for(reader, 5) == [created(), finished()]


async def test_an_append_is_not_doubled_when_its_reply_was_lost(
    logs: list[RedisLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What redis-py does with a broken connection: it sends the command once more."""
    log, id = logs[0], generation()
    send = log._append

    async def send_twice(**arguments: object) -> object:
        await send(**arguments)  # type: ignore[arg-type]
        return await send(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "_append", send_twice)
    await append_slowly(log, id, whole_turn())
    assert await logs[1].snapshot(id) == whole_turn()


async def test_two_hundred_generations_are_written_at_once_through_few_connections(
    logs: list[RedisLog],
) -> None:
    ids = [generation() for _ in range(200)]
    await asyncio.gather(*(append_slowly(logs[0], id, whole_turn()) for id in ids))
    read = await asyncio.gather(*(read_all(logs[1], id) for id in ids))
    assert read == [whole_turn()] * 200


async def test_no_connection_is_left_when_the_log_is_closed(
    logs: list[RedisLog], server: redis.asyncio.Redis
) -> None:
    log, id = logs[0], generation()
    await log.append(id, [created()])
    reader = asyncio.create_task(read_all(log, id))
    await asyncio.sleep(0.05)
    assert await connections(server)
    await log.append(id, [finished()])
    await reader
    await log.close()
    async with asyncio.timeout(5):
        while await connections(server):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.02)


async def test_nothing_is_kept_in_the_process_when_its_readers_have_gone(
    logs: list[RedisLog],
) -> None:
    ids = [generation() for _ in range(5)]
    for id in ids:
        await logs[0].append(id, whole_turn())
        await read_all(logs[1], id)
    unfinished = generation()
    await logs[0].append(unfinished, [created()])
    reader = asyncio.create_task(read_all(logs[1], unfinished))
    await asyncio.sleep(0.02)
    assert list(logs[1]._buffers) == [unfinished]
    reader.cancel()
    await asyncio.wait({reader})
    assert logs[1]._buffers == {}
    assert list(logs[0]._writers) == [unfinished]


async def test_readers_miss_nothing_when_redis_forgets_everything(
    logs: list[RedisLog], server: redis.asyncio.Redis
) -> None:
    """As it does when it starts anew and keeps nothing on a disk."""
    id, turn = generation(), whole_turn(8)
    await logs[0].append(id, turn[:1])
    readers = [asyncio.create_task(read_all(log, id)) for log in logs]
    for number, event in enumerate(turn[1:]):
        await asyncio.sleep(0.01)
        if number % 3 == 1:
            await server.delete(f"librechat:generation:{id}")
        await logs[0].append(id, [event])
    assert await asyncio.wait_for(asyncio.gather(*readers), 5) == [turn] * 3
    assert await logs[1].snapshot(id) == turn


async def test_what_another_process_has_begun_is_not_written_anew(
    logs: list[RedisLog], server: redis.asyncio.Redis
) -> None:
    """Who took over knows the end alone, and no end may stand for the whole."""
    old, new, _ = logs
    id = generation()
    await old.append(id, [created()])
    await new.append(id, words(1))
    await server.delete(f"librechat:generation:{id}")
    with pytest.raises(LogLost):
        await new.append(id, words(1))


async def test_an_answer_goes_on_while_redis_is_away_and_is_read_when_it_is_back(
    logs: list[RedisLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    id, turn = generation(), whole_turn(30)
    await logs[0].append(id, turn[:2])
    reader = asyncio.create_task(read_all(logs[1], id))

    async def fail(**arguments: object) -> None:
        raise redis.asyncio.ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(logs[0], "_append", fail)
        async with asyncio.timeout(0.4):
            await append_slowly(logs[0], id, turn[2:-1])
        end = asyncio.create_task(logs[0].append(id, turn[-1:]))
        await asyncio.sleep(0.1)
        assert not end.done()
    await asyncio.wait_for(end, 5)
    assert await asyncio.wait_for(reader, 5) == turn
    assert logs[0]._writers == {}


async def test_the_end_is_given_up_when_redis_stays_away(
    logs: list[RedisLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = generation()
    await logs[0].append(id, [created()])

    async def fail(**arguments: object) -> None:
        raise redis.asyncio.ConnectionError("refused")

    monkeypatch.setattr(logs[0], "_append", fail)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await logs[0].append(id, [finished()])
    assert logs[0]._writers == {}
