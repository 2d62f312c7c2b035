"""The tables of the dashboard: what was used by person, group, preset, model and channel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from accounts.models import Group, User
from usage.analytics.measures import MEASURES, SUMS, TOTAL
from usage.analytics.reading import Selection, Sums, add_up
from usage.models import GroupOfPathNow, UsageName

COUNTS = tuple(name for name in SUMS if name not in ("first_token_ms", "total_ms"))
COLUMNS = COUNTS + TOTAL
_BY = ("user_id", "path", "preset", "model", "channel_id")
TITLES = {
    "user_id": "People",
    "group": "Groups",
    "preset": "Presets",
    "model": "Models",
    "channel_id": "Channels",
}
NOBODY = {
    "user_id": "(gone)", "preset": "(no preset)", "model": "(none)", "channel_id": "(none)",
    "token_id": "(no key)",
}  # fmt: skip
_KINDS = {"channel_id": "channel", "token_id": "token"}


@dataclass(frozen=True, slots=True)
class Row:
    key: Any
    sums: Sums
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``dimension`` is what its rows differ in: the name of a filter, too."""

    dimension: str
    rows: list[Row]

    @property
    def title(self) -> str:
        return TITLES[self.dimension]


def read_tables(selection: Selection) -> list[Table]:
    """The most expensive first. Two queries; labels are still to be looked up."""
    found = add_up(selection, by=_BY, measures=COLUMNS)
    groups = _groups_of_paths(selection.within)
    folded: dict[str, dict[Any, Sums]] = {dimension: {} for dimension in TITLES}
    for values, sums in found.items():
        of = dict(zip(_BY, values, strict=True))
        for dimension in TITLES:
            keys = groups.get(of["path"], ()) if dimension == "group" else (of[dimension],)
            for key in keys:
                _add(folded[dimension], key, sums)
    return [Table(dimension, _ordered(rows)) for dimension, rows in folded.items()]


def read_table(selection: Selection, dimension: str) -> tuple[Table, Sums]:
    """One table with all measures, days in their order; and the sums of all that is selected, in
    which nothing counts twice. One query, two for groups; labels are still to be looked up."""
    by = "path" if dimension == "group" else dimension
    found = {key: sums for (key,), sums in add_up(selection, by=(by,), measures=MEASURES).items()}
    totals = {name: sum(sums[name] for sums in found.values()) for name in MEASURES}
    if dimension == "day":
        return Table(dimension, [Row(day, found[day]) for day in sorted(found)]), totals
    if dimension == "group":
        groups, folded = _groups_of_paths(selection.within), dict[Any, Sums]()
        for path, sums in found.items():
            for group in groups.get(path, ()):
                _add(folded, group, sums)
        found = folded
    return Table(dimension, _ordered(found)), totals


def _groups_of_paths(within: frozenset[int] | None) -> Mapping[str, list[int]]:
    groups: dict[str, list[int]] = {}
    rows = GroupOfPathNow.objects.all()
    if within is not None:
        rows = rows.filter(group_id__in=sorted(within))
    for path, group_id in rows.values_list("path", "group_id"):
        groups.setdefault(path, []).append(group_id)
    return groups


def _add(rows: dict[Any, Sums], key: Any, sums: Sums) -> None:
    known = rows.get(key)
    if known is None:
        rows[key] = dict(sums)
    else:
        for name, value in sums.items():
            known[name] += value


def _ordered(rows: Mapping[Any, Sums]) -> list[Row]:
    def rank(row: Row) -> tuple[int, int, str]:
        return (-row.sums["cost_credits"], -row.sums["requests"], str(row.key))

    return sorted((Row(key, sums) for key, sums in rows.items()), key=rank)


def labelled(table: Table) -> Table:
    """With the names of its rows. One query, or none."""
    names = _names(table.dimension, [row.key for row in table.rows if row.key])
    nobody = NOBODY.get(table.dimension, "")
    rows = [
        replace(row, label=names.get(row.key, str(row.key)) if row.key else nobody)
        for row in table.rows
    ]
    return replace(table, rows=rows)


def _names(dimension: str, keys: Iterable[Any]) -> dict[Any, str]:
    found: Iterable[tuple[Any, str]] = ()
    if dimension == "user_id":
        found = User.objects.filter(pk__in=keys).values_list("pk", "email")
    elif dimension == "group":
        former = GroupOfPathNow.objects.filter(group_id__in=keys).values_list("group_id", "name")
        present = Group.objects.filter(pk__in=keys).values_list("pk", "name")
        found = [*former, *present]
    elif dimension in _KINDS:
        rows = UsageName.objects.filter(kind=_KINDS[dimension], key__in=keys)
        found = rows.values_list("key", "name")
    return {key: name for key, name in found if name}
