"""The chat's moving parts of this process, made when they are first needed."""

import asyncio
from contextlib import suppress
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError

from conversations.chat import control
from conversations.chat.jobs import HEARTBEAT_SECONDS, Jobs, StopReason
from conversations.chat.log.base import EventLog
from conversations.chat.log.memory import MemoryLog
from conversations.chat.log.redis import RedisLog
from librechat_backend.lib.aio import spawn

log = structlog.get_logger(__name__)


class Runtime:
    """Jobs, their heartbeat, and the ear for other processes."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._tasks = [
            spawn(self._keep_alive(), name="heartbeat"),
            spawn(self._listen(), name="control"),
        ]

    @classmethod
    async def start(cls) -> "Runtime":
        """Finishes first what a previous process left behind."""
        jobs = Jobs(await control.new_process_name(), make_log())
        # Without Redis there is one process, and it has just begun: nobody else can be alive.
        recovered = await jobs.recover_stale(all_others=not settings.REDIS_URL)
        await jobs.log.tidy()
        if recovered:
            log.info("generations_recovered", count=recovered)
        return cls(jobs)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self.jobs.beat()
                await self.jobs.recover_stale()
            except DatabaseError as error:
                log.warning("heartbeat_failed", reason=str(error))

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            message = await layer.receive(self.jobs.process)
            if message["type"] == control.ABORT:
                self.jobs.stop_local(message["generation_id"], StopReason.ABORT)

    async def stop(self, grace_seconds: float) -> None:
        await self.jobs.drain(grace_seconds)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.jobs.log.close()


def make_log() -> EventLog:
    if settings.REDIS_URL:
        return RedisLog(settings.REDIS_URL)
    return MemoryLog(settings.JOURNAL_DIR)


_runtimes: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Runtime]] = WeakKeyDictionary()


async def get_runtime() -> Runtime:
    """The runtime of this event loop; a server has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _runtimes:
        _runtimes[loop] = loop.create_task(Runtime.start())
    return await asyncio.shield(_runtimes[loop])


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
