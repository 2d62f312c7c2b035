"""How sure a figure is. Pure.

Whoever is drawn into a variant is drawn as a person, and a person's answers resemble each other, so
a rate is a ratio of sums over people (answers that failed ÷ answers), and its error comes from how
people differ, not from how many answers there are: the linearised variance of a ratio estimator.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# 95 % of a normal distribution lie within.
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """``low`` and ``high`` bound it with 95 % confidence; None: too few people to tell."""

    value: float
    low: float | None
    high: float | None

    @property
    def error(self) -> float | None:
        return None if self.high is None else (self.high - self.value) / Z


def ratio(pairs: Iterable[tuple[float, float]]) -> Estimate | None:
    """``pairs``: of each person what is counted, and of how many. None where there are none."""
    people = [(part, whole) for part, whole in pairs if whole > 0]
    total = sum(whole for _, whole in people)
    if not total:
        return None
    value = sum(part for part, _ in people) / total
    count = len(people)
    if count < 2:
        return Estimate(value, None, None)
    squares = sum((part - value * whole) ** 2 for part, whole in people)
    error = math.sqrt(count / (count - 1) * squares) / total
    return Estimate(value, value - Z * error, value + Z * error)


def difference(of: Estimate, from_: Estimate) -> Estimate:
    """``of`` minus ``from_``, of people who are in one of both."""
    value = of.value - from_.value
    if of.error is None or from_.error is None:
        return Estimate(value, None, None)
    error = math.hypot(of.error, from_.error)
    return Estimate(value, value - Z * error, value + Z * error)
