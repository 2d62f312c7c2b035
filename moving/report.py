"""What a move did, for people: in the terminal and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.template.loader import render_to_string

from librechat_backend.lib.json import JSONDict
from moving.checks import Check
from moving.tally import Tally

COLUMNS = ("read", "written", "updated", "unchanged", "merged", "skipped", "lost")


@dataclass(frozen=True, slots=True)
class Line:
    """``count`` documents of ``collection``, and why."""

    collection: str
    reason: str
    count: int
    examples: list[str]
    is_lost: bool = False


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
        return is_lossless and all(check.is_right for check in self.checks)

    @property
    def title(self) -> str:
        if self.is_dry_run:
            return "Rehearsal: nothing was written"
        return "Complete" if self.is_complete else "Not complete"

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        return [(name, _figures(tally)) for name, tally in self.tallies.items()]

    @property
    def lines(self) -> list[Line]:
        return [
            line
            for name, tally in self.tallies.items()
            for found in (tally.skipped, tally.notes, tally.repaired)
            for line in _lines(name, found)
        ]

    def as_text(self) -> str:
        return "\n".join(self._text())

    def _text(self) -> Iterator[str]:
        yield f"{'':22}" + "".join(f"{name:>12}" for name in COLUMNS)
        for name, figures in self.rows:
            yield f"{name:22}" + "".join(f"{figure:12,}" for figure in figures)
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
        return render_to_string("moving/report.html", {"report": self, "columns": COLUMNS})


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
