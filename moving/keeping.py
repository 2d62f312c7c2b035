"""Documents that are kept as they are: losslessly, and once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moving.job import Job
from moving.models import KeptDocument
from moving.rows import Row, upsert
from moving.sealing import Sealing
from moving.sources import Document
from moving.values import document_id, updated_at

SECRET_LOST = "a secret in it cannot be read"  # noqa: S105
ID_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """How often a document was new, or other than the one that was kept."""

    new: frozenset[str]
    newer: frozenset[str]
    known: frozenset[str]


def keep(
    collection: str,
    owned: Sequence[tuple[Document, str | None]],
    job: Job,
    *,
    always: Iterable[str] = (),
    changed: str = "updatedAt",
) -> Kept:
    """Keep each document for its owner; the ids of MongoDB, by what became of them.

    ``always``: members that hold secrets of the first form. Nothing is counted but secrets that
    are lost.
    """
    rows = {}
    for document, owner in owned:
        row = _row(collection, document, owner, job, changed)
        rows[row["id"]] = (row, document)
    here = _here(rows)
    new = [pk for pk in rows if pk not in here]
    newer = [pk for pk in rows if pk in here and _differs(rows[pk][0], here[pk])]
    wanted = frozenset(always)
    upsert(
        KeptDocument,
        [_sealed(*rows[pk], job, wanted) for pk in (*new, *newer)],
        kept=("imported_at",),
    )
    job.here.add(KeptDocument, rows)
    names = {pk: row["document_id"] for pk, (row, _) in rows.items()}
    known = [pk for pk in here if pk not in set(newer)]
    return Kept(*(frozenset(names[pk] for pk in pks) for pks in (new, newer, known)))


def _row(collection: str, document: Document, owner: str | None, job: Job, changed: str) -> Row:
    name = _name(document)
    return {
        "id": kept_id(collection, name),
        "collection": collection,
        "document_id": name,
        "user_id": owner,
        "document": document.extended(),
        "changed_at": updated_at(document.data, changed),
        "imported_at": job.now,
    }


def _name(document: Document) -> str:
    """A script's own id may be of any length."""
    name = document_id(document.data)
    return name if len(name) <= ID_LENGTH else _digest(name)


def kept_id(collection: str, name: str) -> str:
    """The primary key of a document that is kept."""
    return _digest(f"{collection}\x00{name}")[:24]


def _here(rows: Iterable[str]) -> dict[str, Row]:
    found = KeptDocument.objects.filter(pk__in=list(rows))
    return {each["id"]: dict(each) for each in found.values("id", "fingerprint", "changed_at")}


def _differs(row: Row, here: Row) -> bool:
    """Some collections have no dates, so what is not older is looked at."""
    is_older = row["changed_at"] < here["changed_at"]
    return not is_older and _digest(row["document"]) != here["fingerprint"]


def _sealed(row: Row, document: Document, job: Job, always: frozenset[str]) -> Row:
    sealing = Sealing(job.secrets, always)
    sealed = sealing.seal(json.loads(row["document"]))
    for _ in range(sealing.lost):
        job.tally.note(SECRET_LOST, row["document_id"], is_lost=True)
    return {**row, "document": json.dumps(sealed), "fingerprint": _digest(row["document"])}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
