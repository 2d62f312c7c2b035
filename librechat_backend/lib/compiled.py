"""Queries that are put together once, for what every request asks.

The ORM takes several times as long to write a query as a database to answer a small one, and
writes it anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Field, Model, QuerySet

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


class CompiledQuery(Generic[M]):
    """``build`` returns the rows of one model, with Given where values come; annotations become
    attributes as the database tells them, so a boolean may be 0 or 1."""

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build

    @cached_property
    def _written(self) -> tuple[type[M], str, tuple[Any, ...]]:
        rows = self._build()
        sql, parameters = rows.query.sql_with_params()
        return rows.model, sql, tuple(parameters)

    def ask(self, **values: Any) -> list[M]:
        """One query. For sync views and database threads."""
        model, sql, parameters = self._written
        told = [each.told(values) if isinstance(each, Given) else each for each in parameters]
        return list(model._default_manager.raw(sql, told))
