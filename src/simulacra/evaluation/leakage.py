"""How much turning one label moves the others: pure functions on arrays.

A generator obeys a label if turning it changes what a judge sees of that label, and nothing else. Row i of a leakage
matrix says by how much each judged label moves when label i is turned on; its diagonal is obedience, the rest leaks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.estimate import Estimate
from simulacra.seeds import stream

Array = NDArray[np.float64]
Numbers = NDArray[np.floating]

DRAWS = 500  # of a bootstrap
KEY = 23  # of its draws


def effects(before: Numbers, after: Numbers, labels: NDArray[np.bool_]) -> Array:
    """By how much each judged label moves when each asked one goes from off to on, all else held.

    Args:
        before: (n, J) judged probabilities of n images.
        after: (K, n, J) the same images with asked label i turned to its other value.
        labels: (n, K) whether a label was on before.

    Returns:
        (n, K, J); where a label was turned off, with the sign turned about.
    """
    signs = np.where(labels, -1.0, 1.0)
    moved: Array = (np.asarray(after, np.float64) - before).transpose(1, 0, 2) * signs[:, :, None]
    return moved


def ratio(matrix: Numbers) -> float:
    """Mean size of what is off the diagonal over that on it.

    Args:
        matrix: (K, J), J >= K; the first K columns are the asked labels, in the rows' order, and others do not count.

    Returns:
        0 where each label moves itself alone, 1 where it moves any other as much; inf where none moves itself, nan for
        fewer than two labels.
    """
    count = len(matrix)
    if count < 2:
        return float("nan")
    sizes = np.abs(matrix[:, :count])
    own = float(np.trace(sizes))
    others = float(sizes.sum()) - own
    return others / (count - 1) / own if own > 0 else float("inf")


def crossed(asked: NDArray[np.bool_], told: NDArray[np.bool_]) -> Array:
    """For each image its cell among asked classes by told ones, (n, K, K) of zeros and a one."""
    cells: Array = (asked[:, :, None] & told[:, None, :]).astype(np.float64)
    return cells


def shares(cells: NDArray[Any]) -> Array:
    """Rows (K, K) of counts or their means as shares of their row; a row without any stays 0."""
    totals = cells.sum(1, keepdims=True)
    found: Array = np.divide(cells, totals, out=np.zeros(cells.shape), where=totals > 0)
    return found


def resampled(values: Array, statistic: Callable[[Array], float], draws: int = DRAWS) -> Estimate:
    """A function of the mean over images, with the 95% interval of the percentile bootstrap over images.

    Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13. The draws are the same at every call.

    Args:
        values: (n, ...), one array an image.
        statistic: of the mean array; where it is not finite for one of the draws there is no interval.
        draws: how many.
    """
    count = len(values)
    flat = values.reshape(count, -1)
    value = statistic(values.mean(0))
    weights = stream(0, KEY).multinomial(count, np.full(count, 1 / count), size=draws) / count
    found = np.array([statistic(mean.reshape(values.shape[1:])) for mean in weights @ flat])
    if not np.isfinite(found).all():
        return Estimate(value)
    low, high = np.quantile(found, (0.025, 0.975))
    return Estimate(value, float(low), float(high))
