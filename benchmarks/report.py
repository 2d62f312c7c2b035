"""Figures, and the table they end up in."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One measured line. ``target`` is empty for a figure that only explains another."""

    work: str
    measured: str
    target: str = ""
    is_met: bool | None = None


def at_least(work: str, value: float, target: float, unit: str) -> Row:
    return Row(work, f"{value:,.0f} {unit}", f"≥ {target:,.0f} {unit}", value >= target)


def at_most(work: str, value: float, target: float, unit: str) -> Row:
    return Row(work, f"{value:,.1f} {unit}", f"≤ {target:,.1f} {unit}", value <= target)


def figure(work: str, text: str) -> Row:
    return Row(work, text)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0…1) of ``values`` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> str:
    with open("/proc/meminfo") as file:
        memory_gib = int(file.readline().split()[1]) // 1024**2
    python = platform.python_version()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{os.cpu_count()} cores, {memory_gib} GiB, Linux, Python {python}, {today}"


def to_markdown(title: str, rows: Sequence[Row]) -> str:
    lines = [f"### {title}", "", "| work | measured | target | |", "|---|---|---|---|"]
    marks = {True: "✔", False: "✘", None: ""}
    lines += [f"| {r.work} | {r.measured} | {r.target} | {marks[r.is_met]} |" for r in rows]
    return "\n".join([*lines, ""])
