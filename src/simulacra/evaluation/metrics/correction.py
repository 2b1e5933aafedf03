"""What shares would be if the judge never erred, from how often it errs on real images: pure functions on counts.

If the images belong to the classes in the shares `true`, the judge predicts the shares predicted = true @ mixing. Row i
of `mixing` has the shares that it predicts for images of class i. The equation is solved for `true`: Rogan and Gladen
1978, American Journal of Epidemiology 107(1), for an attribute that is there or not; Lipton et al. 2018,
arXiv:1802.03916, for classes. An attribute is two classes, without and with.

The correction assumes that the judge errs on samples as often as on real images. On odd samples it may err more: a
corrected share is a better guess, not a truth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import nnls

from simulacra.estimates import Estimate
from simulacra.seeds import Draw, stream

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRAWS = 1000  # of a posterior
CLASS_DRAWS = 200  # where each class is solved by itself
LEAST = 0.2  # of sensitivity + specificity - 1, below which a correction would mostly enlarge noise
TOGETHER = 1e3  # weight of the equation that says that shares add up to 1
# Added to every count of real images, so that a class without any may be predicted as anything; and rounding.
NOTHING = 1e-9


@dataclass(frozen=True)
class Shares:
    """Corrected shares: one, those of K labels, or of several groups of images."""

    values: Array  # (..., K) in [0, 1], or a single one
    draws: Array  # (B, ..., K) of their posterior, given how many images the judge and the samples were counted on

    def of(self, *index: int) -> "Shares":
        """A single one of them."""
        every_draw: Any = (slice(None), *index)
        return Shares(self.values[index], self.draws[every_draw])

    @property
    def limits(self) -> tuple[Array, Array]:
        """Lower and upper (..., K) limits of 95%, with the values between them."""
        low, high = np.quantile(self.draws, (0.025, 0.975), axis=0)
        return np.minimum(low, self.values), np.maximum(high, self.values)

    @property
    def estimate(self) -> Estimate:
        """A single one with its 95% interval."""
        return Estimate(float(self.values), *map(float, self.limits))


def together(parts: list[Shares], weights: Array) -> Shares:
    """The weighted mean of several single ones, as if they erred independently."""
    share = weights / weights.sum()
    return Shares(share @ [part.values for part in parts], share @ np.stack([part.draws for part in parts]))


def corrected(predicted: Flags, confusion: Counts) -> Shares:
    """How often labels are there, from how often a judge predicts them (n, K).

    The confusion counts known images by true class and predicted one, (K, K); of attributes, without and with, (K, 2,
    2).
    """
    counts, random = predicted.sum(0), stream(0, Draw.JUDGE_ERRORS)
    if confusion.ndim == 2:
        shares = solved(counts[None], confusion, random)
        return Shares(shares.values[0], shares.draws[:, 0])
    pairs = np.stack([len(predicted) - counts, counts], 1)
    each = [solved(pair[None], table, random).of(0, 1) for pair, table in zip(pairs, confusion, strict=True)]
    return Shares(np.array([part.values for part in each]), np.stack([part.draws for part in each], 1))


def distinguished(confusion: Counts) -> Flags:
    """For each of K labels whether a judge distinguishes images with it from others, so that a correction is possible.

    A judge that never predicts a label, or always, leaves the equation without an answer. The confusion is (K, K) or
    (K, 2, 2), as for `corrected`.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    if confusion.ndim == 2:
        have, predicted, total = confusion.sum(1), confusion.sum(0), confusion.sum()
        hits, false_alarms, others = right, predicted - right, total - have
    else:
        others, have = confusion.sum(2).T
        hits, false_alarms = right[:, 1], confusion[:, 0, 1]
    both = (have > 0) & (others > 0)
    return both & (hits / np.maximum(have, 1) - false_alarms / np.maximum(others, 1) >= LEAST)


def attributes(samples: Counts, real: Counts) -> list[Shares | None]:
    """For each of K attributes the share of samples that have the value that they were generated for.

    Counts (K, 2, 2) are of samples, wanted (without, with) by predicted, and of real held-out images, true by
    predicted. None where the judge hardly distinguishes images with and without the attribute.
    """
    random, shares = stream(0, Draw.JUDGE_ERRORS), list[Shares | None]()
    for counts, table in zip(samples, real, strict=True):
        wanted = counts.sum(1)
        if not wanted.sum() or not distinguished(table[None])[0]:
            shares.append(None)
            continue
        each = solved(counts, table, random)
        weights = wanted / wanted.sum()
        shares.append(Shares(*(part.diagonal(0, -2, -1) @ weights for part in (each.values, each.draws))))
    return shares


def classes(samples: Counts, real: Counts) -> list[Shares | None]:
    """For each of K classes the share of its samples that are of it.

    Counts (K, K) are of samples, wanted by predicted, and of real held-out images, true by predicted. None for a class
    without samples, or that the judge hardly distinguishes from others; for all where held-out images lack a class.
    """
    if not real.sum(1).all():
        return [None] * len(samples)
    shares, possible = solved(samples, real, stream(0, Draw.JUDGE_ERRORS), CLASS_DRAWS), distinguished(real)
    return [shares.of(index, index) if row.sum() and possible[index] else None for index, row in enumerate(samples)]


def solved(predicted: Counts, real: Counts, random: Generator, draws: int | None = None) -> Shares:
    """Shares of K classes in each of R groups of images, counted (R, K) by predicted class, by one judge.

    `real` counts known images (K, K), true class by predicted. Draws, DRAWS by default, are of the posterior where
    every row of counts has a Dirichlet prior with a weight of one image in all (Jeffreys' prior, of two classes). All
    groups share the draws of the judge's errors.
    """
    count, prior = draws or DRAWS, 1 / predicted.shape[1]
    mixings = _normalised(random.gamma(real + prior, size=(count, *real.shape)))
    guesses = _normalised(random.gamma(predicted + prior, size=(count, *predicted.shape)))
    values = unmixed(_normalised(predicted + NOTHING), _normalised(real + NOTHING))
    return Shares(values, unmixed(guesses, mixings))


def unmixed(predicted: Array, mixing: Array) -> Array:
    """Shares (..., K), 0 or more and 1 together, for which a judge with this mixing comes nearest to `predicted`.

    Predicted are ([draws,] [groups,] K) shares that add up to 1, the mixing is ([draws,] K, K): row i has the shares
    that are predicted for images of class i.
    """
    # A judge that predicts the same for two classes leaves the equation without one answer; the smallest is taken.
    shares: Array = predicted @ np.linalg.pinv(mixing)
    if shares.shape[-1] > 2:  # of two classes the nearest shares are those that are cut off
        for index in map(tuple, np.argwhere((shares < -NOTHING).any(-1))):
            of_draw = mixing[index[0]] if mixing.ndim == 3 else mixing
            equations = np.vstack([of_draw.T, np.full(len(of_draw), TOGETHER)])
            shares[index] = nnls(equations, np.append(predicted[index], TOGETHER))[0]
    return _normalised(np.maximum(shares, 0))


def _normalised(weights: NDArray[np.floating]) -> Array:
    """Rows (..., K) that add up to 1."""
    return weights / weights.sum(-1, keepdims=True)
