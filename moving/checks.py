"""After a move: is in the database what was read?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from moving.collections import COLLECTIONS
from moving.tally import Tally


@dataclass(frozen=True, slots=True)
class Check:
    """``collection`` was looked at for ``what``; ``found`` says what was seen."""

    collection: str
    what: str
    found: str
    is_right: bool


def check(tallies: Mapping[str, Tally]) -> Iterator[Check]:
    for collection in COLLECTIONS:
        tally = tallies.get(collection.name)
        if tally is None:
            continue
        yield _counted(collection.name, tally)
        if collection.table is None:
            continue
        rows = collection.table.model._default_manager.count()
        expected = (tally.rows_before or 0) + tally.written
        yield Check(collection.name, "rows", f"{rows:,} of at least {expected:,}", rows >= expected)
        if tally.samples:
            wrong = collection.table.differing(tally)
            found = f"{len(tally.samples) - len(wrong)} of {len(tally.samples)} as written"
            yield Check(collection.name, "samples", ", ".join([found, *wrong[:5]]), not wrong)


def _counted(name: str, tally: Tally) -> Check:
    accounted = tally.stored_count + tally.merged + tally.skipped_count
    found = f"{accounted:,} of {tally.read:,} documents"
    return Check(name, "accounted for", found, accounted == tally.read)
