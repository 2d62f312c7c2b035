"""Shared counters in Redis. Its clock counts, so that processes need not agree on theirs."""

from typing import Any

from redis.asyncio import Redis

from usage.counters import SLOT_SECONDS, Bucket, Taken, drawn

PREFIX = "limits:"
# A bucket that nobody touched for so long is full again.
_FORGET_SECONDS = 3600

# KEYS: bucket. ARGV: capacity, seconds of a refill, wanted, least, seconds to keep it.
# Returns what was granted and the level it was drawn from.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local capacity, per = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, least = tonumber(ARGV[3]), tonumber(ARGV[4])
local row = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(row[1] or capacity), tonumber(row[2] or now)
level = math.min(capacity, level + math.max(now - at, 0) * capacity / per)
local granted = 0
if level >= least then granted = math.min(wanted, math.max(math.floor(level), least)) end
redis.call('HSET', KEYS[1], 'level', tostring(level - granted), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {granted, tostring(level)}
"""

# KEYS: places. ARGV: limit, holder, seconds.
_ENTER = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""

# KEYS: places. ARGV: seconds, holders.
_RENEW = """
local until_ = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', until_, ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""


class RedisCounters:
    """For buckets that refill: Redis may forget, and what is full again is no loss."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url)
        self._take = self._redis.register_script(_TAKE)
        self._enter = self._redis.register_script(_ENTER)
        self._renew = self._redis.register_script(_RENEW)

    async def take(self, bucket: Bucket, *, wanted: int, least: int) -> Taken:
        granted, level = await self._draw(bucket, wanted, least)
        if granted:
            return Taken(granted, level - granted)
        return drawn(bucket, min(level, least - 1e-9), wanted=wanted, least=least)

    async def spend(self, bucket: Bucket, amount: int) -> None:
        await self._draw(bucket, amount, -(2**53))

    async def _draw(self, bucket: Bucket, wanted: int, least: int) -> tuple[int, float]:
        arguments: Any = [bucket.capacity, bucket.per_seconds, wanted, least, _FORGET_SECONDS]
        granted, level = await self._take(keys=[PREFIX + bucket.key], args=arguments)
        return int(granted), float(level)

    async def enter(self, key: str, *, limit: int, holder: str) -> bool:
        arguments: Any = [limit, holder, int(SLOT_SECONDS)]
        return bool(await self._enter(keys=[PREFIX + key], args=arguments))

    async def leave(self, key: str, *, holder: str) -> None:
        await self._redis.zrem(PREFIX + key, holder)

    async def renew(self, places: dict[str, str]) -> None:
        for key in set(places.values()):
            holders = [holder for holder, held in places.items() if held == key]
            arguments: Any = [int(SLOT_SECONDS), *holders]
            await self._renew(keys=[PREFIX + key], args=arguments)

    async def close(self) -> None:
        await self._redis.aclose()
