"""Whether what is kept in memory still holds: one small query, shared by all who ask meanwhile.

A request gets stamps that were read after it arrived, so a change is seen by the next request of
every process; but requests that wait together share one reading.

SQLite reads them in 7 µs, from memory and without waiting for a writer. To pass the question to a
database thread takes longer than that, so there the event loop reads by itself.
"""

import asyncio
import sqlite3
from typing import NamedTuple

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
    f"COALESCE((SELECT {column} FROM {table} WHERE id = 1), '')"  # noqa: S608
    for table, column in _TABLES
)


class Stamps(NamedTuple):
    """Of rights, of channels, of API keys; empty while nothing was ever changed."""

    access: str
    channels: str
    tokens: str


def read_stamps() -> Stamps:
    """One query, past Django's cursor: that takes longer than the databases do."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return Stamps(*connection.connection.execute(_QUERY).fetchone())


class ThreadReading:
    """The readings of one event loop, by database threads."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Stamps]] = []
        self._is_reading = False
        self._last = Stamps("", "", "")
        self._clock = asyncio.get_running_loop().time

    async def fresh(self) -> Stamps:
        """Raises DatabaseError."""
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


class LoopReading:
    """The readings of one event loop from SQLite, by itself: one for all requests of a turn of the
    loop, which were received before the turn began. It never waits; where it would have to, for
    somebody who holds the whole database, a database thread does so."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._database = sqlite3.connect(
            connection.settings_dict["NAME"], timeout=0, isolation_level=None
        )
        self._patient = ThreadReading()
        self._last = Stamps("", "", "")
        self._is_fresh = False

    async def fresh(self) -> Stamps:
        """Raises DatabaseError."""
        if not self._is_fresh:
            try:
                (row,) = self._database.execute(_QUERY).fetchall()
            except sqlite3.Error:
                return await self._patient.fresh()
            # The same object while nothing changes: whoever compares is done at once.
            self._last = self._last if row == self._last else Stamps(*row)
            self._is_fresh = True
            self._loop.call_soon(self._forget)
        return self._last

    def _forget(self) -> None:
        self._is_fresh = False


def _make_reading() -> ThreadReading | LoopReading:
    return LoopReading() if connection.vendor == "sqlite" else ThreadReading()


_readings = PerLoop(_make_reading)


async def fresh_stamps() -> Stamps:
    """Read after the request was received that asks for them. Raises DatabaseError."""
    return await _readings.get().fresh()
