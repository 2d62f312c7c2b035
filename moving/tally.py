"""What became of the documents of one collection. Pure; travels through JSON between runs."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field

from librechat_backend.lib.json import JSONDict

EXAMPLES = 5
SAMPLES = 100


@dataclass(slots=True)
class Tally:
    """Each document that was read is counted once among the next five.

    ``merged``: another document, or a row that was here, says more. ``skipped`` and ``repaired``:
    reason → how many, the ids of the first, and for what was skipped whether it is a loss.
    ``rows_before``: how many rows the table had when the move began. ``samples``: ids of rows →
    digest of what was written, to be compared at the end. ``sums`` are the collection's own.
    """

    read: int = 0
    written: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    skipped: dict[str, JSONDict] = field(default_factory=dict)
    repaired: dict[str, JSONDict] = field(default_factory=dict)
    notes: dict[str, JSONDict] = field(default_factory=dict)
    rows_before: int | None = None
    samples: dict[str, str] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: JSONDict) -> Tally:
        return cls(**data)

    def to_json(self) -> JSONDict:
        return {name: getattr(self, name) for name in self.__slots__}

    def copied(self) -> Tally:
        """For a batch that may fail."""
        return copy.deepcopy(self)

    def take(self, other: Tally) -> None:
        """Add what was read, and left out or changed, in another tally; it has nothing else."""
        self.read += other.read
        for own, theirs in (
            (self.skipped, other.skipped),
            (self.repaired, other.repaired),
            (self.notes, other.notes),
        ):
            for reason, entry in theirs.items():
                _merge(own.setdefault(reason, {"count": 0, "examples": []}), entry)

    def skip(self, reason: str, example: str = "", *, is_lost: bool = False) -> None:
        """``is_lost``: somebody will miss it, so the move is not complete."""
        _count(self.skipped, reason, example)["is_lost"] = is_lost

    def repair(self, what: str, example: str = "") -> None:
        """The document was taken, changed."""
        _count(self.repaired, what, example)

    def note(self, what: str, example: str = "", *, is_lost: bool = False) -> None:
        """Worth knowing of a document that was taken; ``is_lost``: a part of it is missing."""
        _count(self.notes, what, example)["is_lost"] = is_lost

    def add(self, name: str, amount: int) -> None:
        self.sums[name] = self.sums.get(name, 0) + amount

    @property
    def skipped_count(self) -> int:
        return _total(self.skipped.values())

    @property
    def lost_count(self) -> int:
        entries = [*self.skipped.values(), *self.notes.values()]
        return _total(entry for entry in entries if entry["is_lost"])

    @property
    def stored_count(self) -> int:
        return self.written + self.updated + self.unchanged


def _count(found: dict[str, JSONDict], reason: str, example: str) -> JSONDict:
    entry = found.setdefault(reason, {"count": 0, "examples": []})
    entry["count"] += 1
    if example and len(entry["examples"]) < EXAMPLES:
        entry["examples"].append(example)
    return entry


def _merge(entry: JSONDict, other: JSONDict) -> None:
    examples = [*entry["examples"], *other["examples"]][:EXAMPLES]
    entry.update(other, count=entry["count"] + other["count"], examples=examples)


def _total(entries: Iterable[JSONDict]) -> int:
    return sum(entry["count"] for entry in entries)
