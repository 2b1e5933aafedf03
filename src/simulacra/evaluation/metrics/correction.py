"""What shares would be if the judge never erred, from how often it errs on real images: pure functions on counts.

Of images that belong to each class in the shares `are`, a judge tells the shares told = are @ mixing, row i of `mixing`
being those in which it tells images of class i. The equation is solved for `are`: Rogan and Gladen 1978, American
Journal of Epidemiology 107(1), for an attribute that is there or not; Lipton et al. 2018, arXiv:1802.03916, for
classes. An attribute is two classes, without and with.

The correction takes for granted that the judge errs on samples as often as on real images. Where samples are odd it may
err more: a corrected share is a better guess, not a truth.
"""

from dataclasses import dataclass

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
CLASS_DRAWS = 200  # where each class that was asked for is solved by itself
LEAST = 0.2  # of sensitivity + specificity - 1, below which a correction would mostly enlarge noise
TOGETHER = 1e3  # weight of the equation that says that shares add up to 1
NOTHING = 1e-9  # added to every count of real images, so that a class without any is told as anything; and rounding


@dataclass(frozen=True)
class Corrected:
    """A corrected share in [0, 1].

    Attributes:
        value: the share.
        draws: (B,) what it might as well be, given how few images both the judge and the samples were counted on.
    """

    value: float
    draws: Array

    @property
    def estimate(self) -> Estimate:
        """The value with its 95% interval."""
        low, high = np.quantile(self.draws, (0.025, 0.975))
        return Estimate(self.value, min(self.value, float(low)), max(self.value, float(high)))


@dataclass(frozen=True)
class Shares:
    """Corrected shares of K labels, or of several groups of images.

    Attributes:
        values: (..., K) in [0, 1].
        draws: (B, ..., K) of their posterior.
    """

    values: Array
    draws: Array

    @property
    def limits(self) -> tuple[Array, Array]:
        """Lower and upper (..., K) limits of 95%, with the values between them."""
        low, high = np.quantile(self.draws, (0.025, 0.975), axis=0)
        return np.minimum(low, self.values), np.maximum(high, self.values)


def together(parts: list[Corrected], weights: Array) -> Corrected:
    """The weighted mean of several, as if they erred independently."""
    share = weights / weights.sum()
    value = float(share @ [part.value for part in parts])
    return Corrected(value, share @ np.stack([part.draws for part in parts]))


def corrected(verdicts: Flags, confusion: Counts) -> Shares:
    """How often labels are there, from how often a judge says so.

    Args:
        verdicts: (n, K) what the judge said of each image.
        confusion: (K, K) counts of known images, true class by told, for exclusive classes; (K, 2, 2) of attributes,
            without and with.
    """
    told, random = verdicts.sum(0), stream(0, Draw.JUDGE_ERRORS)
    if confusion.ndim == 2:
        one = solved(told[None], confusion, random)
        return Shares(one.values[0], one.draws[:, 0])
    pairs = np.stack([len(verdicts) - told, told], 1)
    each = [solved(pair[None], table, random) for pair, table in zip(pairs, confusion, strict=True)]
    return Shares(np.array([one.values[0, 1] for one in each]), np.stack([one.draws[:, 0, 1] for one in each], 1))


