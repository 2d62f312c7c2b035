"""Queries that are put together once, for what every request asks.

The ORM takes several times as long to write a query as a database to answer a small one, and
writes it anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from threading import Lock
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler

T = TypeVar("T")


class Given(Expression):
    """Stands for a value in a query until that is asked; ``name`` says which, ``output_field``
    what it is."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def told(self, values: Mapping[str, Any]) -> Any:
        """As the database reads it."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class CompiledQuery(Generic[T]):
    """``build`` returns a queryset with Given where values come. Which rows are asked for, and
    what of them, must not depend on anything else: it is called once.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, T]]) -> None:
        self._build = build
        self._lock = Lock()
        self._written: tuple[QuerySet[Any, T], SQLCompiler, str, tuple[Any, ...]] | None = None

    def ask(self, **values: Any) -> list[T]:
        """One query. For sync views and database threads."""
        rows, compiler, sql, parameters = self._written or self._write()
        told = [each.told(values) if isinstance(each, Given) else each for each in parameters]
        return list(_asked(rows, compiler, sql, told))

    def first(self, **values: Any) -> T | None:
        """One query; ``build`` says in which order, and that one row is enough."""
        return next(iter(self.ask(**values)), None)

    def _write(self) -> tuple[QuerySet[Any, T], SQLCompiler, str, tuple[Any, ...]]:
        with self._lock:
            if self._written is None:
                rows = self._build()
                compiler = rows.query.get_compiler(connection=connection)
                sql, parameters = compiler.as_sql()
                self._written = rows, compiler, sql, tuple(parameters)
            return self._written


def _asked(
    rows: QuerySet[Any, T], compiler: SQLCompiler, sql: str, told: list[Any]
) -> QuerySet[Any, T]:
    """``rows`` that have their query already: what follows from its answer is the ORM's."""
    ready = copy(compiler)
    ready.connection = connection
    ready.as_sql = lambda *args, **options: (sql, told)  # type: ignore[assignment]
    asked = rows.all()
    asked.query.get_compiler = lambda *args, **options: ready  # type: ignore[method-assign]
    return asked
