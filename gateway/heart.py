"""A sign of life in a stream that is silent for long, so that nothing between closes it.

One timer for each stream, not one for each frame. Frames are whole when they are sent, so what is
put between two of them disturbs none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from librechat_backend.lib.sse import PING_INTERVAL_SECONDS

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Heart:
    """Sends ``beat`` through ``send`` where nothing else was sent for a while."""

    def __init__(self, send: Send, beat: bytes) -> None:
        self._to, self._beat = send, beat
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._is_sending = False
        self._beating: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(PING_INTERVAL_SECONDS, self._check)

    async def send(self, block: bytes) -> None:
        """Who reads slowly gets no beats on top."""
        self._is_sending = True
        await self._to({"type": "http.response.body", "body": block, "more_body": True})
        self._is_sending = False
        self._last = self._loop.time()

    def _check(self) -> None:
        left = self._last + PING_INTERVAL_SECONDS - self._loop.time()
        if left <= 0 and not self._is_sending:
            self._beating = self._loop.create_task(self.send(self._beat))
        self._timer = self._loop.call_later(max(left, PING_INTERVAL_SECONDS / 2), self._check)

    async def stop(self) -> None:
        """A beat on its way arrives before what comes next."""
        self._timer.cancel()
        if self._beating is not None:
            await asyncio.wait([self._beating])

    def break_off(self) -> None:
        self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
