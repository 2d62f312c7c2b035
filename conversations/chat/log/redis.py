"""The event log of several processes: one Redis stream a generation.

The owner writes each event under its own number, so a second writer is refused by Redis. Readers
of a process share one buffer a generation, filled from the stream whenever its owner announces
growth; so ten thousand readers cost one connection, and resuming works in any process.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError, ResponseError

from conversations.chat.events import TurnEvent, from_record, is_terminal, to_record
from conversations.chat.log.base import RETENTION_SECONDS, Buffer, LogLost, UnknownGeneration
from librechat_backend.lib import aio

RECONNECT_SECONDS = 1.0
# A stream whose owner died is removed by Redis itself after this time.
ABANDONED_SECONDS = 24 * 3600

log = structlog.get_logger(__name__)


class _Follower:
    """The buffer of one generation in this process, kept equal to its stream."""

    def __init__(self) -> None:
        self.buffer = Buffer()
        self.subscribed = asyncio.Event()

    def add(self, after: int, events: Sequence[TurnEvent]) -> None:
        """Take over ``events``, the ones that follow number ``after``; known ones are skipped."""
        fresh = events[len(self.buffer.events) - after :]
        if fresh and not self.buffer.is_closed:
            self.buffer.extend(fresh)


class RedisLog:
    """See :class:`EventLog`."""

    def __init__(self, url: str, *, retention_seconds: float = RETENTION_SECONDS) -> None:
        self._redis: Redis = Redis.from_url(url)
        self._retention_seconds = retention_seconds
        self._written: dict[str, int] = {}
        self._followers: dict[str, _Follower] = {}
        self._pubsub: PubSub | None = None
        self._listener: asyncio.Task[None] | None = None

    # -- writing ---------------------------------------------------------------------------

    async def append(self, generation_id: str, events: Sequence[TurnEvent]) -> None:
        key, last = _key(generation_id), await self._last_number(generation_id)
        is_last = any(is_terminal(event) for event in events)
        records = [to_record(event) for event in events]
        async with self._redis.pipeline(transaction=True) as pipe:
            for number, record in enumerate(records, start=last + 1):
                pipe.xadd(key, {"event": record}, id=f"{number}-0")
            pipe.expire(key, int(self._retention_seconds) + 1 if is_last else ABANDONED_SECONDS)
            pipe.publish(_channel(generation_id), b"\n".join([b"%d" % last, *records]))
            try:
                await pipe.execute()
            except ResponseError as error:
                raise LogLost(generation_id) from error
        self._written[generation_id] = last + len(records)
        if is_last:
            del self._written[generation_id]

    async def _last_number(self, generation_id: str) -> int:
        if generation_id not in self._written:
            newest = await self._redis.xrevrange(_key(generation_id), count=1)
            self._written[generation_id] = _number(newest[0][0]) if newest else 0
        return self._written[generation_id]

    # -- reading ---------------------------------------------------------------------------

    async def read(
        self, generation_id: str, *, after: int = 0
    ) -> AsyncGenerator[list[TurnEvent], None]:
        follower = await self._follow(generation_id)
        async for events in follower.buffer.follow(after):
            yield events

    async def snapshot(self, generation_id: str) -> list[TurnEvent]:
        events = await self.recover(generation_id)
        if not events:
            raise UnknownGeneration(generation_id)
        return events

    async def recover(self, generation_id: str) -> list[TurnEvent]:
        return await self._fetch(generation_id, after=0)

    async def tidy(self) -> None:
        """Redis removes abandoned streams by itself."""

    async def wait_until_read(self, generation_id: str) -> None:
        if follower := self._followers.get(generation_id):
            await self._catch_up(generation_id)
            await follower.buffer.deserted()

    async def _fetch(self, generation_id: str, *, after: int) -> list[TurnEvent]:
        entries = await self._redis.xrange(_key(generation_id), min=f"({after}-0")
        return [from_record(fields[b"event"]) for _, fields in entries]

    async def _follow(self, generation_id: str) -> _Follower:
        """The follower, made and filled by the first reader; others wait for that."""
        follower = self._followers.get(generation_id)
        if follower is None:
            follower = self._followers[generation_id] = _Follower()
            try:
                await self._subscribe(generation_id)
            except RedisError:
                del self._followers[generation_id]
                raise
        # From here on every announcement is heard, so one look now leaves no gap.
        await follower.subscribed.wait()
        await self._catch_up(generation_id)
        if not follower.buffer.events:
            await self._forget(generation_id)
            raise UnknownGeneration(generation_id)
        return follower

    async def _catch_up(self, generation_id: str) -> None:
        follower = self._followers.get(generation_id)
        if follower is None:
            return
        after = len(follower.buffer.events)
        self._add(generation_id, after, await self._fetch(generation_id, after=after))

    def _add(self, generation_id: str, after: int, events: Sequence[TurnEvent]) -> None:
        follower = self._followers.get(generation_id)
        if follower is None or follower.buffer.is_closed:
            return
        follower.add(after, events)
        if follower.buffer.is_closed:
            aio.spawn(self._forget_later(generation_id), name=f"forget {generation_id}")

    async def _forget_later(self, generation_id: str) -> None:
        await asyncio.sleep(self._retention_seconds)
        await self._forget(generation_id)

    async def _forget(self, generation_id: str) -> None:
        self._followers.pop(generation_id, None)
        if self._pubsub is not None:
            with suppress(RedisError):  # the listener subscribes anew to what is left
                await self._pubsub.unsubscribe(_channel(generation_id))

    # -- announcements ---------------------------------------------------------------------

    async def _subscribe(self, generation_id: str) -> None:
        if self._pubsub is None:
            self._pubsub = self._redis.pubsub()
            # One channel that stays, so that the listener always has something to wait for.
            await self._pubsub.subscribe(_channel("none"))
            self._listener = aio.spawn(self._listen(self._pubsub), name="generation announcements")
        await self._pubsub.subscribe(_channel(generation_id))

    async def _listen(self, pubsub: PubSub) -> None:
        while True:
            try:
                async for message in pubsub.listen():
                    await self._heard(message)
            except RedisError as error:
                log.warning("redis_connection_lost", reason=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)
                await self._catch_up_all()

    async def _heard(self, message: dict[str, Any]) -> None:
        generation_id = message["channel"].decode().rpartition(":")[2]
        follower = self._followers.get(generation_id)
        if follower is None:
            return
        if message["type"] == "subscribe":
            follower.subscribed.set()
        elif message["type"] == "message":
            await self._grew(generation_id, follower, message["data"])

    async def _grew(self, generation_id: str, follower: _Follower, announcement: bytes) -> None:
        """An announcement carries the events, so that in the ordinary case nobody asks Redis."""
        after, *records = announcement.split(b"\n")
        if int(after) <= len(follower.buffer.events):
            self._add(generation_id, int(after), [from_record(record) for record in records])
        else:
            await self._catch_up(generation_id)

    async def _catch_up_all(self) -> None:
        """After a lost connection: announcements may have been missed."""
        with suppress(RedisError):
            for generation_id in list(self._followers):
                await self._catch_up(generation_id)

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
        if self._pubsub is not None:
            await self._pubsub.aclose()
        await self._redis.aclose()


def _key(generation_id: str) -> str:
    return f"librechat:generation:{generation_id}"


def _channel(generation_id: str) -> str:
    return f"librechat:generation-grew:{generation_id}"


def _number(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])
