"""The log of requests: nothing that was recorded is lost, and nothing is stored twice."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError

from accounts.models import User
from librechat_backend.lib.aio import in_database
from usage import recorder as module
from usage import rows
from usage.entries import Face, RequestEntry, Status, Tokens
from usage.ledger.settling import settle
from usage.models import LedgerEntry, RequestContent, RequestLog
from usage.recorder import Recorder
from usage.rows import write_rows

pytestmark = pytest.mark.django_db(transaction=True)


def entry(**fields: Any) -> RequestEntry:
    return RequestEntry(Face.API, "chat.completions", **fields)


async def stored() -> list[RequestLog]:
    return await in_database(lambda: list(RequestLog.objects.order_by("created_at", "id")))


async def test_rows_are_stored_when_recorder_closes() -> None:
    recorder = Recorder()
    for number in range(1203):
        recorder.record(entry(requested_model=f"m{number}", tokens=Tokens(input_tokens=number)))
    await recorder.close()
    rows = await stored()
    assert len(rows) == 1203
    assert {row.input_tokens for row in rows} == set(range(1203))


async def test_moments_are_stored_as_they_were() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    moments = [
        datetime(2026, 2, 28, 23, 59, 59, 7, UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 6, tzinfo=east),
    ]
    recorder = Recorder()
    for moment in moments:
        recorder.record(entry(created_at=moment))
    await recorder.close()
    assert [row.created_at for row in await stored()] == moments


async def test_rows_are_stored_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    recorder = Recorder()
    recorder.record(entry(requested_model="m"))
    async with asyncio.timeout(10):
        while not await stored():
            await asyncio.sleep(0.01)
    await recorder.close()
    assert [row.requested_model for row in await stored()] == ["m"]


async def test_rows_wait_when_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    failures = [OperationalError("gone"), InterfaceError("still gone")]

    def failing(entries: Any) -> None:
        write_rows(entries)  # written, but the answer was lost
        if failures:
            raise failures.pop()

    monkeypatch.setattr(module, "write_rows", failing)
    recorder = Recorder()
    recorder.record(entry(requested_model="m"))
    await recorder.close()
    assert [row.requested_model for row in await stored()] == ["m"]
    assert failures == []


async def test_nothing_begins_when_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LIMIT", 2)
    monkeypatch.setattr(module, "ROOM_SECONDS", 0.01)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 60)
    recorder = Recorder()
    assert await recorder.wait_for_room()
    recorder.record(entry())
    assert await recorder.wait_for_room()
    recorder.record(entry())
    assert not await recorder.wait_for_room()
    await recorder.flush()
    assert await recorder.wait_for_room()
    await recorder.close()


async def test_hostile_values_are_cut_to_what_columns_hold() -> None:
    recorder = Recorder()
    recorder.record(
        entry(
            requested_model="\x00" + "m" * 500,
            session_id="\ud800",
            attempts=[{"error": "a\x00b\udfff"}],
            tokens=Tokens(input_tokens=10**30, output_tokens=-5),
        )
    )
    await recorder.close()
    (row,) = await stored()
    assert row.requested_model == "m" * 200
    assert row.session_id == "?"
    assert row.attempts == [{"error": "ab?"}]
    assert (row.input_tokens, row.output_tokens) == (2**31 - 1, 0)


async def test_what_hostile_values_cost_is_written_down(alice: User) -> None:
    recorder = Recorder()
    recorder.record(entry(user_id=alice.pk, served_model="m\x00\udfff", cost_credits=5))
    await recorder.flush()
    paid = await in_database(lambda: list(LedgerEntry.objects.values_list("model", "cost")))
    assert paid == [("m?", 5)]
    await recorder.close()


async def test_rows_behind_one_that_is_refused_with_its_cost_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = entry(requested_model="bad"), entry(requested_model="good")

    def refusing(entries: Sequence[RequestEntry]) -> None:
        if bad in entries:
            raise DataError("no such number")
        settle(entries)

    monkeypatch.setattr(rows, "settle", refusing)
    await in_database(write_rows, [bad, good])
    assert [row.requested_model for row in await stored()] == ["good"]


class _ProgramLimit(Exception):
    """As psycopg says that a value is too large for PostgreSQL, whatever it may be."""

    sqlstate = "54000"


def _of_program_limit() -> OperationalError:
    error = OperationalError("index row size 2800 exceeds btree maximum 2704")
    error.__cause__ = _ProgramLimit()
    return error


@pytest.mark.parametrize("refusal", [_of_program_limit(), ProgrammingError("cannot adapt 'set'")])
async def test_rows_behind_one_that_is_refused_for_good_are_stored(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    bad, good = entry(requested_model="bad"), entry(requested_model="good")

    def refusing(entries: Sequence[RequestEntry]) -> None:
        if bad in entries:
            raise refusal
        settle(entries)

    monkeypatch.setattr(rows, "settle", refusing)
    recorder = Recorder()
    recorder.record(bad)
    recorder.record(good)
    async with asyncio.timeout(10):
        await recorder.close()
    assert [row.requested_model for row in await stored()] == ["good"]


@pytest.mark.parametrize("counts", [{"cache_read_tokens": "many"}, {"reasoning_tokens": [1]}])
async def test_row_that_cannot_be_written_is_given_up_alone(counts: dict[str, Any]) -> None:
    odd = Tokens(**counts)
    await in_database(write_rows, [entry(tokens=odd), entry(requested_model="good")])
    assert [row.requested_model for row in await stored()] == ["good"]


async def test_row_is_stored_when_its_person_is_gone(alice: User) -> None:
    user_id = alice.pk
    await in_database(alice.delete)
    recorder = Recorder()
    recorder.record(entry(user_id=user_id, status=Status.OK))
    await recorder.close()
    assert [row.user_id for row in await stored()] == [user_id]


async def test_content_goes_with_its_person_and_the_row_stays(alice: User) -> None:
    recorder = Recorder()
    recorder.record(entry(user_id=alice.pk, content={"request": "a\x00b"}))
    await recorder.close()
    (kept,) = await in_database(lambda: list(RequestContent.objects.all()))
    assert kept.value == {"request": "ab"}
    await in_database(alice.delete)
    assert not await in_database(RequestContent.objects.exists)
    assert [row.user_id for row in await stored()] == [None]
