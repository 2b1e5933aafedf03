"""Estimate: a number that was measured, and how sure it is."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


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
