"""Estimates: values with 95% intervals, and whether several of them differ by more than chance explains."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, hypot, inf
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# scipy is imported where it is used: the commands that only read a run's files begin without it.

Better = Literal["lower", "higher", "neither"]
Values = Sequence[float] | NDArray[np.floating]

LEVEL = 0.95  # of every interval, and of a conclusion about all runs together


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
    def of(cls, values: Values, least: float = -inf, most: float = inf, tests: int = 1) -> "Estimate":
        """The mean of independent values (n,), one or more, with Student's t-interval; without one for a single value.

        The interval is cut off at `least` and `most`, the smallest and largest possible mean; `tests` as in
        `difference`.
        """
        numbers = np.asarray(values, np.float64)
        mean, count = float(numbers.mean()), len(numbers)
        if count < 2:
            return cls(mean)
        margin = t_quantile(count - 1, tests) * float(numbers.std(ddof=1)) / count**0.5
        return cls(mean, max(least, mean - margin), min(most, mean + margin))

    def exp(self) -> "Estimate":
        """The exponential of the value and of both limits: a mean of logarithms as a geometric mean."""
        low, high = (None if limit is None else exp(limit) for limit in (self.low, self.high))
        return Estimate(exp(self.value), low, high)

    @classmethod
    def share(cls, hits: NDArray[np.bool_], worth: float | None = None) -> "Estimate":
        """The share of hits (n,), with an interval that has a width where all or none hit: Wilson 1927.

        Hits that depend on one another are `worth` fewer than n independent ones: n over the design effect, as in Korn
        and Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts".
        """
        value, n = float(hits.mean()), len(hits) if worth is None else worth
        z = NormalDist().inv_cdf(_quantile(1))
        middle = (value + z * z / (2 * n)) / (1 + z * z / n)
        margin = z / (1 + z * z / n) * (value * (1 - value) / n + z * z / (4 * n * n)) ** 0.5
        return cls(value, max(0.0, min(value, middle - margin)), min(1.0, max(value, middle + margin)))


def t_quantile(freedom: float, tests: int = 1) -> float:
    """How many standard errors, known with so many degrees of freedom, are half of an interval: Student 1908.

    The interval of one test is one of 95%; `tests` as in `difference`.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, _quantile(tests)))


@dataclass(frozen=True)
class Standing:
    """How several values stand against the best of them."""

    best: int  # index of the best value
    # each value less the best one, with the interval that decided; None for the best itself
    differences: tuple[Estimate | None, ...]
    # indices of the best value and of all values that do not differ from it by more than chance explains
    leading: tuple[int, ...]


def difference(a: Estimate, b: Estimate, tests: int = 1) -> Estimate | None:
    """One independent value less another, from the intervals of both.

    The errors add as squares, each taken on the side that faces the other value, so that intervals that are longer on
    one side, such as those of a share near 0 or 1, are used as they are: Newcombe 1998, "Interval estimation for the
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
    normal = NormalDist()
    wider = normal.inv_cdf(_quantile(tests)) / normal.inv_cdf(_quantile(1))
    below = wider * hypot(a.value - a.low, b.high - b.value)
    above = wider * hypot(a.high - a.value, b.value - b.low)
    if below == above == 0:
        return None
    return Estimate(a.value - b.value, a.value - b.value - below, a.value - b.value + above)


def welch(a: Values, b: Values, tests: int = 1) -> Estimate | None:
    """Mean of a less mean of b, one value per seed, of different spread: Welch 1947; `tests` as in `difference`.

    None with fewer than two values on a side, or where neither side has any spread.
    """
    from scipy.stats import ttest_ind

    if min(len(a), len(b)) < 2 or not (np.ptp(a) or np.ptp(b)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy takes a side without spread for a loss of precision
        interval = ttest_ind(a, b, equal_var=False).confidence_interval(_level(tests))
    return Estimate(float(np.mean(a) - np.mean(b)), float(interval.low), float(interval.high))


def paired(a: Values, b: Values, tests: int = 1) -> Estimate | None:
    """Mean of a less mean of b where values of the same index share a seed: Student's t-interval of their differences.

    None with fewer than two pairs, or where all pairs differ by the same; `tests` as in `difference`.
    """
    differences = np.subtract(a, b, dtype=np.float64)
    if len(differences) < 2 or not np.ptp(differences):
        return None
    return Estimate.of(differences, tests=tests)


def against_best(
    values: Sequence[float], better: Better, compare: Callable[[int, int, int], Estimate | None]
) -> Standing | None:
    """Which of two or more values are worse than the best one; None where one of the differences cannot be tested.

    Each of the others is compared with the best, at a level that Bonferroni's correction makes stricter by their
    number; so the value that is best in truth is counted among the worse ones in at most 5 of 100 cases, however many
    values there are and although the best one is picked by looking (multiple comparisons with the best, Hsu 1984, with
    a union bound in the place of Dunnett's value).

    `compare` takes (index, index, tests) and gives the first value less the second. Where neither direction is better,
    the highest value stands for the best.
    """
    best = min(range(len(values)), key=lambda index: values[index] if better == "lower" else -values[index])
    others = [index for index in range(len(values)) if index != best]
    differences = {index: compare(index, best, len(others)) for index in others}
    leading = [best]
    for index, estimate in differences.items():
        if estimate is None or estimate.low is None or estimate.high is None:
            return None
        if estimate.low <= 0 <= estimate.high:
            leading.append(index)
    return Standing(best, tuple(differences.get(index) for index in range(len(values))), tuple(sorted(leading)))


def _level(tests: int) -> float:
    return 1 - (1 - LEVEL) / tests


def _quantile(tests: int) -> float:
    return (1 + _level(tests)) / 2
