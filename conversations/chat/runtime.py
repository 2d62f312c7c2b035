"""The chat's moving parts of this process, made when they are first needed."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.conf import settings

from conversations.chat import control
from conversations.chat.jobs import HEARTBEAT_SECONDS, Jobs, StopReason
from conversations.chat.log.base import EventLog
from conversations.chat.log.memory import MemoryLog
from conversations.chat.log.redis import RedisLog
from librechat_backend.lib.aio import cancel, spawn

TITLES_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Runtime:
    """Jobs, their heartbeat, and the ear for other processes."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._tasks = [
            spawn(self._repeat(jobs.beat), name="heartbeat"),
            # Beside the heartbeat: recovering may take long, and must not look like death.
            spawn(self._repeat(jobs.recover_stale), name="recovery"),
            spawn(self._repeat(jobs.titling.recover_forgotten, TITLES_SECONDS), name="titles"),
            spawn(self._listen(), name="control"),
        ]

    @classmethod
    async def start(cls) -> "Runtime":
        """Finishes first what a previous process left behind."""
        jobs = Jobs(await control.new_process_name(), make_log())
        # Without Redis there is one process, and it has just begun: nobody else can be alive.
        is_alone = not settings.REDIS_URL
        recovered = await jobs.recover_stale(all_others=is_alone)
        await jobs.titling.recover_forgotten(all_others=is_alone)
        await jobs.log.tidy()
        if recovered:
            log.info("generations_recovered", count=recovered)
        return cls(jobs)

    async def _repeat(
        self, work: Callable[[], Awaitable[object]], pause_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        while True:
            await asyncio.sleep(pause_seconds)
            try:
                await work()
            except Exception:  # noqa: BLE001 - the next time the database or Redis may be back
                log.exception("heartbeat_failed")

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception:  # noqa: BLE001 - whoever waited for an answer takes over
                log.exception("control_failed")
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _hear(self) -> None:
        message = await get_channel_layer().receive(self.jobs.process)
        if message["type"] == control.ABORT:
            self.jobs.stop_local(message["generation_id"], StopReason.ABORT)

    async def stop(self, grace_seconds: float) -> None:
        await self.jobs.drain(grace_seconds)
        await cancel(self._tasks)
        await self.jobs.log.close()


def make_log() -> EventLog:
    if settings.REDIS_URL:
        return RedisLog(settings.REDIS_URL)
    return MemoryLog(settings.JOURNAL_DIR)


_runtimes: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Runtime]] = WeakKeyDictionary()


async def get_runtime() -> Runtime:
    """The runtime of this event loop; a server has one loop."""
    loop = asyncio.get_running_loop()
    started = _runtimes.get(loop)
    if started is None or (started.done() and started.exception()):
        started = _runtimes[loop] = loop.create_task(Runtime.start())
    return await asyncio.shield(started)


async def get_jobs() -> Jobs:
    return (await get_runtime()).jobs


async def drain_runtime(grace_seconds: float) -> None:
    """End the generations; new ones are refused from now on."""
    started = _runtimes.get(asyncio.get_running_loop())
    if started is not None:
        await (await started).jobs.drain(grace_seconds)


async def stop_runtime(grace_seconds: float) -> None:
    started = _runtimes.pop(asyncio.get_running_loop(), None)
    if started is not None:
        await (await started).stop(grace_seconds)
