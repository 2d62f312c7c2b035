"""The log of requests, written in batches beside the requests.

``record`` only appends to a queue. The queue is bounded by admission: a face waits for room before
it begins a request, so what has begun is always recorded. What is queued is lost by nothing but
the sudden death of the process, at most FLUSH_SECONDS of it.
"""

import asyncio
from collections import deque
from contextlib import suppress

import structlog
from django.db import Error

from librechat_backend.lib.aio import cancel, in_database, spawn, uninterrupted
from librechat_backend.lib.ids import new_object_id
from librechat_backend.lib.per_loop import PerLoop
from usage.entries import RequestEntry
from usage.metrics import observe
from usage.rows import write_rows

FLUSH_SECONDS = 0.5
# What cost something is stored sooner.
PAID_FLUSH_SECONDS = 0.05
BATCH_SIZE = 500
QUEUE_LIMIT = 10_000
RETRY_SECONDS = 2.0
ROOM_SECONDS = 10.0
CLOSE_SECONDS = 20.0

log = structlog.get_logger(__name__)


class Recorder:
    """The queue of one event loop."""

    def __init__(self) -> None:
        self._queue: deque[RequestEntry] = deque()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def record(self, entry: RequestEntry) -> None:
        prepare(entry)
        self._queue.append(entry)
        if len(self._queue) >= QUEUE_LIMIT:
            self._room.clear()
        self._wake.set()
        if entry.shares:
            self._hurry.set()
        if self._task is None:
            self._task = spawn(self._run(), name="request log")

    async def wait_for_room(self) -> bool:
        """Whether a request may begin; waits ROOM_SECONDS while the database does not keep up."""
        if self._room.is_set():
            return True
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    async def flush(self) -> None:
        """Store everything that is queued now. Raises Error of the database."""
        await uninterrupted(self._flush())

    async def close(self) -> None:
        """Store what is queued and end; says so when the database stays away."""
        if self._task is not None:
            await cancel([self._task])
            self._task = None
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._flush_until_empty()
        except TimeoutError:
            log.error("request_log_lost", rows=len(self._queue))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._hurry.wait()
                    await asyncio.sleep(PAID_FLUSH_SECONDS)
            self._wake.clear()
            self._hurry.clear()
            await self._flush_until_empty()

    async def _flush_until_empty(self) -> None:
        while self._queue:
            try:
                await self.flush()
            except Error as error:
                log.warning("request_log_waits", rows=len(self._queue), reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _flush(self) -> None:
        async with self._writing:
            while self._queue:
                batch = [self._queue[i] for i in range(min(BATCH_SIZE, len(self._queue)))]
                await in_database(write_rows, batch)
                # Only now: what a failed write leaves in the queue is written again.
                for _ in batch:
                    self._queue.popleft()
                if len(self._queue) < QUEUE_LIMIT:
                    self._room.set()


def prepare(entry: RequestEntry) -> None:
    """What is done once for each entry, whoever stores it."""
    # So that a batch written twice is stored, and paid, once.
    entry.id = entry.id or new_object_id()
    if entry.reservation is not None:
        entry.shares = entry.reservation.settle(entry.cost_credits or 0)
        entry.reservation = None
    observe(entry)


_recorders = PerLoop(Recorder)


def get_recorder() -> Recorder:
    """The recorder of the running event loop; a server has one loop."""
    return _recorders.get()


def record(entry: RequestEntry) -> None:
    get_recorder().record(entry)


async def close_recorder() -> None:
    """Store what is queued, when the server ends."""
    recorder = _recorders.pop()
    if recorder is not None:
        await recorder.close()
