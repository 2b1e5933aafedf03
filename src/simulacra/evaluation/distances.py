"""How far two sets of feature vectors are apart: pure functions on arrays (n, d).

Every pairwise computation goes in blocks of rows, so that 5,000 against 5,000 needs some hundred megabytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulacra.estimates import Estimate, t_quantile
from simulacra.seeds import Draw, stream

Array = NDArray[np.float64]
Features = NDArray[np.floating]
Flags = NDArray[np.bool_]

ROWS = 1000  # of a block of pairwise values
BLOCKS = 20  # of the kernel distance's jackknife
NARROW, WIDE = 3, 5  # neighbours: for precision and recall, for density and coverage
NEAR = 24  # neighbours that are kept of each image: five of them are in a half of the set but for one image of 1,000
TIED, LOST = 1e-9, 1e-13  # relative differences of squared distances, and parts of squared lengths: rounding
SPLITS = 10  # of the sets into halves, for the intervals of neighbours
PARTS = 3  # of a set, for the limit of the Frechet distance; one after another is left out
SMALLEST = 1e-6  # singular values below this share of the largest are lost in rounding, and add nothing to an interval


class Moments(NamedTuple):
    """Mean and covariance of a set."""

    mean: Array  # (d,)
    factor: Array  # (k, d), k at most n and d; factor^T factor is the unbiased covariance


@dataclass(frozen=True)
class Cloud:
    """A set of vectors that is compared with several others, so that what depends on it alone is computed once."""

    features: Features  # (n, d), n of 2 or more
    # what is known already: "kernel-20", sums and counts of pairs in 20 blocks; "near", squared distances to the
    # nearest others, and their indices. Given to a Cloud of the same features, it is not computed again.
    computed: dict[str, Array] = field(default_factory=dict)

    def within(self, blocks: int) -> Array:
        """(blocks, blocks, 2) sum of kernel values and number of pairs, an image being no pair with itself."""
        return self._cached(f"kernel-{blocks}", lambda: _sums(self.features, self.features, blocks, same=True))

    def radii(self, k: int, kept: Flags) -> Array:
        """(parts, n) squared distance of each vector to its k-th nearest other among those kept; k of NEAR or fewer.

        Kept are (parts, n) of the vectors; of the others it is -1, a ball that holds nothing.
        """
        squares, rows = self._cached("near", lambda: _near(self.features))
        others, radii = rows.astype(np.int64), np.empty(kept.shape)
        for part, mask in enumerate(kept):
            near = mask[others]
            column = (near.cumsum(1) >= k).argmax(1)
            column[near.sum(1) < k] = -1  # so few of the nearest are kept that the farthest stands for one beyond
            # A distance that is as large but for rounding lies within, whichever set it was computed from.
            radii[part] = np.where(mask, squares[np.arange(len(squares)), column] * (1 + TIED), -1)
        return radii

    def learn(self) -> None:
        """Computes what `kernel` and `neighbours` ask for by default."""
        self.within(max(1, min(BLOCKS, len(self.features) // 2)))
        self._cached("near", lambda: _near(self.features))

    @cached_property
    def centered(self) -> Array:
        """(n, d) float64 features less their mean."""
        values = np.asarray(self.features, np.float64)
        return values - values.mean(0)

    @cached_property
    def moments(self) -> Moments:
        """Of all features."""
        return moments_of(self.features)

    @cached_property
    def parts(self) -> tuple[Moments, ...]:
        """Of all but every third vector, from the first, second, and third on; n of 6 or more."""
        remainder = np.arange(len(self.features)) % PARTS
        return tuple(moments_of(self.features[remainder != part]) for part in range(PARTS))

    def _cached(self, name: str, compute: Callable[[], Array]) -> Array:
        if name not in self.computed:
            self.computed[name] = compute()
        return self.computed[name]


def _as_cloud(features: Features | Cloud) -> Cloud:
    """Features as a Cloud; one stays as it is."""
    return features if isinstance(features, Cloud) else Cloud(features)


def kernel(a: Features | Cloud, b: Features | Cloud, blocks: int = BLOCKS) -> Estimate:
    """Kernel distance: the squared maximum mean discrepancy under the kernel (x y / d + 1)^3.

    Unbiased, hence about 0 and as often below as above it for sets of one distribution: Binkowski et al. 2018,
    arXiv:1801.01401. They average over random subsets; here every pair is used once, and the standard error is that of
    the jackknife which leaves out one block of both sets at a time.

    Args:
        a: (n, d) features; n of 2 or more, in random order, as blocks are neighbours.
        b: (m, d) features, likewise.
        blocks: of the jackknife, fewer for sets of fewer than two per block.

    Returns:
        The value and the interval of 1.96 standard errors around it; none for sets of fewer than four.
    """
    first, second = _as_cloud(a), _as_cloud(b)
    blocks = min(blocks, len(first.features) // 2, len(second.features) // 2)
    too_few = blocks < 2
    blocks = max(1, blocks)
    sums = (first.within(blocks), second.within(blocks), _sums(first.features, second.features, blocks))
    value = float(_discrepancy(*(part.sum((0, 1), keepdims=True) for part in sums))[0])
    if too_few:
        return Estimate(value)
    # Without block i: all pairs less those in its row or its column.
    without = [part.sum((0, 1)) - part.sum(0) - part.sum(1) + np.diagonal(part).T for part in sums]
    left = _discrepancy(*(part[:, None] for part in without))
    return Estimate.within(value, float(np.sqrt((blocks - 1) / blocks * np.square(left - left.mean()).sum())))


def _sums(a: Features, b: Features, blocks: int, same: bool = False) -> Array:
    """(blocks, blocks, 2) sum of kernel values and number of pairs; of one and the same set, no vector with itself."""
    rows, columns = (np.linspace(0, len(part), blocks + 1).astype(int) for part in (a, b))
    sums, right = np.zeros((blocks, blocks, 2)), np.asarray(b, np.float64)
    for i in range(blocks):
        values = (np.asarray(a[rows[i] : rows[i + 1]], np.float64) @ right.T / a.shape[1] + 1) ** 3
        count = np.ones(values.shape)
        if same:
            itself = np.arange(rows[i + 1] - rows[i]), np.arange(rows[i], rows[i + 1])
            values[itself] = count[itself] = 0
        sums[i, :, 0] = np.add.reduceat(values.sum(0), columns[:-1])
        sums[i, :, 1] = np.add.reduceat(count.sum(0), columns[:-1])
    return sums


def _discrepancy(within_a: Array, within_b: Array, across: Array) -> Array:
    """Squared discrepancies (k,) of sums and counts (k, 1, 2)."""
    means = [(part[..., 0] / part[..., 1]).ravel() for part in (within_a, within_b, across)]
    return means[0] + means[1] - 2 * means[2]


def neighbours(
    real: Features | Cloud, generated: Features | Cloud, k: int = NARROW, k_dense: int = WIDE
) -> dict[str, Estimate]:
    """Precision, recall, density and coverage: fidelity and diversity apart, by neighbours of features (n, d), (m, d).

    A set of images stands for balls around its images, each as wide as the distance to the k-th neighbour. Precision is
    the share of generated images in a ball of a real one, recall that of real images in a ball of a generated one:
    Kynkäänniemi et al. 2019, arXiv:1904.06991. Density counts in how many balls of real images, as wide as to their
    `k_dense`-th neighbour, a generated one lies, over k_dense; it is 1 on average for sets of one distribution.
    Coverage is the share of real images with a generated one in their ball: Naeem et al. 2020, arXiv:2002.09797.

    The intervals hold the draw of both sets. Images that share balls depend on one another, so the standard error is
    that of the values of two random halves of both sets, balls included, over several splits: McCarthy 1969,
    "Pseudo-replication: half samples". A jackknife, which leaves out small blocks, takes jumps for more than they are
    (Shao and Wu 1989). For shares the error says how many independent images the images are worth.

    Args:
        real: (n, d) features.
        generated: (m, d) features.
        k: of precision and recall.
        k_dense: of density and coverage.

    Raises:
        ValueError: a set has no more than k or k_dense points.
    """
    around_real, around_generated = _as_cloud(real), _as_cloud(generated)
    fewest = min(len(around_real.features), len(around_generated.features))
    if fewest <= max(k, k_dense):
        raise ValueError(f"a set of {fewest} points has no {max(k, k_dense)} neighbours each")
    splits = SPLITS if fewest // 2 > max(k, k_dense) else 0
    kept_real, kept = _halves(len(around_real.features), splits, 0), _halves(len(around_generated.features), splits, 1)
    narrow, wide = (around_real.radii(each, kept_real) for each in (k, k_dense))
    of_generated = around_generated.radii(k, kept)
    precise, dense = np.zeros(kept.shape, bool), np.zeros(kept.shape)
    recalled, covered = np.zeros(kept_real.shape, bool), np.zeros(kept_real.shape, bool)
    for rows, squares in _squares(around_real.features, around_generated.features):
        for part, mask in enumerate(kept):
            precise[part] |= (squares <= narrow[part, rows, None]).any(0)
            recalled[part, rows] = (squares <= of_generated[part]).any(1)
            inside = squares <= wide[part, rows, None]
            dense[part] += inside.sum(0) / k_dense
            covered[part, rows] = (inside & mask).any(1)
    density, margin = float(dense[0].mean()), _margin(dense, kept)
    return {
        "precision": _share(precise, kept),
        "recall": _share(recalled, kept_real),
        "density": Estimate(density, max(0.0, density - margin), density + margin),
        "coverage": _share(covered, kept_real),
    }


def _halves(n: int, splits: int, key: int) -> Flags:
    """(2 splits + 1, n) which of n vectors are in a part: all, then two random halves after another."""
    random, parts = stream(0, Draw.NEIGHBOUR_HALVES, key), [np.ones(n, bool)]
    for _ in range(splits):
        half = random.permutation(n) < n // 2
        parts += [half, ~half]
    return np.stack(parts)


def _share(hits: Flags, kept: Flags) -> Estimate:
    """The share of hits among all images, from hits (2 splits + 1, n) in each part."""
    share, n, margin = float(hits[0].mean()), hits.shape[1], _margin(hits, kept)
    worth = share * (1 - share) * (1.96 / margin) ** 2 if margin and 0 < share < 1 else n
    return Estimate.share(hits[0], min(n, worth))


def _margin(values: NDArray[Any], kept: Flags) -> float:
    """Half of the interval of the mean over all images, from how the means of two halves differ.

    Without halves it is that of independent values.
    """
    if len(kept) == 1:
        return 1.96 * float(values[0].std(ddof=1)) / len(values[0]) ** 0.5
    means = (values * kept)[1:].sum(1) / kept[1:].sum(1)
    return t_quantile(len(means) // 2) * float(np.sqrt(np.square((means[::2] - means[1::2]) / 2).mean()))


def nearer(train: Features, held_out: Features, generated: Features) -> Estimate:
    """Memorisation: the share of vectors (n, d) of samples nearer to a training image than to any held-out one.

    It is a half for a model that learned the distribution and no image, among as many training as held-out images, both
    (m, d); ties count half. After the tests of Meehan et al. 2020, arXiv:2004.05675, and Alaa et al. 2022,
    arXiv:2102.08921. The interval is that of a mean over generated vectors, the real ones taken as given.
    """
    to_train, to_held_out = (
        np.concatenate([squares.min(1) for _, squares in _squares(generated, real)]) for real in (train, held_out)
    )
    ties = np.isclose(
        to_train, to_held_out, rtol=1e-6, atol=1e-9 * float(to_held_out.mean())
    )  # a picture that is there twice
    return Estimate.of(np.where(ties, 0.5, to_train < to_held_out), 0.0, 1.0)


def _squares(a: Features, b: Features) -> Iterator[tuple[slice, Array]]:
    """Rows of a, and their squared distances (rows, m) to all of b, block by block."""
    centre = np.asarray(a, np.float64).mean(0)  # far from the origin squares would lose digits
    left, right = np.asarray(a, np.float64) - centre, np.asarray(b, np.float64) - centre
    lengths = np.square(right).sum(1)
    for start in range(0, len(a), ROWS):
        part = left[start : start + ROWS]
        both = np.square(part).sum(1)[:, None] + lengths
        squares = both - 2 * part @ right.T
        squares[squares < LOST * both] = 0  # of equal vectors nothing but rounding is left
        yield slice(start, start + len(part)), squares


def _near(points: Features) -> Array:
    """Squared distances (2, n, NEAR or n - 1) of each point to its nearest others, ascending, and their indices."""
    count = min(NEAR, len(points) - 1)
    near = np.empty((2, len(points), count))
    for rows, squares in _squares(points, points):
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = np.inf  # no point is its own neighbour
        first = np.argpartition(squares, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(squares, first, 1).argsort(1, kind="stable")
        near[1, rows] = np.take_along_axis(first, order, 1)
        near[0, rows] = np.take_along_axis(squares, np.take_along_axis(first, order, 1), 1)
    return near


def moments_of(features: Features) -> Moments:
    """Mean and a factor of the covariance of features (n, d), n of 2 or more."""
    from scipy.linalg import lapack

    values = np.asarray(features, np.float64)
    mean = values.mean(0)
    centered = (values - mean) / np.sqrt(len(values) - 1)
    if len(values) <= values.shape[1]:
        return Moments(mean, centered)
    # Cholesky's factor with pivots, since features that never change, or go together, leave the covariance singular.
    factor, pivots, rank, _ = lapack.dpstrf(centered.T @ centered)
    columns = np.zeros((rank, values.shape[1]))
    columns[:, pivots - 1] = np.triu(factor)[:rank]
    return Moments(mean, columns)


def frechet(a: Features, b: Features) -> float:
    """Frechet distance of two Gaussians with the means and covariances of sets (n, d) and (m, d), n and m of 2 or more.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), Heusel et al. 2017, arXiv:1706.08500. The trace of the root is
    taken as the sum of the singular values of a product of the two factors, which are real and never negative, so no
    imaginary part has to be dropped and no small constant added. It is 0 or more, and biased upwards, the more the
    nearer n and m are to d.
    """
    with threadpool_limits(1, "blas"):  # beside another busy program, more threads wait for one another
        return max(0.0, _distance(moments_of(a), moments_of(b)))


def frechet_pair(a: Cloud, b: Cloud) -> tuple[Estimate, Estimate]:
    """The Frechet distance with its 95% interval, and its limit for ever more images, which may be a little below 0.

    The interval is 1.96 standard errors by the infinitesimal jackknife, from how much each image moves the distance:
    Efron 1982, The Jackknife, chapter 6; the limit law is that of Rippl et al. 2016, arXiv:1507.04090. It covers the
    draw of both sets' images at these numbers of them, hence what another draw would give, bias and all; for sets of
    one distribution it is wider than it need be. It does not cover training again with another seed.

    The limit takes the bias to fall as one over the number of images: Chong & Forsyth 2020, arXiv:1911.07023, who fit
    a line to many subsets. Here it goes through two points, all images, and the mean of three times two thirds of both
    sets: smaller subsets, which may have fewer images than features, bend the line. Its interval has the width of the
    first. From about 1.5 times as many images as features on, little bias is left; with fewer it is too high.
    """
    with threadpool_limits(1, "blas"):
        value, error = _distance_and_error(a, b)
        thirds = [_distance(*pair) for pair in zip(a.parts, b.parts, strict=True)]
    limit = value - (PARTS - 1) * (float(np.mean(thirds)) - value)
    low, high = value - 1.96 * error, value + 1.96 * error
    return Estimate(max(0.0, value), max(0.0, low), high), Estimate.within(limit, error)


def _distance(a: Moments, b: Moments) -> float:
    from scipy.linalg import eigvalsh

    product = _product(a, b)
    roots = np.sqrt(np.maximum(eigvalsh(product @ product.T, check_finite=False), 0))
    return _apart(a, b) - 2 * float(roots.sum())


def _product(a: Moments, b: Moments) -> Array:
    """Of the two factors, whose singular values are the roots; not wider than it is high."""
    return a.factor @ b.factor.T if len(a.factor) <= len(b.factor) else b.factor @ a.factor.T


def _apart(a: Moments, b: Moments) -> float:
    """The distance but for the trace of the root."""
    return float(np.square(a.mean - b.mean).sum() + np.square(a.factor).sum() + np.square(b.factor).sum())


def _distance_and_error(a: Cloud, b: Cloud) -> tuple[float, float]:
    """The distance, 0 but for rounding or more, and its standard error.

    With S_a = F^T F and U s^2 U^T = F S_b F^T, what an image x of b, taken from its mean, adds to the trace of the
    root is half of |s^(-1/2) U^T F x|^2, and one of a half of |s^(-3/2) U^T F S_b x|^2.
    """
    from scipy.linalg import eigh

    if len(a.moments.factor) > len(b.moments.factor):
        return _distance_and_error(b, a)
    product = _product(a.moments, b.moments)
    squares, vectors = eigh(product @ product.T, check_finite=False, driver="evd")
    roots = np.sqrt(np.maximum(squares, 0))
    value = _apart(a.moments, b.moments) - 2 * float(roots.sum())
    large = roots > SMALLEST * roots.max(initial=0.0)  # of constant features there is none
    roots, axes = roots[large], vectors[:, large].T @ a.moments.factor
    of_b = axes / np.sqrt(roots)[:, None]
    of_a = (axes @ b.moments.factor.T) @ b.moments.factor / roots[:, None] ** 1.5
    gap = a.moments.mean - b.moments.mean
    squared = [_influence(a, gap, of_a), _influence(b, -gap, of_b)]
    return value, float(sum(squared)) ** 0.5


def _influence(cloud: Cloud, gap: Array, axes: Array) -> float:
    """The part of the squared error that the images of one set bring in."""
    x = cloud.centered.astype(np.float32)  # an error needs few digits
    moved = 2 * x @ gap.astype(np.float32) + np.square(x).sum(1) - np.square(x @ axes.T.astype(np.float32)).sum(1)
    return float(moved.var(ddof=1, dtype=np.float64)) / len(x)
