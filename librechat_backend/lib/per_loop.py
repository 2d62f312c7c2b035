"""One value for each event loop: what holds tasks or futures belongs to the loop they run in."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, ref

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Made by ``make`` when it is first asked for; gone with its loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()
        # A server has one loop, and asks several times for each request.
        self._last: tuple[ref[asyncio.AbstractEventLoop], T] | None = None

    def get(self) -> T:
        """That of the running loop."""
        loop, last = asyncio.get_running_loop(), self._last
        if last is not None and last[0]() is loop:
            return last[1]
        if loop not in self._values:
            self._values[loop] = self._make()
        value = self._values[loop]
        self._last = ref(loop), value
        return value

    def find(self) -> T | None:
        """That of the running loop, where there is one."""
        return self._values.get(asyncio.get_running_loop())

    def pop(self) -> T | None:
        """That of the running loop, where there is one; the next ``get`` makes another."""
        self._last = None
        return self._values.pop(asyncio.get_running_loop(), None)
