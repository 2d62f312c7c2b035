"""The event log of several processes: one Redis stream a generation.

The owner writes each event under its own number, so a second writer is refused by Redis. Readers
of a process share one buffer a generation, and one blocking read fills all buffers; so ten
thousand readers cost one connection, and resuming works in any process.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from conversations.chat.events import TurnEvent, from_record, is_terminal, to_record
from conversations.chat.log.base import RETENTION_SECONDS, Buffer, LogLost, UnknownGeneration
from librechat_backend.lib import aio
from librechat_backend.lib.ids import new_object_id

RECONNECT_SECONDS = 0.5
BLOCK_SECONDS = 1.0
# A stream whose owner died is removed by Redis itself after this time.
ABANDONED_SECONDS = 24 * 3600
# Commands beyond this number wait for their turn.
MAX_CONNECTIONS = 32
RETRIES = 5
# One finds out what Redis has, the next writes the rest, one is for a start of Redis between them.
WRITE_ATTEMPTS = 3

# All events or none, and only behind the number the writer knows as the last.
_APPEND = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = newest and tonumber(string.match(newest[1], '^%d+')) or 0
if last ~= tonumber(ARGV[1]) then return 0 end
for i = 3, #ARGV do redis.call('XADD', KEYS[1], (last + i - 2) .. '-0', 'event', ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""

log = structlog.get_logger(__name__)


class _Writer:
    """What this process has written. One append at a time: a title may come beside the answer.

    ``records`` follow the number ``first`` (None: not known yet), and Redis has those up to
    ``last``. All are kept: a Redis that starts anew knows nothing, and is told again.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.records: list[bytes] = []
        self.first: int | None = None
        self.last = 0
        self.rests_until = 0.0
        self.is_closed = False


