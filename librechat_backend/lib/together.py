"""Statements that go to the database together.

A statement by itself is a way there and back, for which a thread gives the interpreter's lock away
and waits to get it again. PostgreSQL takes several at once; SQLite lives in this process, and is
asked for one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Statement(Generic[T]):
    """``read`` makes its answer of the cursor that stands at it."""

    sql: str
    parameters: Sequence[Any]
    read: Callable[[Any], T]


def run_together(*statements: Statement[Any]) -> list[Any]:
    """The answer of each, in their order: each sees what those before it have done.

    For sync views and database threads.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return _run_at_once(cursor, statements)
        return [_run(cursor, statement) for statement in statements]


def write_together(*statements: Statement[Any]) -> list[Any]:
    """The same, all of them or none."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return run_together(*statements)  # what is sent at once is a transaction there
    with transaction.atomic():
        return run_together(*statements)


def _run_at_once(cursor: Any, statements: Sequence[Statement[Any]]) -> list[Any]:
    parameters = [value for statement in statements for value in statement.parameters]
    cursor.execute("; ".join(statement.sql for statement in statements), parameters)
    answers = []
    for statement in statements:
        answers.append(statement.read(cursor))
        cursor.nextset()
    return answers


def _run(cursor: Any, statement: Statement[T]) -> T:
    cursor.execute(statement.sql, statement.parameters)
    return statement.read(cursor)


def count_rows(cursor: Any) -> int:
    """How many rows a statement wrote."""
    written: int = cursor.rowcount
    return written
