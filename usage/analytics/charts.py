"""Numbers of days → the shapes of a chart, 100 units wide and high. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """``y`` counts from the top. ``day`` is its place, ``series`` its colour."""

    x: float
    y: float
    width: float
    height: float
    series: int
    day: int


@dataclass(frozen=True, slots=True)
class Line:
    """``points`` are ``x,y`` pairs; a day without a value ends a line and begins another."""

    points: str
    series: int


def stacked_bars(series: Sequence[Sequence[int]]) -> tuple[list[Bar], float]:
    """One bar for each day and series, each on top of the last; and the highest sum of a day."""
    days = len(series[0])
    highest = max((sum(each[day] for each in series) for day in range(days)), default=0)
    step = 100 / max(days, 1)
    bars = []
    for day in range(days):
        top = 100.0
        for number, values in enumerate(series):
            height = 100 * values[day] / highest if highest else 0
            top -= height
            if height:
                bars.append(Bar(day * step + step * 0.1, top, step * 0.8, height, number, day))
    return bars, highest


def lines(series: Sequence[Sequence[int | None]]) -> tuple[list[Line], float]:
    """One line for each series, in pieces where values are missing; and the highest value."""
    highest = max((value for values in series for value in values if value is not None), default=0)
    found = []
    for number, values in enumerate(series):
        step = 100 / max(len(values), 1)
        piece: list[str] = []
        for day, value in enumerate([*values, None]):
            if value is not None:
                middle = step * (day + 0.5)
                height = 100 - 100 * value / highest if highest else 100
                # A day alone is a short line, or it would not be seen.
                piece += [f"{middle - step * 0.1:.2f},{height:.2f}"] if not piece else []
                piece.append(f"{middle:.2f},{height:.2f}")
            elif piece:
                found.append(Line(" ".join(piece), number))
                piece = []
    return found, highest
