"""Whether what is kept in memory still holds: one small query, shared by all who ask meanwhile.

A request that asks gets stamps read after it asked, so a change is seen by the next request of
every process; but requests that wait together share one reading.
"""

import asyncio
from dataclasses import dataclass

from django.db import connection

from accounts.models.stamp import AccessStamp
from gateway.models import TokenVersion
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.per_loop import PerLoop
from providers.models import ChannelVersion

# Where many ask at once they share more: a reading costs as much as half an answer.
MANY, PAUSE_SECONDS = 4, 0.002

_TABLES = (
    (AccessStamp._meta.db_table, "value"),
    (ChannelVersion._meta.db_table, "stamp"),
    (TokenVersion._meta.db_table, "stamp"),
)
_QUERY = "SELECT " + ", ".join(  # noqa: S608 - names of our own tables
    f"(SELECT {column} FROM {table} WHERE id = 1)"  # noqa: S608
    for table, column in _TABLES
)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of rights, of channels, of API keys; empty while nothing was ever changed."""

    access: str
    channels: str
    tokens: str


def read_stamps() -> Stamps:
    """One query, past Django's cursor: that takes longer than the databases do."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        found = connection.connection.execute(_QUERY).fetchone()
    return Stamps(*(value or "" for value in found))


class SharedReading:
    """The readings of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Stamps]] = []
        self._is_reading = False
        self._last = Stamps("", "", "")
        self._clock = asyncio.get_running_loop().time

    async def fresh(self) -> Stamps:
        future: asyncio.Future[Stamps] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self._is_reading:
            self._is_reading = True
            spawn(self._read(), name="stamps")
        return await future

    async def _read(self) -> None:
        try:
            while self._waiting:
                began, waiting, self._waiting = self._clock(), self._waiting, []
                await self._answer(waiting)
                if len(waiting) > MANY:
                    await asyncio.sleep(max(0.0, began + PAUSE_SECONDS - self._clock()))
        finally:
            self._is_reading = False

    async def _answer(self, waiting: list[asyncio.Future[Stamps]]) -> None:
        try:
            stamps = await in_database(read_stamps)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        else:
            # The same object while nothing changes: whoever compares is done at once.
            self._last = self._last if stamps == self._last else stamps
            for future in waiting:
                if not future.done():
                    future.set_result(self._last)


_readings = PerLoop(SharedReading)


async def fresh_stamps() -> Stamps:
    """Read after this call. Raises DatabaseError."""
    return await _readings.get().fresh()
