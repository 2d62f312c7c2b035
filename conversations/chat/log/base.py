"""The event log of a generation: append-only, numbered from 1, followed by any number of readers.

Each event has one number for ever. A reader that asks for what comes after number N misses
nothing and gets nothing twice, whichever process it is in and whenever it comes.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from conversations.chat.events import TurnEvent, is_terminal

# How long a finished turn can still be asked for; later its rows answer (contract 02 §3.3).
RETENTION_SECONDS = 60
IDLE_SECONDS = 15.0


class UnknownGeneration(LookupError):
    """No log of that generation is kept, or none any more."""


class LogLost(RuntimeError):
    """Another process has written to this log: this one no longer owns the generation."""


class EventLog(Protocol):
    """Where the events of running generations are; in memory or in Redis."""

    async def append(self, generation_id: str, events: Sequence[TurnEvent]) -> None:
        """Number and keep ``events``, then wake the readers. Only the owner appends.

        Raises LogLost.
        """
        ...

    def read(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[list[TurnEvent], None]:
        """The events after number ``after``: those there are at once, the rest as they come, and
        an empty list whenever nothing came for IDLE_SECONDS.

        Ends behind the terminal event. Raises UnknownGeneration.
        """
        ...

    async def snapshot(self, generation_id: str) -> list[TurnEvent]:
        """The events so far. Raises UnknownGeneration."""
        ...

    async def recover(self, generation_id: str) -> list[TurnEvent]:
        """The events a process that died has left, also for later readers; empty when nothing
        was kept.
        """
        ...

    async def tidy(self) -> None:
        """Forget what dead processes left and nobody will recover any more."""
        ...

    async def wait_until_read(self, generation_id: str) -> None:
        """Return when no reader of this process is still behind the last event."""
        ...

    async def close(self) -> None:
        """Let go of connections and tasks."""
        ...


class Buffer:
    """Events of one generation in this process's memory, and those who wait for more."""

    def __init__(self) -> None:
        self.events: list[TurnEvent] = []
        self.is_closed = False
        self._readers = 0
        self._grown = asyncio.Event()
        self._deserted = asyncio.Event()
        self._deserted.set()

    def extend(self, events: Sequence[TurnEvent]) -> None:
        self.events.extend(events)
        self.is_closed = self.is_closed or any(is_terminal(event) for event in events)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def follow(self, after: int) -> AsyncGenerator[list[TurnEvent], None]:
        self._readers += 1
        self._deserted.clear()
        try:
            while not (self.is_closed and after >= len(self.events)):
                if after < len(self.events):
                    fresh = self.events[after:]
                    after = len(self.events)
                    yield fresh
                elif not await self._grows():
                    yield []
        finally:
            self._readers -= 1
            if not self._readers:
                self._deserted.set()

    async def _grows(self) -> bool:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await self._grown.wait()
        except TimeoutError:
            return False

    @property
    def is_deserted(self) -> bool:
        return not self._readers

    async def deserted(self) -> None:
        await self._deserted.wait()