def told_apart(confusion: Counts) -> Flags:
    """For each of K labels whether a judge tells images with it from others, so that its shares can be corrected.

    One that never says a label, or always, leaves the equation without an answer.

    Args:
        confusion: (K, K) or (K, 2, 2), as for `corrected`.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    if confusion.ndim == 2:
        have, said, whole = confusion.sum(1), confusion.sum(0), confusion.sum()
        hits, alarms, others = right, said - right, whole - have
    else:
        others, have = confusion.sum(2).T
        hits, alarms = right[:, 1], confusion[:, 0, 1]
    known = (have > 0) & (others > 0)
    return known & (hits / np.maximum(have, 1) - alarms / np.maximum(others, 1) >= LEAST)


def attributes(samples: Counts, real: Counts) -> list[Corrected | None]:
    """For each of K attributes what `attribute` says of its counts (K, 2, 2)."""
    random = stream(0, Draw.JUDGE_ERRORS)
    return [attribute(*pair, random) for pair in zip(samples, real, strict=True)]


def attribute(samples: Counts, real: Counts, random: Generator | None = None) -> Corrected | None:
    """The share of samples that have the value asked for, of one attribute.

    Args:
        samples: (2, 2) counts of samples, asked (without, with) by told.
        real: (2, 2) counts of held-out images, true by told.
        random: where draws come from; a stream of their own by default.

    Returns:
        None where the judge tells images with and without the attribute hardly apart.
    """
    asked = samples.sum(1)
    if not asked.sum() or not told_apart(real[None])[0]:
        return None
    found, weights = solved(samples, real, random or stream(0, Draw.JUDGE_ERRORS)), asked / asked.sum()
    value, draws = (part.diagonal(0, -2, -1) @ weights for part in (found.values, found.draws))
    return Corrected(float(value), draws)


def classes(samples: Counts, real: Counts) -> list[Corrected | None]:
    """For each asked class the share of its samples that are of it.

    Args:
        samples: (K, K) counts of samples, asked by told.
        real: (K, K) counts of held-out images, true by told.

    Returns:
        K of them; None for a class that no sample was asked for or that the judge tells hardly apart, and for all where
        held-out images lack a class.
    """
    if not real.sum(1).all():
        return [None] * len(samples)
    found, apart = solved(samples, real, stream(0, Draw.JUDGE_ERRORS), CLASS_DRAWS), told_apart(real)
    return [
        Corrected(float(found.values[place, place]), found.draws[:, place, place])
        if row.sum() and apart[place]
        else None
        for place, row in enumerate(samples)
    ]


def solved(told: Counts, real: Counts, random: Generator, draws: int | None = None) -> Shares:
    """Shares of K classes in each of R groups of images, by one judge.

    Draws are of the posterior where every row of counts, of what was told and of real images, has a Dirichlet prior
    with a weight of one image in all (Jeffreys' prior, of two classes). All groups share the draws of the judge's
    errors.

    Args:
        told: (R, K) counts of images of each group by what was told.
        real: (K, K) counts of known images, true class by told.
        random: where draws come from.
        draws: how many; DRAWS by default.
    """
    count, prior = draws or DRAWS, 1 / told.shape[1]
    mixings = _normalised(random.gamma(real + prior, size=(count, *real.shape)))
    guesses = _normalised(random.gamma(told + prior, size=(count, *told.shape)))
    values = unmixed(_normalised(told + NOTHING), _normalised(real + NOTHING))
    return Shares(values, unmixed(guesses, mixings))


def unmixed(told: Array, mixing: Array) -> Array:
    """Shares (..., K), 0 or more and 1 together, that a judge with this mixing tells most nearly as `told`.

    Args:
        told: ([draws,] [groups,] K) shares that add up to 1.
        mixing: ([draws,] K, K), row i being the shares in which images of class i are told.
    """
    # A judge that tells two classes alike leaves the equation without one answer; the smallest is taken.
    found: Array = told @ np.linalg.pinv(mixing)
    if found.shape[-1] > 2:  # of two classes the nearest shares are those that are cut off
        for place in map(tuple, np.argwhere((found < -NOTHING).any(-1))):
            of_draw = mixing[place[0]] if mixing.ndim == 3 else mixing
            equations = np.vstack([of_draw.T, np.full(len(of_draw), TOGETHER)])
            found[place] = nnls(equations, np.append(told[place], TOGETHER))[0]
    return _normalised(np.maximum(found, 0))


def _normalised(weights: NDArray[np.floating]) -> Array:
    """Rows (..., K) that add up to 1."""
    return weights / weights.sum(-1, keepdims=True)
