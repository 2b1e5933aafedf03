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

from simulacra.estimates import Estimate
from simulacra.seeds import Draw, stream

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
Pairs = tuple[Flags, Flags]  # labels (n, K) that images should have, or have, and those predicted

DRAWS = 1000  # of a posterior
LEAST = 0.2  # of sensitivity + specificity - 1, below which a correction would mostly enlarge noise
# Added to every count, so that a class without any may be predicted as anything; and rounding.
NOTHING = 1e-9


@dataclass(frozen=True)
class Shares:
    """Corrected shares: one, those of K labels, or of several groups of images.

    They solve a linear equation, so noise may carry them beyond 0 and 1. They are cut off at the end alone: what is cut
    off before shares are added up moves the sum to one side, and its interval away from the truth.
    """

    solution: Array  # (..., K), or a single one
    draws: Array  # (B, ..., K) of their posterior, given how many images the judge and the samples were counted on

    def of(self, *index: int) -> "Shares":
        """A single one of them."""
        every_draw: Any = (slice(None), *index)
        return Shares(self.solution[index], self.draws[every_draw])

    @property
    def values(self) -> Array:
        """The shares (..., K) within [0, 1]."""
        return np.clip(self.solution, 0, 1)

    @property
    def limits(self) -> tuple[Array, Array]:
        """Lower and upper (..., K) limits of 95% within [0, 1], with the values between them."""
        low, high = np.clip(np.quantile(self.draws, (0.025, 0.975), axis=0), 0, 1)
        return np.minimum(low, self.values), np.maximum(high, self.values)

    @property
    def estimate(self) -> Estimate:
        """A single one with its 95% interval."""
        return Estimate(float(self.values), *map(float, self.limits))


@dataclass(frozen=True)
class Hits:
    """The share of images that have the label that they were generated for, and what chance would give."""

    shares: Shares  # a single one
    chance: float  # the share if labels had no effect, with as many images of each label


def together(parts: list[Shares], weights: Array) -> Shares:
    """The weighted mean of several single ones; draws of one index belong together."""
    share = weights / weights.sum()
    return Shares(share @ [part.solution for part in parts], share @ np.stack([part.draws for part in parts]))


def corrected(predicted: Flags, confusion: Counts) -> Shares:
    """How often labels are there, from how often a judge predicts them (n, K).

    The confusion counts known images by true class and predicted one, (K, K); of attributes, without and with, (K, 2,
    2).
    """
    random = stream(0, Draw.JUDGE_ERRORS)
    if confusion.ndim == 2:
        shares = solved(predicted.sum(0)[None], confusion, random)
        return Shares(shares.solution[0], shares.draws[:, 0])
    counts = predicted.sum(0)
    each = [
        solved(np.array([[len(predicted) - count, count]]), table, random).of(0, 1)
        for count, table in zip(counts, confusion, strict=True)
    ]
    return Shares(np.array([part.solution for part in each]), np.stack([part.draws for part in each], 1))


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


def attributes(samples: Pairs, real: Pairs) -> list[Hits | None]:
    """For each of K attributes the share of samples that have the value that they were generated for.

    Labels (n, K) of samples are those wanted and those predicted; labels (m, K) of real held-out images are those true
    and those predicted. None where the judge hardly distinguishes images with and without the attribute.
    """
    random = stream(0, Draw.JUDGE_ERRORS)
    (counts, drawn), (known, drawn_known) = counted(samples, random), counted(real, random)
    each = Shares(
        unmixed(_normalised(counts), _normalised(known)), unmixed(_normalised(drawn), _normalised(drawn_known))
    )
    sizes, possible, hits = counts.sum(2), distinguished(known), list[Hits | None]()
    for column, size in enumerate(sizes):
        if not possible[column] or not size.sum():
            hits.append(None)
            continue
        weights, of_draws = size / size.sum(), _normalised(drawn[:, column].sum(2))
        right = weights @ each.solution[column].diagonal()
        rights = (of_draws * each.draws[:, column].diagonal(0, -2, -1)).sum(1)
        have, want = float(np.clip(weights @ each.solution[column, :, 1], 0, 1)), float(weights[1])
        hits.append(Hits(Shares(right, rights), have * want + (1 - have) * (1 - want)))
    return hits


