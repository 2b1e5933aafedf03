"""How far two sets of feature vectors are apart: pure functions on arrays (n, d).

Every pairwise computation goes in blocks of rows, so that 5,000 against 5,000 needs some hundred megabytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svdvals
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]
Features = NDArray[np.floating]

ROWS = 1000  # of a block of pairwise values


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


def frechet(a: Features, b: Features) -> float:
    """Frechet distance between two Gaussians with the means and covariances of two sets.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), Heusel et al. 2017, arXiv:1706.08500. The trace of the root is
    taken as the sum of the singular values of a product of the two factors, which are real and never negative, so no
    imaginary part has to be dropped and no small constant added.

    Args:
        a: (n, d) features; n of 2 or more.
        b: (m, d) features.

    Returns:
        The distance, 0 or more. It is biased upwards, the more the nearer n and m are to d.
    """
    with threadpool_limits(
        1, "blas"
    ):  # beside another busy program, more threads wait for one another and take far longer
        mean_a, spread_a = _moments(a)
        mean_b, spread_b = _moments(b)
        total = float(np.square(spread_a).sum() + np.square(spread_b).sum())
        shared = float(svdvals(spread_a @ spread_b.T, check_finite=False).sum())
    return max(0.0, float(np.square(mean_a - mean_b).sum()) + total - 2 * shared)


def _moments(features: Features) -> tuple[Array, Array]:
    """Mean (d,), and a factor F (min(n, d), d) with F^T F the unbiased covariance."""
    values = np.asarray(features, np.float64)
    mean = values.mean(0)
    centered = (values - mean) / np.sqrt(len(values) - 1)
    if len(values) <= values.shape[1]:
        return mean, centered
    factor: Array = np.asarray(np.linalg.qr(centered, mode="r"), np.float64)
    return mean, factor


def kernel(a: Features, b: Features, blocks: int = 20) -> Estimate:
    """Kernel distance: the squared maximum mean discrepancy under the kernel (x y / d + 1)^3.

    Unbiased, hence about 0 and as often below as above it for sets of one distribution: Binkowski et al. 2018,
    arXiv:1801.01401. They average over random subsets; here every pair is used once, and the standard error is that of
    the jackknife which leaves out one block of both sets at a time.

    Args:
        a: (n, d) features; n of 2 or more.
        b: (m, d) features.
        blocks: of the jackknife, fewer for sets of fewer than two a block.

    Returns:
        The value and the interval of 1.96 standard errors around it; none for sets of fewer than four.
    """
    blocks = min(blocks, len(a) // 2, len(b) // 2)
    if blocks < 2:
        return Estimate(float(_discrepancy(*_sums(a, b, 1))[0]))
    sums = _sums(a, b, blocks)
    value = _discrepancy(*(part.sum((0, 1), keepdims=True) for part in sums))[0]
    # Without block i: all pairs less those in its row or its column.
    kept = [part.sum((0, 1)) - part.sum(0) - part.sum(1) + part[np.arange(blocks), np.arange(blocks)] for part in sums]
    left = _discrepancy(*(part[:, None] for part in kept))
    margin = 1.96 * float(np.sqrt((blocks - 1) / blocks * np.square(left - left.mean()).sum()))
    return Estimate(float(value), float(value) - margin, float(value) + margin)


def _sums(a: Features, b: Features, blocks: int) -> tuple[Array, Array, Array]:
    """For pairs within a, within b, and across: (blocks, blocks, 2) sum of kernel values and number of pairs."""
    ends_a, ends_b = (np.linspace(0, len(part), blocks + 1).astype(int) for part in (a, b))
    found = [np.zeros((blocks, blocks, 2)) for _ in range(3)]
    for sums, (x, y), (rows, columns) in zip(
        found, ((a, a), (b, b), (a, b)), ((ends_a, ends_a), (ends_b, ends_b), (ends_a, ends_b)), strict=True
    ):
        right = np.asarray(y, np.float64)
        for i in range(blocks):
            values = (np.asarray(x[rows[i] : rows[i + 1]], np.float64) @ right.T / x.shape[1] + 1) ** 3
            count = np.ones(values.shape)
            if x is y:  # an image is no pair with itself
                own = np.arange(rows[i], rows[i + 1])
                values[np.arange(len(own)), own] = count[np.arange(len(own)), own] = 0
            sums[i, :, 0] = np.add.reduceat(values.sum(0), columns[:-1])
            sums[i, :, 1] = np.add.reduceat(count.sum(0), columns[:-1])
    return found[0], found[1], found[2]


def _discrepancy(within_a: Array, within_b: Array, across: Array) -> Array:
    """Squared discrepancies (k,) of sums and counts (k, 1, 2)."""
    means = [(part[..., 0] / part[..., 1]).ravel() for part in (within_a, within_b, across)]
    found: Array = means[0] + means[1] - 2 * means[2]
    return found


def neighbours(real: Features, made: Features, k: int = 3, k_dense: int = 5) -> dict[str, Estimate]:
    """Precision, recall, density and coverage: fidelity and variety told apart, by nearest neighbours.

    The set of a kind of image is thought of as balls around the known ones, each as wide as the distance to its k-th
    neighbour. Precision is the share of made images in a ball of a real one, recall that of real images in a ball of a
    made one: Kynkäänniemi et al. 2019, arXiv:1904.06991. Density counts in how many balls of real images a made one
    lies, over k; coverage is the share of real images with a made one in their ball: Naeem et al. 2020,
    arXiv:2002.09797. The intervals are those of a mean over images, the balls taken as given.

    Args:
        real: (n, d) features of real images.
        made: (m, d) features of made ones.
        k: for precision and recall.
        k_dense: for density and coverage.

    Returns:
        The four by name. All but density lie in [0, 1]; density is 1 on average for sets of one distribution.

    Raises:
        ValueError: a set has no more than k or k_dense points.
    """
    centre = np.asarray(real, np.float64).mean(0)  # far from the origin squares would lose digits
    known, found = np.asarray(real, np.float64) - centre, np.asarray(made, np.float64) - centre
    if min(len(real), len(made)) <= max(k, k_dense):
        raise ValueError(f"{len(real)} and {len(made)} points have no {max(k, k_dense)} neighbours each")
    narrow, wide = _radii(known, (k, k_dense))
    (around_made,) = _radii(found, (k,))
    precise = np.zeros(len(found), bool)
    dense = np.zeros(len(found))
    recalled, covered = np.zeros(len(known), bool), np.zeros(len(known), bool)
    for rows, squares in _squares(known, found):
        precise |= (squares <= narrow[rows, None]).any(0)
        recalled[rows] = (squares <= around_made).any(1)
        inside = squares <= wide[rows, None]
        dense += inside.sum(0) / k_dense
        covered[rows] = inside.any(1)
    return {
        "precision": share(precise),
        "recall": share(recalled),
        "density": _mean(dense),
        "coverage": share(covered),
    }


def _squares(a: Array, b: Array) -> Iterator[tuple[slice, Array]]:
    """Rows of a, and their squared distances (rows, m) to all of b, block by block."""
    lengths = np.square(b).sum(1)
    for start in range(0, len(a), ROWS):
        part = a[start : start + ROWS]
        squares = np.square(part).sum(1)[:, None] + lengths - 2 * part @ b.T
        yield slice(start, start + len(part)), np.maximum(squares, 0)


def _radii(points: Array, ks: tuple[int, ...]) -> list[Array]:
    """For each k, the squared distances (n,) of points to their k-th nearest other."""
    found = [np.empty(len(points)) for _ in ks]
    for rows, squares in _squares(points, points):
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = -1  # a point comes first before itself
        nearest = np.partition(squares, ks, axis=1)
        for radii, k in zip(found, ks, strict=True):
            radii[rows] = nearest[:, k]
    return found


def share(hits: NDArray[np.bool_]) -> Estimate:
    """A share and its 95% interval, which stays an interval where all or none hit: Wilson 1927, with z = 1.96."""
    n, found, z = len(hits), float(hits.mean()), 1.96
    centre = (found + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * (found * (1 - found) / n + z * z / (4 * n * n)) ** 0.5
    return Estimate(found, min(found, centre - margin), max(found, centre + margin))


def _mean(values: Array) -> Estimate:
    """The mean of one value an image, none below 0, and its 95% interval by the normal approximation."""
    mean = float(values.mean(dtype=np.float64))
    margin = 1.96 * float(values.std(ddof=1, dtype=np.float64)) / len(values) ** 0.5
    return Estimate(mean, max(0.0, mean - margin), mean + margin)
