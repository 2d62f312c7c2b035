"""Limits that hold over all processes, on the database alone and on Redis.

Two limiters are what two processes have: each its own blocks, one home of the counters.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librechat_backend.lib.aio import in_database
from librechat_backend.lib.ids import new_object_id
from tests.conversations.chat.logs import REDIS_URL, redis_is_there
from usage import limits as module
from usage.counters import Bucket, drawn, refilled
from usage.counters_database import DatabaseCounters
from usage.counters_redis import RedisCounters
from usage.limits import Grant, Limit, Limiter, LimitReached, Measure
from usage.models import LimitPlace

pytestmark = pytest.mark.django_db(transaction=True)

MakeLimiter = Callable[[], Limiter]

# Redis is shared with tests that run beside this one.
_key = f"token:{new_object_id()}"


@pytest.fixture(autouse=True)
def _new_key() -> None:
    global _key
    _key = f"token:{new_object_id()}"


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)])
async def make_limiter(request: pytest.FixtureRequest) -> AsyncIterator[MakeLimiter]:
    made: list[Limiter] = []
    if request.param == "redis":
        if not redis_is_there():
            pytest.skip("NO REDIS: limits on Redis are not tested")

    def make() -> Limiter:
        fast: Any = RedisCounters(REDIS_URL) if request.param == "redis" else DatabaseCounters()
        made.append(Limiter(fast, DatabaseCounters()))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


def limit(measure: Measure, amount: int, **fields: Any) -> Limit:
    return Limit(_key, measure, amount, "The API key 't'", **fields)


async def count(limiters: list[Limiter], limits: list[Limit], tries: int, tokens: int = 1) -> int:
    """How many of ``tries`` requests at once, spread over the limiters, are let in."""

    async def one(number: int) -> bool:
        try:
            await limiters[number % len(limiters)].acquire(limits, tokens=tokens)
        except LimitReached:
            return False
        return True

    return sum(await asyncio.gather(*(one(number) for number in range(tries))))


async def test_requests_are_limited_over_two_processes(make_limiter: MakeLimiter) -> None:
    limiters = [make_limiter(), make_limiter()]
    allowed = limit(Measure.REQUESTS, 10)
    assert await count(limiters, [allowed], 40) == 10
    with pytest.raises(LimitReached, match="'t' allows 10 requests a minute") as reached:
        await limiters[0].acquire([allowed], tokens=1)
    assert reached.value.retry_after_seconds is not None
    assert 0 < reached.value.retry_after_seconds <= 6


async def test_large_limits_are_drawn_in_blocks_and_still_hold(make_limiter: MakeLimiter) -> None:
    limiters = [make_limiter(), make_limiter()]
    # 600 a minute: ten a second come back while the test runs.
    assert 600 <= await count(limiters, [limit(Measure.REQUESTS, 600)], 900) <= 680


async def test_tokens_are_charged_when_they_are_known(make_limiter: MakeLimiter) -> None:
    first, second = make_limiter(), make_limiter()
    allowed = limit(Measure.TOKENS, 1000)
    grant = await first.acquire([allowed], tokens=10)
    grant.settle(5000)
    await first._pay_debts()
    for limiter in (first, second):
        with pytest.raises(LimitReached):
            await limiter.acquire([allowed], tokens=10)


async def test_tokens_that_were_not_used_come_back(make_limiter: MakeLimiter) -> None:
    limiter = make_limiter()
    allowed = limit(Measure.TOKENS, 1000)
    for _ in range(5):
        grant = await limiter.acquire([allowed], tokens=900)
        grant.settle(0)


async def test_places_are_limited_over_two_processes(make_limiter: MakeLimiter) -> None:
    limiters = [make_limiter(), make_limiter()]
    allowed = [limit(Measure.PARALLEL, 3)]
    grants: list[Grant] = []
    for number in range(3):
        grants.append(await limiters[number % 2].acquire(allowed, tokens=1))
    with pytest.raises(LimitReached, match="allows 3 requests at once"):
        await limiters[0].acquire(allowed, tokens=1)
    grants[1].settle(1)
    await limiters[1].acquire(allowed, tokens=1)


async def test_next_request_finds_the_place_its_predecessor_left(make_limiter: MakeLimiter) -> None:
    limiter = make_limiter()
    for _ in range(20):
        (await limiter.acquire([limit(Measure.PARALLEL, 1)], tokens=1)).settle(1)


async def test_refused_request_takes_nothing(make_limiter: MakeLimiter) -> None:
    limiter = make_limiter()
    both = [limit(Measure.REQUESTS, 5), limit(Measure.TOKENS, 100)]
    for _ in range(20):
        with pytest.raises(LimitReached):
            await limiter.acquire(both, tokens=200)
    for _ in range(5):
        await limiter.acquire(both, tokens=1)


async def test_quota_is_kept_when_processes_end(make_limiter: MakeLimiter) -> None:
    end = datetime(2126, 1, 1, tzinfo=UTC)
    quota = limit(Measure.QUOTA, 6000, resets_at=end)
    limiter = make_limiter()
    (await limiter.acquire([quota], tokens=100)).settle(2500)
    await limiter.close()
    other = make_limiter()
    (await other.acquire([quota], tokens=100)).settle(3400)
    await other.close()
    third = make_limiter()
    with pytest.raises(LimitReached, match="6000 tokens, is used up. It begins anew at 2126-01-01"):
        await third.acquire([quota], tokens=101)
    await third.acquire([quota], tokens=100)


async def test_quota_is_not_overspent_by_many_at_once(make_limiter: MakeLimiter) -> None:
    limiters = [make_limiter(), make_limiter()]
    assert await count(limiters, [limit(Measure.QUOTA, 1000)], 60, tokens=100) == 10


async def test_places_of_a_dead_process_are_given_back(
    make_limiter: MakeLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Limiter(DatabaseCounters(), DatabaseCounters())
    await dead.acquire([limit(Measure.PARALLEL, 1)], tokens=1)
    await in_database(LimitPlace.objects.update, expires_at=datetime(2001, 1, 1, tzinfo=UTC))
    alive = Limiter(DatabaseCounters(), DatabaseCounters())
    await alive.acquire([limit(Measure.PARALLEL, 1)], tokens=1)
    for limiter in (dead, alive):
        await limiter.close()


async def test_request_costs_no_query_when_the_block_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter(DatabaseCounters(), DatabaseCounters())
    allowed = [limit(Measure.REQUESTS, 60_000)]
    await limiter.acquire(allowed, tokens=1)
    monkeypatch.setattr(limiter, "_fast", None)
    for _ in range(900):
        await limiter.acquire(allowed, tokens=1)
    monkeypatch.undo()
    await limiter.close()


@given(
    capacity=st.integers(1, 1000), level=st.floats(-1000, 1000),
    wanted=st.integers(1, 2000), least=st.integers(1, 2000),
)  # fmt: skip
def test_no_bucket_gives_more_than_it_has(
    capacity: int, level: float, wanted: int, least: int
) -> None:
    level = min(level, capacity)
    bucket = Bucket("b", capacity)
    taken = drawn(bucket, level, wanted=max(wanted, least), least=least)
    assert taken.granted == 0 or least <= taken.granted <= max(int(level), 0)
    assert taken.left == level - taken.granted
    if not taken.granted and least <= capacity:
        assert taken.wait_seconds is not None
        assert refilled(bucket, level, taken.wait_seconds) >= least - 1e-6


def test_blocks_are_small_beside_the_limit() -> None:
    assert module.BLOCKS * module.HOLD_SECONDS >= 60
