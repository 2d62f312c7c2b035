"""Rows of a table that is read again and again, of which little has changed each time."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.db.models.sql.constants import MULTI

Built = TypeVar("Built")


class RememberedRows(Generic[Built]):
    """What ``build`` makes of each row of ``query``, whose first column is the primary key.

    The rows are always fetched; of those that come as they came last time, JSON and dates are not
    read again, and nothing is built. That, not the fetching, is most of the time. ``build`` may
    depend on the row alone: so it does not matter what transaction a row was seen in.
    """

    def __init__(
        self,
        query: Callable[[], QuerySet[Any, Any]],
        columns: Sequence[str],
        build: Callable[[Any], Built],
    ) -> None:
        self._query, self._build = query, build
        row: Any = namedtuple("row", columns)  # type: ignore[misc]  # noqa: PYI024
        self._make = row._make
        # Primary key → the row as the database gave it, and what was made of it.
        self._known: dict[Any, tuple[tuple[Any, ...], Built]] = {}

    def read(self) -> list[Built]:
        """One query."""
        compiler = self._query().query.get_compiler(using=DEFAULT_DB_ALIAS)
        known = self._known
        rows = list(chain.from_iterable(compiler.execute_sql(MULTI)))
        new = [row for row in rows if known.get(row[0], (None,))[0] != row]
        read = map(self._make, compiler.results_iter([new]))
        built = {row[0]: (row, self._build(each)) for row, each in zip(new, read, strict=True)}
        self._known = now = {row[0]: built.get(row[0]) or known[row[0]] for row in rows}
        return [value for _, value in now.values()]

    def forget(self) -> None:
        """As in a process that has just started."""
        self._known = {}