def classes(samples: Pairs, real: Pairs) -> list[Hits | None]:
    """For each of K classes the share of its samples that are of it; arguments as in `attributes`.

    None for a class without samples, or that the judge hardly distinguishes from others; for all where held-out images
    lack a class.
    """
    counts, confusion = (a.astype(np.int64).T @ b.astype(np.int64) for a, b in (samples, real))
    if not confusion.sum(1).all():
        return [None] * len(counts)
    shares, possible = solved(counts, confusion, stream(0, Draw.JUDGE_ERRORS)), distinguished(confusion)
    sizes = counts.sum(1)
    have = np.clip(sizes @ shares.solution / max(1, sizes.sum()), 0, 1)
    return [
        Hits(shares.of(index, index), float(have[index])) if size and possible[index] else None
        for index, size in enumerate(sizes)
    ]


def solved(predicted: Counts, confusion: Counts, random: Generator) -> Shares:
    """Shares of K classes in each of R groups of images, counted (R, K) by predicted class, by one judge.

    The confusion counts known images (K, K), true class by predicted. Draws are of the posterior where every row of
    counts has a Dirichlet prior with a weight of one image in all (Jeffreys' prior, of two classes). All groups share
    the draws of the judge's errors.
    """
    prior = 1 / predicted.shape[1]
    mixings = _normalised(random.gamma(confusion + prior, size=(DRAWS, *confusion.shape)))
    guesses = _normalised(random.gamma(predicted + prior, size=(DRAWS, *predicted.shape)))
    return Shares(unmixed(_normalised(predicted), _normalised(confusion)), unmixed(guesses, mixings))


def unmixed(predicted: Array, mixing: Array) -> Array:
    """Shares (..., K) for which a judge with this mixing gives `predicted`.

    Predicted are ([draws,] [groups,] K) shares that add up to 1, the mixing is ([draws,] K, K): row i has the shares
    that are predicted for images of class i. A judge that predicts the same for two classes leaves the equation without
    one answer; the smallest is taken.
    """
    shares: Array = predicted @ np.linalg.pinv(mixing)
    return shares


def counted(pairs: Pairs, random: Generator) -> tuple[Counts, Array]:
    """Images (K, 2, 2) by a label, off and on, and by another of the same index, of flags (n, K); and draws of them.

    A draw (B, K, 2, 2) gives every image a weight: the Bayesian bootstrap, Rubin 1981, doi:10.1214/aos/1176345338. What
    is predicted of the labels of one image thus stays together. Half an image is added to each cell, which of a single
    label makes the posterior of Jeffreys' prior.
    """
    first, second = pairs
    on = np.stack([first & second, first, second], 2)

    def cells(sums: NDArray[Any], total: Any) -> NDArray[Any]:
        """(..., K, 2, 2) from sums (..., K, 3) over images that have both labels, the first, the second."""
        both, one, other = np.moveaxis(sums, -1, 0)
        return np.stack([total - one - other + both, other - both, one - both, both], -1).reshape(*both.shape, 2, 2)

    weights = random.standard_exponential((DRAWS, len(on)), np.float32)
    sums = (weights @ on.reshape(len(on), 3 * first.shape[1]).astype(np.float32)).reshape(DRAWS, *on.shape[1:])
    drawn = cells(sums.astype(np.float64), weights.sum(1, dtype=np.float64)[:, None])
    counts: Counts = cells(on.sum(0), len(on))
    return counts, np.where(counts > 0, np.maximum(drawn, 0), 0) + random.gamma(0.5, size=drawn.shape)


def _normalised(weights: NDArray[Any]) -> Array:
    """Rows (..., K) that add up to 1; even ones where there is nothing."""
    weights = weights + NOTHING
    rows: Array = weights / weights.sum(-1, keepdims=True)
    return rows
