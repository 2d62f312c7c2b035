"""The end of what nobody waits for any more."""

import asyncio

from gateway.http import Receive

LOOK_SECONDS = 0.02


class CancelWhenLeft:
    """What runs inside is cancelled when the caller leaves, and that is its end.

    Most answers are over before anybody looks: a task to wait for the end of each connection would
    take as long as half the answer.
    """

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - servers run applications in tasks
        self._receive, self._task = receive, task
        self._waiting: asyncio.Task[None] | None = None
        self._has_left = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOK_SECONDS, self._look, loop)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self._timer.cancel()
        if self._waiting is not None:
            self._waiting.cancel()
        if not (self._has_left and isinstance(error, asyncio.CancelledError)):
            return False  # as it came; a cancellation is the server's
        self._task.uncancel()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_left = True
        self._task.cancel()
