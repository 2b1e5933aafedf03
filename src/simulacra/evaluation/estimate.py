"""Estimate: a number that was measured, and how sure it is."""

from dataclasses import dataclass


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
