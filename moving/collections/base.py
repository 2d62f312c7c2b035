"""What the engine knows of a collection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moving.job import Job
from moving.sources import Document
from moving.table import Table

Writer = Callable[[Sequence[Document], Job], None]
Preparer = Callable[[Sequence[Document], Job], Callable[[Job], None]]


def nothing_left(job: Job) -> None:
    """For collections that are done with their last document."""


@dataclass(frozen=True, slots=True)
class Collection:
    """``name`` is MongoDB's.

    ``write`` may be called again with a part of the same documents when it raised. ``finish`` is
    called once all documents are written, in a transaction of its own; when the process dies
    after it, it is called again. ``table`` is what counts and samples are checked in.
    ``makes_rows``: its documents become rows under their ids, which have to be ones of MongoDB.
    """

    name: str
    write: Writer
    table: Table | None = None
    finish: Callable[[Job], None] = nothing_left
    changed: str = "updatedAt"
    prepare: Preparer | None = None
    makes_rows: bool = True
