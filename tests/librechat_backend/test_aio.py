"""The threads of the database, and what belongs to an event loop."""

import asyncio
import threading

import pytest

from librechat_backend.lib.aio import DATABASE_THREADS, close_database_threads, in_database
from librechat_backend.lib.per_loop import PerLoop

pytestmark = pytest.mark.django_db(transaction=True)


async def test_answer_and_error_reach_who_asked() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    assert await in_database(int, "7", base=8) == 7
    with pytest.raises(LookupError, match="nothing there"):
        await in_database(fail)


async def test_slow_work_keeps_nobody_waiting_while_there_are_threads() -> None:
    held = threading.Event()
    waiting = [asyncio.ensure_future(in_database(held.wait)) for _ in range(DATABASE_THREADS - 1)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        assert await in_database(threading.current_thread) is not threading.current_thread()
    held.set()
    assert all(await asyncio.gather(*waiting))


async def test_there_are_no_more_threads_than_allowed() -> None:
    names = await asyncio.gather(*(in_database(_slow_name) for _ in range(5 * DATABASE_THREADS)))
    assert len(set(names)) <= DATABASE_THREADS


def _slow_name() -> str:
    threading.Event().wait(0.002)
    return threading.current_thread().name


async def test_work_of_somebody_who_left_is_not_begun() -> None:
    held = threading.Event()
    done: list[str] = []
    busy = [asyncio.ensure_future(in_database(held.wait)) for _ in range(DATABASE_THREADS)]
    await asyncio.sleep(0.05)
    left = asyncio.ensure_future(in_database(done.append, "left"))
    await asyncio.sleep(0)
    left.cancel()
    held.set()
    await asyncio.gather(*busy)
    await in_database(done.append, "stayed")
    assert done == ["stayed"]


async def test_threads_end_with_their_connections_and_begin_anew() -> None:
    first = await in_database(threading.current_thread)
    await asyncio.to_thread(close_database_threads)
    assert not first.is_alive()
    assert await in_database(threading.current_thread) is not first


def test_each_loop_has_a_value_of_its_own() -> None:
    made = PerLoop(list[str])

    async def use(word: str) -> list[str]:
        assert made.find() is None
        made.get().append(word)
        assert made.get() is made.find()
        return made.get()

    assert asyncio.run(use("a")) == ["a"]
    assert asyncio.run(use("b")) == ["b"]


async def test_value_that_was_taken_is_made_anew() -> None:
    made = PerLoop(list[str])
    first = made.get()
    assert made.pop() is first
    assert made.pop() is None
    assert made.get() is not first
