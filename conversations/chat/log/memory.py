"""The event log of a single process: memory, and a journal that survives its death."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from conversations.chat.events import TurnEvent, is_terminal
from conversations.chat.log.base import RETENTION_SECONDS, Buffer, UnknownGeneration
from conversations.chat.log.journal import Journal


class MemoryLog:
    """See :class:`EventLog`."""

    def __init__(self, journal_dir: Path, *, retention_seconds: float = RETENTION_SECONDS) -> None:
        self._journal = Journal(journal_dir)
        self._buffers: dict[str, Buffer] = {}
        self._retention_seconds = retention_seconds

    async def append(self, generation_id: str, events: Sequence[TurnEvent]) -> None:
        buffer = self._buffers.setdefault(generation_id, Buffer())
        if buffer.is_closed:
            return  # a late title: its row has it
        self._journal.write(generation_id, events)
        buffer.extend(events)
        if any(is_terminal(event) for event in events):
            self._journal.remove(generation_id)
            loop = asyncio.get_running_loop()
            loop.call_later(self._retention_seconds, self._buffers.pop, generation_id, None)

    async def read(
        self, generation_id: str, *, after: int = 0
    ) -> AsyncGenerator[list[TurnEvent], None]:
        async with aclosing(self._buffer(generation_id).follow(after)) as batches:
            async for events in batches:
                yield events

    async def snapshot(self, generation_id: str) -> list[TurnEvent]:
        return list(self._buffer(generation_id).events)

    async def recover(self, generation_id: str) -> list[TurnEvent]:
        if generation_id not in self._buffers:
            self._buffers[generation_id] = Buffer()
            self._buffers[generation_id].extend(self._journal.read(generation_id))
        return list(self._buffers[generation_id].events)

    async def tidy(self) -> None:
        self._journal.clear(keep=self._buffers.keys())

    async def wait_until_read(self, generation_id: str) -> None:
        if buffer := self._buffers.get(generation_id):
            await buffer.deserted()

    async def close(self) -> None:
        self._journal.close()

    def _buffer(self, generation_id: str) -> Buffer:
        try:
            return self._buffers[generation_id]
        except KeyError:
            raise UnknownGeneration(generation_id) from None
