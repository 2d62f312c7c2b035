"""The tables of the dashboard as CSV, whole."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

from usage.analytics.dashboard import read_days
from usage.analytics.measures import FIRST, TOTAL, quantile
from usage.analytics.reading import Selection, Sums
from usage.analytics.tables import COUNTS, labelled, read_tables

_Row = tuple[Any, str, Sums]
_Latency = tuple[str, tuple[str, ...]]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(selection: Selection, name: str) -> str | None:
    """The table ``name``; None: there is none. Costs are in credits, times in milliseconds."""
    if name == "day":
        days: list[_Row] = [(str(day), "", sums) for day, sums in read_days(selection)]
        return _text(name, days, (("first_token", FIRST), ("total", TOTAL)))
    for table in read_tables(selection):
        if table.dimension == name:
            found = labelled(table).rows
            return _text(
                name, [(row.key, row.label, row.sums) for row in found], (("total", TOTAL),)
            )
    return None


def _text(name: str, rows: Iterable[_Row], latencies: Iterable[_Latency]) -> str:
    out = StringIO()
    writer = csv.writer(out)
    shares = (("p50", 0.5), ("p95", 0.95))
    writer.writerow(
        [name, "name", *COUNTS, *(f"{t}_{p}_ms" for t, _ in latencies for p, _ in shares)]
    )
    for key, label, sums in rows:
        times = (
            quantile([sums[each] for each in names], share)
            for _, names in latencies
            for _, share in shares
        )
        writer.writerow(
            [_harmless(key), _harmless(label), *(sums[each] for each in COUNTS), *times]
        )
    return out.getvalue()


def _harmless(value: Any) -> str:
    """No formula for the program that opens it: names are chosen by people."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
