"""Documents → rows of one table: what is new, what is newer, what is here already.

Rows keep the ids of their documents. A row that was changed here later than its document there
stays as it is; so a move can be repeated beside a server that is in use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from django.db.models import Model

from librechat_backend.lib.json import dumps_sorted
from moving.fitting import fitted
from moving.rows import Row, existing, insert, insert_if_new, upsert
from moving.tally import SAMPLES, Tally

# A batch that turns out to be here in part costs about as much as looking for this many.
FAILURE_COST = 4
SEVERAL = "one of several with the same id"
FOREIGN = "its id is that of somebody else's here"
OWNER = "user_id"


# Id, date and key.
_Here = tuple[str, datetime, tuple[Any, ...]]


class _Verdict(Enum):
    NEW = auto()
    NEWER = auto()
    KNOWN = auto()
    MERGED = auto()
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class Table:
    """``key``: the columns by which a row is unique besides its id.

    ``changed`` is the column that says when a row was changed. ``weight``: of two rows with the
    same key and date, the heavier one stays. ``kept``: columns a row that is here keeps.
    ``arranged``: columns that ``Collection.finish`` puts in order.
    """

    model: type[Model]
    key: tuple[str, ...]
    changed: str = "updated_at"
    weight: Callable[[Row], Any] = lambda row: 0
    kept: tuple[str, ...] = ()
    arranged: tuple[str, ...] = ()

    def store(self, rows: Sequence[Row], tally: Tally) -> list[Row]:
        """Write what is new or newer; the rows that were written, under the ids they have here."""
        new, newer = self.store_apart(rows, tally)
        return new + newer

    def store_apart(self, rows: Sequence[Row], tally: Tally) -> tuple[list[Row], list[Row]]:
        """As ``store``: the rows that were not here, and those that replaced one."""
        best = self._best([fitted(self.model, row, tally) for row in rows], tally)
        if _are_likely_new(best, tally) and insert_if_new(self.model, best):
            tally.written += len(best)
            self._sample(best, tally)
            return best, []
        return self._store_each(best, tally)

    def _store_each(self, best: Sequence[Row], tally: Tally) -> tuple[list[Row], list[Row]]:
        known = self._known(best)
        found: dict[_Verdict, list[Row]] = {verdict: [] for verdict in _Verdict}
        for row in best:
            verdict, pk = self._judge(row, known)
            _count(tally, verdict, str(row[self._pk]))
            found[verdict].append({**row, self._pk: pk})
        new, newer = found[_Verdict.NEW], found[_Verdict.NEWER]
        insert(self.model, new)
        upsert(self.model, newer, kept=self.kept)
        self._sample(new + newer, tally)
        return new, newer

    @property
    def _pk(self) -> str:
        return str(self.model._meta.pk.attname)

    def _best(self, rows: Sequence[Row], tally: Tally) -> list[Row]:
        """One row for each key."""
        found: dict[tuple[Any, ...], Row] = {}
        for row in rows:
            key = self._key_of(row)
            other = found.get(key)
            if other is not None:
                tally.merged += 1
                tally.note(SEVERAL, str(row[self._pk]))
            if other is None or self._rank(row) > self._rank(other):
                found[key] = row
        return list(found.values())

    def _rank(self, row: Row) -> tuple[Any, ...]:
        return (row[self.changed], self.weight(row), row[self._pk])

    def _key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)

    def _known(self, rows: Sequence[Row]) -> dict[tuple[Any, ...], _Here]:
        """Key, and id → the row that is here."""
        read = (*self.key, self._pk, self.changed)
        found: dict[tuple[Any, ...], _Here] = {}
        for names in ((self._pk,), self.key):
            wanted = [tuple(row[name] for name in names) for row in rows]
            for *key, pk, changed in existing(self.model, names, wanted, read):
                found[tuple(key)] = found[self._pk, pk] = (pk, changed, tuple(key))
        return found

    def _judge(self, row: Row, known: dict[tuple[Any, ...], _Here]) -> tuple[_Verdict, str]:
        own = row[self._pk]
        here = known.get(self._key_of(row)) or known.get((self._pk, own))
        if here is None:
            return _Verdict.NEW, own
        pk, changed, key = here
        if OWNER in self.key and key[self.key.index(OWNER)] != row[OWNER]:
            return _Verdict.FOREIGN, pk
        if row[self.changed] > changed:
            return _Verdict.NEWER, pk
        return (_Verdict.KNOWN if pk == own else _Verdict.MERGED), pk

    def _sample(self, written: Sequence[Row], tally: Tally) -> None:
        """The first of each batch, until there are enough; later versions replace earlier ones."""
        for position, row in enumerate(written):
            pk = str(row[self._pk])
            is_wanted = position == 0 and len(tally.samples) < SAMPLES
            if is_wanted or pk in tally.samples:
                tally.samples[pk] = self._digest(row)

    def differing(self, tally: Tally) -> list[str]:
        """The ids of samples that are not in the database as they were written."""
        return [pk for pk, expected in tally.samples.items() if self._stored(pk) != expected]

    def _stored(self, pk: str) -> str:
        names = [field.attname for field in self.model._meta.concrete_fields]
        row = self.model._default_manager.filter(pk=pk).values(*names).first()
        return self._digest(row) if row else ""

    def _open(self) -> tuple[str, ...]:
        return (*self.kept, *self.arranged)

    def _digest(self, row: Row) -> str:
        """Of what was written, whatever the order of its columns."""
        written = {name: value for name, value in row.items() if name not in self._open()}
        return hashlib.sha256(dumps_sorted(written)).hexdigest()


def _are_likely_new(rows: Sequence[Row], tally: Tally) -> bool:
    """As long as less than one batch in ``FAILURE_COST`` has a row that was here."""
    here = tally.updated + tally.unchanged + tally.merged
    return bool(rows) and here * len(rows) * FAILURE_COST <= tally.written


def _count(tally: Tally, verdict: _Verdict, pk: str) -> None:
    match verdict:
        case _Verdict.NEW:
            tally.written += 1
        case _Verdict.NEWER:
            tally.updated += 1
        case _Verdict.KNOWN:
            tally.unchanged += 1
        case _Verdict.MERGED:
            tally.merged += 1
            tally.note(SEVERAL, pk)
        case _Verdict.FOREIGN:
            tally.skip(FOREIGN, pk, is_lost=True)