class RedisLog:
    """See :class:`EventLog`."""

    def __init__(self, url: str, *, retention_seconds: float = RETENTION_SECONDS) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            protocol=2,
            retry=Retry(ExponentialBackoff(cap=1, base=0.01), RETRIES),
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._append = self._redis.register_script(_APPEND)
        self._retention_seconds = retention_seconds
        self._writers: dict[str, _Writer] = {}
        # Those somebody reads; they are dropped with their last reader.
        self._buffers: dict[str, Buffer] = {}
        self._filling: asyncio.Task[None] | None = None
        self._wake_key = f"librechat:wake:{new_object_id()}"
        self._woken = b"0-0"
        self._tasks: set[asyncio.Task[None]] = set()

    # -- writing ---------------------------------------------------------------------------

    async def append(self, generation_id: str, events: Sequence[TurnEvent]) -> None:
        """While Redis is away the answer goes on, and its readers get the rest later. The last
        event is tried until the caller gives up."""
        writer = self._writers.setdefault(generation_id, _Writer())
        async with writer.lock:
            if writer.is_closed:
                return  # a late title: its row has it
            writer.records += map(to_record, events)
            is_over = any(map(is_terminal, events))
            try:
                if is_over:
                    await self._write_end(_key(generation_id), writer)
                else:
                    await self._try_to_write(_key(generation_id), writer, ABANDONED_SECONDS)
            except LogLost:
                is_over = True
                raise
            finally:
                if is_over:
                    writer.is_closed = True
                    self._writers.pop(generation_id, None)

    async def _write_end(self, key: str, writer: _Writer) -> None:
        seconds = int(self._retention_seconds) + 1
        while not await self._try_to_write(key, writer, seconds):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _try_to_write(self, key: str, writer: _Writer, seconds: int) -> bool:
        """False while Redis is away, which is asked now and then only. Raises LogLost."""
        if monotonic() < writer.rests_until:
            return False
        try:
            await self._write(key, writer, seconds)
        except RedisError as error:
            log.warning("redis_connection_lost", reason=str(error))
            writer.rests_until = monotonic() + RECONNECT_SECONDS
            return False
        return True

    async def _write(self, key: str, writer: _Writer, seconds: int) -> None:
        """All that Redis does not have yet."""
        if writer.first is None:
            writer.first = writer.last = await self._last_number(key)
        for _ in range(WRITE_ATTEMPTS):
            missing = writer.records[writer.last - writer.first :]
            if not missing:
                return
            if await self._append(keys=[key], args=[writer.last, seconds, *missing]):
                writer.last += len(missing)
                return
            # A command that is repeated because its connection broke finds its own work done.
            found = await self._records(key, after=writer.first)
            if found != writer.records[: len(found)]:
                break
            writer.last = writer.first + len(found)
        raise LogLost(key)

    async def _last_number(self, key: str) -> int:
        """Raises LogLost behind a terminal event."""
        newest: Any = await self._redis.xrevrange(key, count=1)
        if not newest:
            return 0
        ((entry_id, fields),) = newest
        if is_terminal(from_record(fields[b"event"])):
            raise LogLost(key)
        return _number(entry_id)

    # -- reading ---------------------------------------------------------------------------

    async def read(
        self, generation_id: str, *, after: int = 0
    ) -> AsyncGenerator[list[TurnEvent], None]:
        buffer = await self._buffer(generation_id)
        try:
            async with aclosing(buffer.follow(after)) as batches:
                async for events in batches:
                    yield events
        finally:
            if buffer.is_deserted and self._buffers.get(generation_id) is buffer:
                del self._buffers[generation_id]

    async def snapshot(self, generation_id: str) -> list[TurnEvent]:
        events = await self.recover(generation_id)
        if not events:
            raise UnknownGeneration(generation_id)
        return events

    async def recover(self, generation_id: str) -> list[TurnEvent]:
        return _events(await self._records(_key(generation_id), after=0))

    async def tidy(self) -> None:
        """Redis removes abandoned streams by itself."""

    async def wait_until_read(self, generation_id: str) -> None:
        if buffer := self._buffers.get(generation_id):
            after = len(buffer.events)
            _add(buffer, after, _events(await self._records(_key(generation_id), after)))
            await buffer.deserted()

    async def _records(self, key: str, after: int) -> list[bytes]:
        entries: Any = await self._redis.xrange(key, min=f"({after}-0")
        return [fields[b"event"] for _, fields in entries]

    async def _buffer(self, generation_id: str) -> Buffer:
        """Nothing is awaited behind the look into Redis, so that no reader before this one can
        drop the buffer meanwhile.
        """
        if buffer := self._buffers.get(generation_id):
            return buffer
        past = await self.snapshot(generation_id)
        buffer = self._buffers.setdefault(generation_id, Buffer())
        _add(buffer, 0, past)
        if not buffer.is_closed:
            self._ensure_filling()
        return buffer

    # -- filling the buffers ---------------------------------------------------------------

    def _ensure_filling(self) -> None:
        if self._filling is None or self._filling.done():
            self._filling = self._spawn(self._fill(), name="generations of other processes")
        else:
            self._spawn(self._wake(), name="wake")

    async def _fill(self) -> None:
        while positions := self._positions():
            try:
                await self._fill_once(positions)
            except RedisError as error:
                log.warning("redis_connection_lost", reason=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    def _positions(self) -> dict[str, str]:
        return {
            generation_id: f"{len(buffer.events)}-0"
            for generation_id, buffer in self._buffers.items()
            if not buffer.is_closed
        }

    async def _fill_once(self, positions: dict[str, str]) -> None:
        keys: dict[Any, Any] = {_key(id): position for id, position in positions.items()}
        keys[self._wake_key] = self._woken
        grown: Any = await self._redis.xread(keys, block=int(BLOCK_SECONDS * 1000))
        for key, entries in grown:
            first, generation_id = entries[0][0], key.decode().rpartition(":")[2]
            if key.decode() == self._wake_key:
                self._woken = entries[-1][0]
            elif buffer := self._buffers.get(generation_id):
                records = [fields[b"event"] for _, fields in entries]
                _add(buffer, _number(first) - 1, _events(records))

    async def _wake(self) -> None:
        """The read that blocks does not know of the newest buffer."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xadd(self._wake_key, {"": ""}, maxlen=1, approximate=False)
                pipe.expire(self._wake_key, 60)
                await pipe.execute()
        except RedisError as error:
            log.warning("redis_connection_lost", reason=str(error))

    # -- tasks -----------------------------------------------------------------------------

    def _spawn(self, job: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = aio.spawn(job, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        await aio.cancel(list(self._tasks))
        await self._redis.aclose()


def _add(buffer: Buffer, after: int, events: Sequence[TurnEvent]) -> None:
    """Take over ``events``, the ones that follow number ``after``; known ones are skipped."""
    fresh = events[len(buffer.events) - after :]
    if fresh and not buffer.is_closed:
        buffer.extend(fresh)


def _events(records: Iterable[bytes]) -> list[TurnEvent]:
    return [from_record(record) for record in records]


def _key(generation_id: str) -> str:
    return f"librechat:generation:{generation_id}"


def _number(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])
