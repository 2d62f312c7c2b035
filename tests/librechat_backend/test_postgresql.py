"""Connections to PostgreSQL that the other side has closed meanwhile."""

import time
from contextlib import ExitStack
from typing import Any, cast

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from accounts.models import User
from librechat_backend.lib.together import Statement, write_together

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections"),
    pytest.mark.django_db(transaction=True),
]


def _another() -> psycopg.Connection[Any]:
    parameters = cast(Any, connection).get_connection_params()
    names = {"dbname", "user", "password", "host", "port"} & parameters.keys()
    return psycopg.connect(**{name: parameters[name] for name in names}, autocommit=True)


def _close_from_the_other_side() -> None:
    """All connections to this database, as PostgreSQL does when it starts anew; a pool may make
    others while this waits for their end."""
    others = b"FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with _another() as opened:
        ended = opened.execute(b"SELECT pid, pg_terminate_backend(pid) " + others).fetchall()
        pids = [pid for pid, _ in ended]
        while opened.execute(b"SELECT 1 " + others + b" AND pid = ANY(%s)", [pids]).fetchone():
            time.sleep(0.01)


def test_a_query_finds_another_way(alice: User) -> None:
    assert User.objects.exists()
    _close_from_the_other_side()
    assert User.objects.exists()


def test_so_do_a_transaction_and_statements_that_go_together(alice: User) -> None:
    _close_from_the_other_side()
    with transaction.atomic():
        assert User.objects.exists()
    _close_from_the_other_side()
    reading = Statement("SELECT %s::int", [7], lambda cursor: cursor.fetchone())
    assert write_together(reading) == [(7,)]


def test_so_does_whoever_takes_a_connection_that_waited_for_the_next(alice: User) -> None:
    with ExitStack() as waiting:
        for _ in range(3):  # several wait, so that all of them would have to fail once
            taken = cast(Any, connections.create_connection("default"))
            waiting.callback(taken.close)
            taken.ensure_connection()
    connection.close()
    _close_from_the_other_side()
    assert User.objects.exists()


def test_what_breaks_in_a_transaction_is_told() -> None:
    with pytest.raises(OperationalError):
        _ask_twice()
    assert not User.objects.exists()


@transaction.atomic
def _ask_twice() -> None:
    assert not User.objects.exists()
    _close_from_the_other_side()
    User.objects.exists()


def test_a_notice_costs_no_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()
        with _another() as other:
            other.execute("NOTIFY something")
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == pid
        cursor.execute("UNLISTEN something")
