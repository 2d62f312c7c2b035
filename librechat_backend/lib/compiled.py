"""Queries that are put together once, for what every request asks and writes.

The ORM takes several times as long to write a query as a database to answer a small one, and
writes it anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from threading import Lock
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from librechat_backend.lib.together import Statement, count_rows, run_together

T = TypeVar("T")
M = TypeVar("M", bound=Model)


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


def _told(parameters: Iterable[Any], values: Mapping[str, Any]) -> list[Any]:
    return [each.told(values) if isinstance(each, Given) else each for each in parameters]


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
        (answer,) = run_together(self.asking(**values))
        return list(answer)

    def first(self, **values: Any) -> T | None:
        """One query; ``build`` says in which order, and that one row is enough."""
        return next(iter(self.ask(**values)), None)

    def asking(self, **values: Any) -> Statement[list[T]]:
        """To be asked together with others."""
        rows, compiler, sql, parameters = self._written or self._write()
        return Statement(sql, _told(parameters, values), partial(_read, rows, compiler))

    def _write(self) -> tuple[QuerySet[Any, T], SQLCompiler, str, tuple[Any, ...]]:
        with self._lock:
            if self._written is None:
                rows = self._build()
                compiler = rows.query.get_compiler(connection=connection)
                sql, parameters = compiler.as_sql()
                self._written = rows, compiler, sql, tuple(parameters)
            return self._written


def _read(rows: QuerySet[Any, T], compiler: SQLCompiler, cursor: Any) -> list[T]:
    """``rows`` that have their answer already: what is made of it is the ORM's."""
    answer = [cursor.fetchall()]
    ready = copy(compiler)
    ready.connection = connection
    ready.execute_sql = lambda *args, **options: answer  # type: ignore[assignment,method-assign]
    asked = rows.all()
    asked.query.get_compiler = lambda *args, **options: ready  # type: ignore[method-assign]
    return list(asked)


class CompiledInsert(Generic[M]):
    """INSERT of one row of ``model``; what the database counts up is left to it."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._fields = [f for f in model._meta.concrete_fields if f is not model._meta.auto_field]
        self._sql = ""

    def inserting(self, row: M) -> Statement[int]:
        """To be written together with others, as ``row`` is now."""
        self._sql = self._sql or self._write()
        values = [
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for field in self._fields
        ]
        return Statement(self._sql, values, count_rows)

    def _write(self) -> str:
        names = ", ".join(f'"{field.column}"' for field in self._fields)
        places = ", ".join(map(_place, self._fields))
        return f'INSERT INTO "{self._model._meta.db_table}" ({names}) VALUES ({places})'  # noqa: S608 - names of our own


def _place(field: Any) -> str:
    """What stands for a value of the column."""
    if not hasattr(field, "get_placeholder"):
        return "%s"
    return str(field.get_placeholder(None, None, connection))


class CompiledUpdate:
    """``build`` returns which rows, as of a CompiledQuery; ``columns`` are set to what is
    given under their names."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], columns: Iterable[str]) -> None:
        self._build, self._columns = build, tuple(columns)
        self._written: tuple[str, tuple[Any, ...]] | None = None

    def updating(self, **values: Any) -> Statement[int]:
        """To be written together with others; answers how many rows there were."""
        sql, parameters = self._written = self._written or self._write()
        return Statement(sql, _told(parameters, values), count_rows)

    def _write(self) -> tuple[str, tuple[Any, ...]]:
        rows = self._build()
        fields: Any = [rows.model._meta.get_field(name) for name in self._columns]
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values({field.name: Given(field.name, field) for field in fields})
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        return sql, tuple(parameters)
