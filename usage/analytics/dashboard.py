"""What the dashboard shows: tiles, charts and tables, each number with the address of its rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from usage.analytics import formats
from usage.analytics.charts import Bar, Line, lines, stacked_bars
from usage.analytics.measures import FIRST, TOTAL, quantile
from usage.analytics.reading import Selection, Sums, add_up
from usage.analytics.tables import COLUMNS, Row, Table, labelled, read_tables

SHOWN = 10
_DAY_COLUMNS = (*COLUMNS, *FIRST)
# Names of the selection → parameters of the list of requests.
_PARAMETERS = {
    "face": "face__exact", "preset": "preset_slug__exact", "model": "model",
    "channel_id": "channel_id__exact", "token_id": "token_id__exact",
    "user_id": "user__id__exact", "group": "group",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    value: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """``bars`` or ``lines``; ``top`` is what the upper edge stands for."""

    title: str
    legend: tuple[str, ...]
    top: str
    bars: list[tuple[Bar, str, str]]
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class ShownTable:
    name: str
    title: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    total: int


Days = list[tuple[date, Sums]]


def read_days(selection: Selection) -> Days:
    """Each day with its sums, also those on which nothing was asked. One query."""
    found = add_up(selection, by=("day",), measures=_DAY_COLUMNS)
    count = (selection.end - selection.begin).days + 1
    days = [selection.begin + timedelta(days=n) for n in range(count)]
    return [(day, found.get((day,)) or dict.fromkeys(_DAY_COLUMNS, 0)) for day in days]


def total_of(days: Days) -> Sums:
    return {name: sum(sums[name] for _, sums in days) for name in _DAY_COLUMNS}


def answered(sums: Sums) -> int:
    """Each answer is in one bucket."""
    return sum(sums[name] for name in TOTAL)


def rows_url(selection: Selection, *, counted: str = "", **narrowed: Any) -> str:
    """The list of the requests that were added up."""
    chosen = {each.name: getattr(selection, each.name) for each in fields(selection)} | narrowed
    asked = {_PARAMETERS[name]: chosen[name] for name in _PARAMETERS if chosen[name]}
    days = {
        "created_at__gte": f"{chosen['begin']} 00:00:00+00:00",
        "created_at__lt": f"{chosen['end'] + timedelta(days=1)} 00:00:00+00:00",
    }
    query = urlencode({**days, **asked, **({"counted": counted} if counted else {})})
    return f"{reverse('admin:usage_requestlog_changelist')}?{query}"


def tiles(selection: Selection, total: Sums) -> list[Tile]:
    def url(counted: str = "") -> str:
        return rows_url(selection, counted=counted)

    done, requests = answered(total), total["requests"]
    first, whole = _latencies(total, FIRST), _latencies(total, TOTAL)
    tokens_in, tokens_out = total["input_tokens"], total["output_tokens"]
    return [
        Tile("Spent", formats.usd(total["cost_credits"]), url()),
        Tile("Requests", formats.count(requests), url(), f"{formats.count(done)} answered"),
        Tile(
            "Tokens",
            formats.short_count(tokens_in + tokens_out),
            url(),
            f"{formats.short_count(tokens_in)} in, {formats.short_count(tokens_out)} out",
        ),
        Tile("First word after", first[0], url("answered"), f"95 % within {first[1]}"),
        Tile("Whole answer after", whole[0], url("answered"), f"95 % within {whole[1]}"),
        _share("Failed or broke off", total["errors"], requests, url("errors")),
        _share("From the cache", total["cache_hits"], requests, url("cache_hits")),
        _share("At no cost", total["zero_priced"], done, url("zero_priced")),
        _share("Without a price", total["unpriced"], done, url("unpriced")),
    ]


def _share(label: str, part: int, whole: int, url: str) -> Tile:
    return Tile(label, formats.percent(part, whole), url, f"{formats.count(part)} requests")


def _latencies(sums: Sums, names: Sequence[str]) -> tuple[str, str]:
    counts = [sums[name] for name in names]
    return formats.duration(quantile(counts, 0.5)), formats.duration(quantile(counts, 0.95))


def charts(selection: Selection, days: Days) -> list[Chart]:
    def column(name: str) -> list[int]:
        return [sums[name] for _, sums in days]

    errors = column("errors")
    others = [sums["requests"] - sums["errors"] for _, sums in days]
    return [
        _bars(selection, days, "Spent", ("USD",), [column("cost_credits")], formats.usd),
        _bars(
            selection, days, "Requests", ("others", "failed or broke off"), [others, errors],
            formats.short_count,
        ),
        _bars(
            selection, days, "Tokens", ("in", "out"),
            [column("input_tokens"), column("output_tokens")], formats.short_count,
        ),
        _latency_chart("First word after", days, FIRST),
        _latency_chart("Whole answer after", days, TOTAL),
    ]  # fmt: skip


def _bars(
    selection: Selection, days: Days, title: str, legend: tuple[str, ...],
    series: list[list[int]], text: Callable[[Any], str],
) -> Chart:  # fmt: skip
    bars, highest = stacked_bars(series)
    shown = []
    for bar in bars:
        day = days[bar.day][0]
        value = text(series[bar.series][bar.day])
        note = f"{day}: {value} {legend[bar.series]}" if len(legend) > 1 else f"{day}: {value}"
        shown.append((bar, note, rows_url(selection, begin=day, end=day)))
    return Chart(title, legend if len(legend) > 1 else (), text(highest), shown, [])


def _latency_chart(title: str, days: Days, names: Sequence[str]) -> Chart:
    counts = [[sums[name] for name in names] for _, sums in days]
    drawn, highest = lines([[quantile(each, share) for each in counts] for share in (0.5, 0.95)])
    return Chart(title, ("half within", "95 % within"), formats.duration(highest), [], drawn)


_HEAD = (
    "Spent", "Requests", "Tokens in", "Tokens out", "Failed", "From cache", "At no cost",
    "Without price", "95 % within",
)  # fmt: skip


def shown_tables(selection: Selection) -> tuple[list[ShownTable], list[Table]]:
    """For the page, cut to the top; and whole, for what is offered to choose from."""
    tables = read_tables(selection)
    return [_shown(selection, table) for table in tables], tables


def _shown(selection: Selection, table: Table) -> ShownTable:
    top = labelled(Table(table.dimension, table.rows[:SHOWN]))
    rows = [_table_row(selection, table.dimension, row) for row in top.rows]
    return ShownTable(
        table.dimension, table.title, (table.title, *_HEAD), rows, total=len(table.rows)
    )


def days_table(selection: Selection, days: Days) -> ShownTable:
    """The newest first."""
    rows = [_day_row(selection, day, sums) for day, sums in reversed(days)]
    return ShownTable("day", "Days", ("Days", *_HEAD), rows, total=len(rows))


def _day_row(selection: Selection, day: date, sums: Sums) -> tuple[Cell, ...]:
    def url(counted: str = "") -> str:
        return rows_url(selection, begin=day, end=day, counted=counted)

    return Cell(str(day), url()), *_figures(sums, url)


def _table_row(selection: Selection, dimension: str, row: Row) -> tuple[Cell, ...]:
    def url(counted: str = "") -> str:
        """Rows without a value have no list of their own."""
        if not row.key:
            return ""
        return rows_url(selection, counted=counted, **{dimension: row.key})

    return Cell(row.label, url()), *_figures(row.sums, url)


def _figures(sums: Sums, url: Callable[[str], str]) -> tuple[Cell, ...]:
    def linked(name: str) -> Cell:
        return Cell(formats.count(sums[name]), url(name) if sums[name] else "")

    return (
        Cell(formats.usd(sums["cost_credits"]), url("")),
        Cell(formats.count(sums["requests"]), url("")),
        Cell(formats.count(sums["input_tokens"])),
        Cell(formats.count(sums["output_tokens"])),
        linked("errors"),
        linked("cache_hits"),
        linked("zero_priced"),
        linked("unpriced"),
        Cell(_latencies(sums, TOTAL)[1]),
    )
