"""Documents → rows that get an id here: known by their other columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from moving.fitting import fitted
from moving.rows import Row, upsert
from moving.tally import Tally

TOGETHER = "several say the same of one thing, and became one"


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """``key``: the columns that are unique together; ``by``, one of them, finds a batch's rows.

    ``changed`` says when a row was changed; ``merge``: of two documents with one key, what counts.
    """

    model: type[Model]
    key: tuple[str, ...]
    by: str
    changed: str
    merge: Callable[[Row, Row], Row] | None = None

    def store(self, rows: Sequence[Row], tally: Tally) -> None:
        """Write what is new or newer."""
        best = self._best(rows, tally)
        here = self._here(best.values())
        fresh = []
        for key, row in best.items():
            known = here.get(key)
            if known is None:
                fresh.append(row)
            elif row[self.changed] > known[1]:
                self.model._default_manager.filter(pk=known[0]).update(**row)
                tally.updated += 1
            else:
                tally.unchanged += 1
        upsert(self.model, fresh)
        tally.written += len(fresh)

    def _best(self, rows: Sequence[Row], tally: Tally) -> dict[tuple[Any, ...], Row]:
        found: dict[tuple[Any, ...], Row] = {}
        for row in rows:
            example = str(row[self.by])
            row = fitted(self.model, row, tally, example)
            key = tuple(row[name] for name in self.key)
            if key in found:
                tally.merged += 1
                tally.note(TOGETHER, example)
                row = (self.merge or self._newer)(found[key], row)
            found[key] = row
        return found

    def _newer(self, one: Row, other: Row) -> Row:
        return other if other[self.changed] >= one[self.changed] else one

    def _here(self, rows: Iterable[Row]) -> dict[tuple[Any, ...], tuple[Any, datetime]]:
        near = {f"{self.by}__in": {row[self.by] for row in rows}}
        read = ("pk", self.changed, *self.key)
        found = self.model._default_manager.filter(**near).values_list(*read)
        return {tuple(key): (pk, changed) for pk, changed, *key in found}
