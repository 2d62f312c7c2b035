"""A move: collection after collection, batch after batch, each whole or not at all.

How far the source was read is written in the transaction of what was read, so a move that was
killed at any moment goes on to the same rows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from conversations.services.batches import give_way
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONValue, dumps_sorted
from moving.collections import COLLECTIONS
from moving.collections.base import Collection
from moving.collections.left import LEFT
from moving.job import TOO_OLD, Job, Options
from moving.models import Move, Step
from moving.read_ahead import read_ahead
from moving.rows import expect_few, expect_many
from moving.secrets import Secrets
from moving.sources import Damage, Document, Source
from moving.sweeping import sweeping
from moving.tally import Tally
from moving.tenants import ANOTHER, is_of
from moving.turns import Turn, Turns
from moving.values import document_id, has_odd_date, updated_at

BATCH_DOCUMENTS = 2000
BATCH_BYTES = 8 * 1024 * 1024
NO_OBJECT_ID = "its id is none of MongoDB's, and has become one"
ODD_DATE = "a date that cannot be read was replaced, or left out"
# What a single document can do wrong; everything else ends the move.
FAULTS = (DataError, IntegrityError, ValueError, TypeError, OverflowError, RecursionError)

log = structlog.get_logger(__name__)

Reach = Callable[[str, int, int, Tally], None]
Item = Document | Damage


@dataclass(frozen=True, slots=True)
class Made:
    """What was prepared of a batch: ``store`` does the rest, ``tally`` is what was seen so far."""

    store: Callable[[Job], None]
    tally: Tally


@dataclass(frozen=True, slots=True)
class Batch:
    """``count`` items, up to ``position``; ``done`` is that of the last.

    ``items`` is None where another process has them: they are read again if they are needed.
    ``made`` is None where a document is at fault: which one shows when they are written.
    """

    count: int
    position: JSONValue
    done: int
    items: Sequence[Item] | None = None
    made: Made | None = None

    @classmethod
    def of(cls, items: Sequence[Item]) -> Batch:
        return cls(len(items), _last(items), items[-1].done, items)


def nobody_watches(collection: str, done: int, total: int, tally: Tally) -> None:
    """For moves without a progress bar."""


class Engine:
    """``reach`` hears how far a collection is: its name, how much of how much, and the counts."""

    def __init__(
        self,
        source: Source,
        options: Options,
        secrets: Secrets,
        reach: Reach = nobody_watches,
    ) -> None:
        self._source = source
        self._options = options
        self._sizes = source.collections()
        self._reach = reach
        self.move = self._begin()
        self._job = Job.begin(options, secrets, source)

    def _begin(self) -> Move:
        """The unfinished move from the same source, for the same things, or a new one."""
        wanted = fingerprint(self._source, self._options)
        unfinished = Move.objects.filter(fingerprint=wanted, finished_at=None)
        move = None if self._options.is_dry_run else unfinished.first()
        return move or Move(
            source=self._source.name[:1000], fingerprint=wanted, started_at=timezone.now()
        )

    @property
    def is_resumed(self) -> bool:
        return not self.move._state.adding

    def run(self) -> dict[str, Tally]:
        """What became of each collection. Raises SourceUnreadable."""
        expect_many()
        if not self._options.is_dry_run:
            self.move.save()
        with sweeping():
            tallies = {each.name: self._take(each) for each in self._wanted()}
        expect_few()
        return tallies

    def end(self, *, is_complete: bool) -> None:
        if self._options.is_dry_run:
            return
        self.move.finished_at, self.move.is_complete = timezone.now(), is_complete
        self.move.save()

    def unknown(self) -> list[str]:
        """Collections of the source nobody has heard of."""
        return sorted(set(self._sizes) - {each.name for each in (*COLLECTIONS, *LEFT)})

    def _wanted(self) -> list[Collection]:
        only, skip = self._options.only, self._options.skip
        left = (each for each in LEFT if each.name in self._sizes)
        every = [each for each in (*COLLECTIONS, *left) if each.name not in skip]
        return [each for each in every if not only or each.name in only]

    def _take(self, collection: Collection) -> Tally:
        step = self._step(collection)
        self._job.tally = Tally.from_json(step.tally)
        if step.is_done:
            return self._job.tally
        if collection.table is not None and self._job.tally.rows_before is None:
            self._job.tally.rows_before = collection.table.model._default_manager.count()
        batches = self._ahead(collection, step.position)
        if self._can_take_turns(collection):
            self._write_in_turns(collection, step, batches)
        else:
            self._write_each(collection, step, batches)
        with self._transaction():
            collection.finish(self._job)
            step.is_done = True
            self._save(step, step.position)
        return self._job.tally

    def _write_each(self, collection: Collection, step: Step, batches: Iterator[Batch]) -> None:
        for batch in batches:
            began = time.monotonic()
            self._write(collection, step, batch)
            self._tell(collection, batch)
            give_way(time.monotonic() - began)

    def _write_in_turns(self, collection: Collection, step: Step, batches: Iterator[Batch]) -> None:
        position = step.position
        with Turns(FAULTS) as turns:
            for batch in batches:
                turns.take(self._turn(collection, step, batch, position))
                position = batch.position or position
                self._tell(collection, batch)
        step.position = position

    def _turn(self, collection: Collection, step: Step, batch: Batch, start: JSONValue) -> Turn:
        """What it saves are the counts at the end of its rows: the next one counts on meanwhile."""
        before = self._job.tally.copied()
        after: list[Tally] = []

        def store() -> None:
            self._store(collection, batch, start)
            after.append(self._job.tally.copied())

        def save() -> None:
            own = Step.objects.filter(pk=step.pk)
            own.update(position=batch.position or start, tally=after[0].to_json())

        def undo() -> None:
            self._job.tally, step.position = before, start
            self._job.chats.forget()

        return Turn(store, save, undo, partial(self._write, collection, step, batch))

    def _tell(self, collection: Collection, batch: Batch) -> None:
        total = self._sizes.get(collection.name, 0)
        self._reach(collection.name, batch.done, total, self._job.tally)

    def _step(self, collection: Collection) -> Step:
        if self._options.is_dry_run:
            return Step(collection=collection.name)
        return Step.objects.get_or_create(move=self.move, collection=collection.name)[0]

    def _ahead(self, collection: Collection, after: JSONValue) -> Iterator[Batch]:
        """Batches, prepared by another process where that is worth it.

        Not in a rehearsal or in the transaction of a caller: another process sees neither.
        """
        batches = self._batches(collection.name, after)
        if collection.prepare is None or not self._is_seen:
            return map(Batch.of, batches)
        return read_ahead(self._prepared(collection, batch) for batch in batches)

    @property
    def _is_seen(self) -> bool:
        """Whether other connections see what was written."""
        return not self._options.is_dry_run and not connection.in_atomic_block

    def _can_take_turns(self, collection: Collection) -> bool:
        """SQLite has one writer; and who adopts has to see whom the batch before has adopted."""
        is_able = connection.vendor == "postgresql" and not self._options.adopts_orphans
        return is_able and self._is_seen and collection.prepare is not None

    def _prepared(self, collection: Collection, items: Sequence[Item]) -> Batch:
        """Without the items, which take more room than what was made of them."""
        return replace(Batch.of(items), items=None, made=self._prepare(collection, items))

    def _prepare(self, collection: Collection, items: Sequence[Item]) -> Made | None:
        scout = self._job.scout()
        try:
            return Made(self._make(collection, items, scout), scout.tally)
        except FAULTS:
            return None

    def _make(
        self, collection: Collection, batch: Sequence[Item], job: Job
    ) -> Callable[[Job], None]:
        _count(batch, job.tally)
        due = self._due(batch, collection.changed, job.tally)
        if collection.makes_rows:
            due = [_with_id(each, job.tally) for each in due]
        if collection.prepare is None:
            return partial(collection.write, due)
        return collection.prepare(due, job)

    def _batches(self, name: str, after: JSONValue) -> Iterator[list[Item]]:
        """All but the last one end where reading can begin again."""
        batch: list[Item] = []
        size = 0
        for item in self._source.read(name, after):
            batch.append(item)
            size += item.size if isinstance(item, Document) else 0
            is_full = len(batch) >= BATCH_DOCUMENTS or size >= BATCH_BYTES
            if is_full and item.position is not None:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _write(self, collection: Collection, step: Step, batch: Batch) -> None:
        """A batch that fails is halved, until only the documents at fault are left out."""
        before, start = self._job.tally.copied(), step.position
        try:
            with self._transaction():
                self._store(collection, batch, start)
                self._save(step, batch.position or start)
        except FAULTS as error:
            self._job.tally, step.position = before, start
            self._job.chats.forget()
            items = self._items(collection, batch, start)
            if len(items) > 1:
                middle = len(items) // 2
                self._write(collection, step, Batch.of(items[:middle]))
                self._write(collection, step, Batch.of(items[middle:]))
            elif items:
                self._leave_out(step, items[0], error)

    def _store(self, collection: Collection, batch: Batch, start: JSONValue) -> None:
        if batch.made is None:
            self._make(collection, self._items(collection, batch, start), self._job)(self._job)
        else:
            self._job.tally.take(batch.made.tally)
            batch.made.store(self._job)

    def _items(self, collection: Collection, batch: Batch, start: JSONValue) -> Sequence[Item]:
        if batch.items is not None:
            return batch.items
        return list(islice(self._source.read(collection.name, start), batch.count))

    def _leave_out(self, step: Step, item: Item, error: Exception) -> None:
        # Not the error itself: databases say whole rows in theirs, with what is secret in them.
        log.error("document_left_out", collection=step.collection, error=type(error).__name__)
        with self._transaction():
            _count([item], self._job.tally)
            example = document_id(item.data) if isinstance(item, Document) else item.problem
            reason = f"it cannot be stored ({type(error).__name__})"
            self._job.tally.skip(reason, example, is_lost=True)
            self._save(step, item.position or step.position)

    def _due(self, batch: Sequence[Item], changed: str, tally: Tally) -> list[Document]:
        """The documents of the batch that were changed since the date that was asked for."""
        every = [item for item in batch if isinstance(item, Document)]
        documents = [each for each in every if is_of(each, self._options.tenant)]
        for _ in range(len(every) - len(documents)):
            tally.skip(ANOTHER)
        since = self._options.since
        if since is None:
            return documents
        due = [each for each in documents if updated_at(each.data, changed) >= since]
        for _ in range(len(documents) - len(due)):
            tally.skip(TOO_OLD)
        return due

    def _save(self, step: Step, position: JSONValue) -> None:
        step.position, step.tally = position, self._job.tally.to_json()
        if not self._options.is_dry_run:
            step.save()

    def _transaction(self) -> AbstractContextManager[None]:
        return _rehearsal() if self._options.is_dry_run else transaction.atomic()


def _count(batch: Sequence[Item], tally: Tally) -> None:
    tally.read += len(batch)
    for item in batch:
        if isinstance(item, Damage):
            tally.skip("it is damaged in the source", item.problem, is_lost=True)
            continue
        for repair in item.repairs:
            tally.repair(repair, document_id(item.data))
        if has_odd_date(item.data):
            tally.repair(ODD_DATE, document_id(item.data))


def _with_id(document: Document, tally: Tally) -> Document:
    """A script may have made ids of its own; the same one always gets the same other one."""
    name = document_id(document.data)
    if is_object_id(name):
        return document
    tally.repair(NO_OBJECT_ID, name)
    made = hashlib.sha256((name or document.extended()).encode()).hexdigest()[:24]
    return replace(document, data={**document.data, "_id": made})


def _last(batch: Sequence[Item]) -> JSONValue:
    """The last position; damage at the end has none."""
    return next((item.position for item in reversed(batch) if item.position is not None), None)


@contextmanager
def _rehearsal() -> Iterator[None]:
    """A transaction that is always rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def fingerprint(source: Source, options: Options) -> str:
    """Of a move that would read the same and write the same."""
    wanted = {
        "source": source.fingerprint,
        "since": options.since,
        "users": sorted(options.users),
        "only": sorted(options.only),
        "skip": sorted(options.skip),
        "endpoints": sorted(options.endpoints),
        "files": options.files,
        "tenant": options.tenant,
        "switches": [options.merges_accounts, options.makes_staff, options.adopts_orphans],
    }
    return hashlib.sha256(dumps_sorted(wanted)).hexdigest()
