"""On PostgreSQL: a batch is written while the rows of the one before are checked and committed.

Two threads with a connection each take turns. Each commits only once the one before has, so what is
in the database is always the beginning of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from threading import Event
from types import TracebackType
from typing import Self

from django.db import connections, transaction

from moving.rows import expect_many


class Abandoned(Exception):
    """The one before was not committed, so this one is not, either."""


@dataclass
class Turn:
    """A transaction: ``store`` writes its rows; ``save`` the rest, when it may be committed.

    Where that fails, ``undo`` puts everything as it was before this turn, and ``again`` writes it
    by itself.
    """

    store: Callable[[], None]
    save: Callable[[], None]
    undo: Callable[[], None]
    again: Callable[[], None]
    _is_stored: Event = field(default_factory=Event)
    _is_decided: Event = field(default_factory=Event)
    _is_due: bool = False
    _future: Future[None] = field(default_factory=Future)

    def begin(self, thread: ThreadPoolExecutor) -> None:
        """Returns when the rows are written, or could not be."""
        is_stored = self._is_stored  # for a callback that does not keep the rows in memory
        self._future = thread.submit(self._run)
        self._future.add_done_callback(lambda _: is_stored.set())
        is_stored.wait()

    def commit(self) -> None:
        """Does not wait for it."""
        self._is_due = True
        self._is_decided.set()

    def end(self) -> None:
        """Wait until it is committed, or was abandoned. Raises what stood in the way."""
        self._is_decided.set()
        self._future.result()

    def _run(self) -> None:
        with transaction.atomic():
            self.store()
            self._is_stored.set()
            self._is_decided.wait()
            if not self._is_due:
                raise Abandoned
            self.save()


class Turns:
    """``faults`` are errors after which a turn is written by itself; others are raised."""

    def __init__(self, faults: tuple[type[Exception], ...]) -> None:
        self._faults = faults
        self._both = [ThreadPoolExecutor(1, initializer=expect_many) for _ in range(2)]
        self._threads = cycle(self._both)
        self._last: Turn | None = None
        self._this: Turn | None = None

    def __enter__(self) -> Self:
        return self

    def take(self, turn: Turn) -> None:
        """Returns when its rows are written, and all before are committed."""
        self._this = turn
        turn.begin(next(self._threads))
        self._end_last()
        if self._this is not None:
            turn.commit()
        self._last, self._this = self._this, None

    def _end_last(self) -> None:
        last, self._last = self._last, None
        if last is None:
            return
        try:
            last.end()
        except self._faults:
            this = self._abandon()
            last.undo()
            last.again()
            if this is not None:
                this.again()

    def _abandon(self) -> Turn | None:
        this, self._this = self._this, None
        if this is not None:
            with suppress(Abandoned, *self._faults):
                this.end()
        return this

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._abandon()
            self._end_last()
        finally:
            for thread in self._both:
                thread.submit(connections.close_all)
                thread.shutdown()
