"""Whether what is kept in memory still holds: one small query, shared by all who ask meanwhile.

A request that asks gets stamps read after it asked, so a change is seen by the next request of
every process; but requests that wait together share one reading.
"""

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.db import connection

from accounts.models.stamp import AccessStamp
from gateway.models import TokenVersion
from librechat_backend.lib.aio import in_database, spawn
from providers.models import ChannelVersion

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
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY)
        return Stamps(*(value or "" for value in cursor.fetchone()))


class SharedReading:
    """The readings of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Stamps]] = []
        self._is_reading = False

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
                waiting, self._waiting = self._waiting, []
                await self._answer(waiting)
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
            for future in waiting:
                if not future.done():
                    future.set_result(stamps)


_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, SharedReading] = WeakKeyDictionary()


async def fresh_stamps() -> Stamps:
    """Read after this call. Raises DatabaseError."""
    loop = asyncio.get_running_loop()
    reading = _readings.get(loop)
    if reading is None:
        reading = _readings[loop] = SharedReading()
    return await reading.fresh()
