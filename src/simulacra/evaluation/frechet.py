"""The Frechet distance of two sets of feature vectors: its value, its interval, and its limit for ever more images."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, eigvalsh, lapack
from threadpoolctl import threadpool_limits

from simulacra.estimates import Estimate

Array = NDArray[np.float64]
Features = NDArray[np.floating]

PARTS = 3  # of a set; one after another is left out
SMALLEST = 1e-6  # singular values below this share of the largest are lost in rounding, and add nothing to an interval


class Moments(NamedTuple):
    """Mean and covariance of a set.

    Attributes:
        mean: (d,).
        factor: (k, d), k at most n and d; factor^T factor is the unbiased covariance.
    """

    mean: Array
    factor: Array


@dataclass(frozen=True)
class Spread:
    """A set's features with their moments, which are computed once.

    Attributes:
        features: (n, d), n of 6 or more.
    """

    features: Features

    @cached_property
    def centered(self) -> Array:
        """(n, d) float64 features less their mean."""
        values = np.asarray(self.features, np.float64)
        return values - values.mean(0)

    @cached_property
    def whole(self) -> Moments:
        """Of all images."""
        return moments(self.features)

    @cached_property
    def parts(self) -> tuple[Moments, ...]:
        """Of the images but every third, from the first, second, and third on."""
        remainder = np.arange(len(self.features)) % PARTS
        return tuple(moments(self.features[remainder != part]) for part in range(PARTS))


def moments(features: Features) -> Moments:
    """Mean and a factor of the covariance of features (n, d), n of 2 or more."""
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
    with threadpool_limits(1, "blas"):  # beside another busy program, more threads wait for one another
        return max(0.0, _distance(moments(a), moments(b)))


def frechet_pair(a: Spread, b: Spread) -> tuple[Estimate, Estimate]:
    """The Frechet distance with its 95% interval, and its limit for ever more images.

    The interval is 1.96 standard errors by the infinitesimal jackknife, from how much each image moves the distance:
    Efron 1982, The Jackknife, chapter 6; the limit law is that of Rippl et al. 2016, arXiv:1507.04090. It covers the
    draw of both sets' images at these numbers of them, hence what another draw would give, bias and all; for sets of
    one distribution it is wider than it need be. It does not cover training again with another seed.

    The limit takes the bias to fall as one over the number of images: Chong & Forsyth 2020, arXiv:1911.07023, who fit
    a line to many subsets. Here it goes through two points, all images, and the mean of three times two thirds of both
    sets: smaller subsets, which may have fewer images than features, bend the line. Its interval has the width of the
    first. From about 1.5 times as many images as features on, little bias is left; with fewer it is too high.

    Args:
        a: one set.
        b: the other.

    Returns:
        Both; the limit may be a little below 0.
    """
    with threadpool_limits(1, "blas"):
        value, error = _distance_and_error(a, b)
        thirds = [_distance(*pair) for pair in zip(a.parts, b.parts, strict=True)]
    limit = value - (PARTS - 1) * (float(np.mean(thirds)) - value)
    low, high = value - 1.96 * error, value + 1.96 * error
    return Estimate(max(0.0, value), max(0.0, low), high), Estimate.within(limit, error)


def _distance(a: Moments, b: Moments) -> float:
    product = _product(a, b)
    roots = np.sqrt(np.maximum(eigvalsh(product @ product.T, check_finite=False), 0))
    return _apart(a, b) - 2 * float(roots.sum())


def _product(a: Moments, b: Moments) -> Array:
    """Of the two factors, whose singular values are the roots; not wider than it is high."""
    return a.factor @ b.factor.T if len(a.factor) <= len(b.factor) else b.factor @ a.factor.T


def _apart(a: Moments, b: Moments) -> float:
    """The distance but for the trace of the root."""
    return float(np.square(a.mean - b.mean).sum() + np.square(a.factor).sum() + np.square(b.factor).sum())


def _distance_and_error(a: Spread, b: Spread) -> tuple[float, float]:
    """The distance, 0 but for rounding or more, and its standard error.

    With S_a = F^T F and U s^2 U^T = F S_b F^T, what an image x of b, taken from its mean, adds to the trace of the
    root is half of |s^(-1/2) U^T F x|^2, and one of a half of |s^(-3/2) U^T F S_b x|^2.
    """
    if len(a.whole.factor) > len(b.whole.factor):
        return _distance_and_error(b, a)
    product = _product(a.whole, b.whole)
    squares, vectors = eigh(product @ product.T, check_finite=False, driver="evd")
    roots = np.sqrt(np.maximum(squares, 0))
    value = _apart(a.whole, b.whole) - 2 * float(roots.sum())
    known = roots > SMALLEST * roots[-1]
    roots, axes = roots[known], vectors[:, known].T @ a.whole.factor
    of_b = axes / np.sqrt(roots)[:, None]
    of_a = (axes @ b.whole.factor.T) @ b.whole.factor / roots[:, None] ** 1.5
    gap = a.whole.mean - b.whole.mean
    squared = [_influence(a, gap, of_a), _influence(b, -gap, of_b)]
    return value, float(sum(squared)) ** 0.5


def _influence(spread: Spread, gap: Array, axes: Array) -> float:
    """The part of the squared error that the images of one set bring in."""
    x = spread.centered.astype(np.float32)  # an error needs few digits
    moved = 2 * x @ gap.astype(np.float32) + np.square(x).sum(1) - np.square(x @ axes.T.astype(np.float32)).sum(1)
    return float(moved.var(ddof=1, dtype=np.float64)) / len(x)
