"""Estimates: values with 95% intervals, and whether several of them differ by more than chance explains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, inf, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Better = Literal["lower", "higher", "neither"]

LEVEL = 0.95  # of every interval, and of a verdict over all runs together


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def within(cls, value: float, error: float) -> "Estimate":
        """A value with 1.96 standard errors on either side: the normal approximation."""
        return cls(value, value - 1.96 * error, value + 1.96 * error)

    @classmethod
    def of(cls, values: NDArray[np.floating], least: float = -inf, most: float = inf) -> "Estimate":
        """The mean of independent values (n,) by Student's t, its interval cut to [least, most]; none of one value."""
        mean = float(values.mean(dtype=np.float64))
        if len(values) < 2:
            return cls(mean)
        margin = t_quantile(len(values) - 1) * float(values.std(ddof=1, dtype=np.float64)) / len(values) ** 0.5
        return cls(mean, max(least, mean - margin), min(most, mean + margin))


def t_quantile(freedom: int) -> float:
    """How many standard errors, known with so many degrees of freedom, are half of a 95% interval: Student 1908."""
    return float(stdtrit(freedom, 0.975))


@dataclass(frozen=True)
class Standing:
    """How several values stand against the best of them.

    Attributes:
        best: place of the best value.
        differences: each value less the best one, with the interval that decided; None for the best itself.
        leading: places of the best and of all that cannot be told from it.
    """

    best: int
    differences: tuple[Estimate | None, ...]
    leading: tuple[int, ...]


def apart(a: Estimate, b: Estimate, tests: int = 1) -> Estimate | None:
    """One independent value less another, from the intervals of both.

    The errors add as squares, each taken on the side that faces the other value, so that intervals that are longer on
    one side, as those of a share near 0 or 1, are used as they are: Newcombe 1998, "Interval estimation for the
    difference between independent proportions", method 10; for any two intervals Zou and Donner 2008. With equal sides
    it is the difference with its combined standard error.

    Args:
        a: with its 95% interval.
        b: with its 95% interval.
        tests: how many such differences share an error of 5% (Bonferroni); the interval is that much wider.

    Returns:
        The difference; None where an interval is missing, or neither has any width.
    """
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    wider = _normal(tests) / _normal(1)
    below = wider * hypot(a.value - a.low, b.high - b.value)
    above = wider * hypot(a.high - a.value, b.value - b.low)
    if below == above == 0:
        return None
    return Estimate(a.value - b.value, a.value - b.value - below, a.value - b.value + above)


def mean_of(values: Sequence[float], tests: int = 1) -> Estimate:
    """The mean and Student's t-interval of it; none of a single value, whose spread is not known.

    Args:
        values: one a seed.
        tests: as in `apart`.
    """
    if len(values) < 2:
        return Estimate(fmean(values))
    return _around(fmean(values), stdev(values) / sqrt(len(values)), len(values) - 1, tests)


def welch(a: Sequence[float], b: Sequence[float], tests: int = 1) -> Estimate | None:
    """Mean of a less mean of b, two samples of different spread.

    Welch 1947, "The generalization of 'Student's' problem": degrees of freedom by Satterthwaite's formula.

    Args:
        a: one value a seed.
        b: one value a seed.
        tests: as in `apart`.

    Returns:
        The difference; None with fewer than two values on a side, or where neither side has any spread.
    """
    if min(len(a), len(b)) < 2:
        return None
    parts = [(stdev(values) ** 2 / len(values), len(values) - 1) for values in (a, b)]
    total = sum(part for part, _ in parts)
    if not total:
        return None
    freedom = total**2 / sum(part**2 / less for part, less in parts)
    return _around(fmean(a) - fmean(b), sqrt(total), freedom, tests)


def paired(a: Sequence[float], b: Sequence[float], tests: int = 1) -> Estimate | None:
    """Mean of a less mean of b where values in equal places share a seed: Student's t-interval of their differences.

    Args:
        a: one value a seed.
        b: one value a seed, of the same seeds in the same order.
        tests: as in `apart`.

    Returns:
        The difference; None with fewer than two pairs, or where all pairs differ by the same.
    """
    between = [one - other for one, other in zip(a, b, strict=True)]
    if len(between) < 2 or not stdev(between):
        return None
    return mean_of(between, tests)


def against_best(
    values: Sequence[float], better: Better, difference: Callable[[int, int, int], Estimate | None]
) -> Standing | None:
    """Which values are worse than the best one.

    Each of the others is held against the best, at a level that Bonferroni's correction makes stricter by their number;
    so the one that is best in truth is counted among the worse ones in at most 5 of 100 cases, however many there are
    and although the best one is picked by looking (multiple comparisons with the best, Hsu 1984, with a union bound in
    the place of Dunnett's value).

    Args:
        values: two or more.
        better: where better numbers lie; for `neither` the highest stands for the best.
        difference: (place, place, tests) -> the first value less the second.

    Returns:
        How they stand; None where one of the differences cannot be tested.
    """
    best = min(range(len(values)), key=lambda place: values[place] if better == "lower" else -values[place])
    others = [place for place in range(len(values)) if place != best]
    found = {place: difference(place, best, len(others)) for place in others}
    leading = [best]
    for place, one in found.items():
        if one is None or one.low is None or one.high is None:
            return None
        if one.low <= 0 <= one.high:
            leading.append(place)
    return Standing(best, tuple(found.get(place) for place in range(len(values))), tuple(sorted(leading)))


def _around(value: float, error: float, freedom: float, tests: int) -> Estimate:
    margin = float(stdtrit(freedom, _quantile(tests))) * error
    return Estimate(value, value - margin, value + margin)


def _normal(tests: int) -> float:
    return NormalDist().inv_cdf(_quantile(tests))


def _quantile(tests: int) -> float:
    return 1 - (1 - LEVEL) / 2 / tests
