"""Stamps are as new as the request that asks for them, and cost one reading for all that ask."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from gateway.models import TokenVersion
from gateway.stamps import LoopReading, Stamps, ThreadReading, fresh_stamps
from librechat_backend.lib.aio import in_database

pytestmark = pytest.mark.django_db(transaction=True)

on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the event loop reads from SQLite alone"
)


def change(stamp: str) -> None:
    TokenVersion.objects.update_or_create(pk=1, defaults={"stamp": stamp})


def test_every_reading_after_a_change_has_it() -> None:
    async def read_again_and_again() -> list[str]:
        found = []
        for number in range(20):
            await in_database(change, f"change {number}")
            found.append((await fresh_stamps()).tokens)
        return found

    assert async_to_sync(read_again_and_again)() == [f"change {n}" for n in range(20)]


def test_the_same_stamps_are_the_same_object() -> None:
    async def twice() -> bool:
        first = await fresh_stamps()
        await asyncio.sleep(0)
        return await fresh_stamps() is first

    change("one")
    assert async_to_sync(twice)()


@on_sqlite
def test_who_asks_in_one_turn_of_the_loop_shares_a_reading() -> None:
    statements: list[str] = []

    async def many() -> list[Stamps]:
        reading = LoopReading()
        reading._database.set_trace_callback(statements.append)
        found = await asyncio.gather(*(reading.fresh() for _ in range(30)))
        await reading.fresh()
        return found

    change("one")
    assert {found.tokens for found in async_to_sync(many)()} == {"one"}
    assert len(statements) == 2


@on_sqlite
def test_a_database_that_somebody_holds_is_waited_for_in_a_thread(tmp_path: Path) -> None:
    held = tmp_path / "held.sqlite3"
    with closing(sqlite3.connect(held, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")

        async def read() -> Stamps:
            reading = LoopReading()
            reading._database = sqlite3.connect(held, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                reading._database.execute("SELECT * FROM sqlite_master").fetchall()
            return await reading.fresh()

        change("one")
        assert async_to_sync(read)().tokens == "one"


def test_a_reading_that_fails_is_told_to_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def many() -> list[Stamps | BaseException]:
        reading = ThreadReading()
        return await asyncio.gather(*(reading.fresh() for _ in range(3)), return_exceptions=True)

    monkeypatch.setattr("gateway.stamps._QUERY", "SELECT * FROM nowhere")
    found = async_to_sync(many)()
    assert [type(error).__name__ for error in found] in (
        ["OperationalError"] * 3, ["ProgrammingError"] * 3,
    )  # fmt: skip
