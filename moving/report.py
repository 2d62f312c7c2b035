"""What a move did, for people: in the terminal and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.template.loader import render_to_string

from librechat_backend.lib.json import JSONDict
from moving.checks import Check
from moving.labels import label
from moving.tally import Tally
from moving.terminal import printable

COLUMNS = ("read", "written", "updated", "unchanged", "merged", "skipped", "lost")
# What the columns mean, for people.
EXPLAINED = {
    "read": "found in the source",
    "written": "new here",
    "updated": "were here, and older",
    "unchanged": "were here as they are",
    "merged": "another one says the same and more",
    "skipped": "left out; why is said below",
    "lost": "somebody will miss them, or a part of them",
}


@dataclass(frozen=True, slots=True)
class Line:
    """``count`` documents of ``collection``, and why."""

    collection: str
    reason: str
    count: int
    examples: list[str]
    is_lost: bool = False

    @property
    def label(self) -> str:
        return label(self.collection)


@dataclass(frozen=True, slots=True)
class Counted:
    """A line of the table."""

    collection: str
    figures: list[int]
    is_taken: bool

    @property
    def label(self) -> str:
        return label(self.collection)

    @property
    def is_named(self) -> bool:
        """Whether people call it otherwise than the source."""
        return self.label != self.collection

    @property
    def cells(self) -> Iterator[tuple[str, int]]:
        return zip(COLUMNS, self.figures, strict=True)


@dataclass(frozen=True, slots=True)
class Report:
    """``unknown``: collections nobody takes. ``notes`` are about the source as a whole."""

    source: str
    seconds: float
    is_dry_run: bool
    tallies: Mapping[str, Tally]
    checks: list[Check] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Nothing is missing that somebody would miss."""
        is_lossless = not any(tally.lost_count for tally in self.tallies.values())
        return is_lossless and not self.wrong_checks

    @property
    def title(self) -> str:
        if self.is_dry_run:
            return "Rehearsal: nothing was written"
        return "Complete" if self.is_complete else "Not complete"

    @property
    def rows(self) -> list[Counted]:
        return [
            Counted(name, _figures(tally), bool(tally.stored_count or tally.merged))
            for name, tally in self.tallies.items()
        ]

    @property
    def taken(self) -> list[Counted]:
        """Collections of which something is here, or should be."""
        return [row for row in self.rows if row.is_taken or self.tallies[row.collection].lost_count]

    @property
    def left(self) -> list[Line]:
        """Why of the others nothing is here."""
        taken = {row.collection for row in self.taken}
        return [line for line in self.lines if line.collection not in taken]

    @property
    def lines(self) -> list[Line]:
        return [
            line
            for name, tally in self.tallies.items()
            for found in (tally.skipped, tally.notes, tally.repaired)
            for line in _lines(name, found)
        ]

    @property
    def lost(self) -> list[Line]:
        return [line for line in self.lines if line.is_lost]

    @property
    def skipped(self) -> list[Line]:
        """Left out, and nobody will miss it."""
        left = {line.collection for line in self.left}
        lines = self._lines("skipped")
        return [line for line in lines if not line.is_lost and line.collection not in left]

    @property
    def noted(self) -> list[Line]:
        return [line for line in self._lines("notes") if not line.is_lost]

    @property
    def repaired(self) -> list[Line]:
        return self._lines("repaired")

    @property
    def wrong_checks(self) -> list[Check]:
        return [check for check in self.checks if not check.is_right]

    @property
    def totals(self) -> dict[str, int]:
        """Of all collections, by the names of the columns."""
        every = [row.figures for row in self.rows]
        return {name: sum(row[place] for row in every) for place, name in enumerate(COLUMNS)}

    @property
    def here(self) -> int:
        """How many documents are here now."""
        return sum(tally.stored_count for tally in self.tallies.values())

    def _lines(self, kind: str) -> list[Line]:
        return [
            line
            for name, tally in self.tallies.items()
            for line in _lines(name, getattr(tally, kind))
        ]

    def as_text(self) -> str:
        return "\n".join(map(printable, self._text()))

    def _text(self) -> Iterator[str]:
        yield f"{'':30}" + "".join(f"{name:>12}" for name in COLUMNS)
        for row in self.rows:
            yield f"{row.collection:30}" + "".join(f"{figure:12,}" for figure in row.figures)
        for line in self.lines:
            examples = f" ({', '.join(line.examples)})" if line.examples else ""
            mark = "LOST " if line.is_lost else ""
            yield f"{line.collection}: {mark}{line.count:,} × {line.reason}{examples}"
        for check in self.checks:
            mark = "" if check.is_right else "WRONG "
            yield f"{check.collection}: {mark}{check.what}: {check.found}"
        yield from self.notes
        if self.unknown:
            yield f"Not taken, for nothing here is like it: {', '.join(self.unknown)}."
        yield f"{self.title}, {self.seconds:.0f} s."

    def as_html(self) -> str:
        return render_to_string("moving/report.html", {"report": self, "columns": EXPLAINED})


def _figures(tally: Tally) -> list[int]:
    return [
        tally.read,
        tally.written,
        tally.updated,
        tally.unchanged,
        tally.merged,
        tally.skipped_count,
        tally.lost_count,
    ]


def _lines(name: str, found: Mapping[str, JSONDict]) -> Iterator[Line]:
    for reason, entry in found.items():
        is_lost = entry.get("is_lost", False)
        yield Line(name, reason, entry["count"], entry["examples"], is_lost)
