"""How much one thing tells of another, in nats: pure functions on arrays of whole numbers."""

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.estimate import Estimate
from simulacra.seeds import stream

Numbers = NDArray[np.int64]
Array = NDArray[np.float64]

SHUFFLES = 200
KEY = 25  # of their draws


def information(a: Numbers, b: Numbers) -> Estimate:
    """Mutual information of two columns in nats, and its 95% interval.

    That of the shares in which pairs occur, less (cells in use - rows in use - columns in use + 1) / (2 n), by which it
    is too large on average: Miller 1955, as in Paninski 2003, Neural Computation 15(6), section 4.1. The interval is
    1.96 standard deviations of the mean of log p(a, b) / p(a) p(b).

    Args:
        a: (n,), 0 or more.
        b: (n,), 0 or more.

    Returns:
        0 where they are independent, the smaller of the two entropies where one decides the other; never below 0.
    """
    counts = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(counts, (a, b), 1)
    joint = counts / len(a)
    expected = joint.sum(1, keepdims=True) * joint.sum(0)
    used = joint > 0
    pointwise = np.log(joint[used] / expected[used])
    found = float((joint[used] * pointwise).sum())
    spread = float((joint[used] * np.square(pointwise - found)).sum()) ** 0.5
    surplus = (used.sum() - (counts.sum(1) > 0).sum() - (counts.sum(0) > 0).sum() + 1) / (2 * len(a))
    value, margin = max(0.0, found - float(surplus)), 1.96 * spread / len(a) ** 0.5
    return Estimate(value, max(0.0, value - margin), value + margin)


def chance(a: Numbers, b: Numbers) -> float:
    """What 19 of 20 shuffles of one column stay below: information that is not there."""
    random = stream(0, KEY)
    return float(np.quantile([information(random.permutation(a), b).value for _ in range(SHUFFLES)], 0.95))


def binned(values: NDArray[np.floating], ways: int = 10) -> Numbers:
    """Values (n,) by which of so many parts of equally many they fall into, from 0."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    found: Numbers = ranks * ways // len(values)
    return found
