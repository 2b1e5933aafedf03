"""What a share would be if the judge never erred, from how often it errs on real images: pure functions on counts.

The correction takes for granted that the judge errs on samples as often as on real images. Where samples are odd it may
err more: a corrected share is a better guess, not a truth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from simulacra.evaluation.distances import Estimate
from simulacra.seeds import stream

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

DRAWS, CLASS_DRAWS = 1000, 200
KEY = 24  # of the draws
LEAST = 0.2  # of sensitivity + specificity - 1, below which a correction would mostly enlarge noise
TOGETHER = 1e3  # weight of the equation that says that shares add up to 1


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


def together(parts: list[Corrected], weights: Array) -> Corrected:
    """The weighted mean of several, as if they erred independently."""
    share = weights / weights.sum()
    value = float(share @ [part.value for part in parts])
    return Corrected(value, share @ np.stack([part.draws for part in parts]))


def attribute(samples: Counts, real: Counts) -> Corrected | None:
    """The share of samples that have the value asked for, of one attribute.

    Of samples asked to have it, a share s is told to, of which some are false alarms: the true share is
    (s + specificity - 1) / (sensitivity + specificity - 1), and likewise for those asked not to. Rogan and Gladen 1978,
    American Journal of Epidemiology 107(1). Draws are from beta distributions of the four shares (Jeffreys' prior).

    Args:
        samples: (2, 2) counts of samples, asked (without, with) by told.
        real: (2, 2) counts of held-out images, true by told.

    Returns:
        None where the judge tells images with and without the attribute hardly apart.
    """
    asked = samples.sum(1)
    if not real.sum(1).all() or not asked.sum():
        return None

    def share(on: Array | float, off: Array | float, hit: Array | float, alarm: Array | float) -> Array:
        power = np.maximum(np.asarray(hit) - alarm, LEAST)
        have, have_not = np.clip((on - alarm) / power, 0, 1), 1 - np.clip((off - alarm) / power, 0, 1)
        mean: Array = (asked[1] * have + asked[0] * have_not) / asked.sum()
        return mean

    alarm, hit = (float(row[1] / row.sum()) for row in real)
    if hit - alarm < LEAST:
        return None
    off, on = (float(row[1] / max(row.sum(), 1)) for row in samples)
    random = stream(0, KEY)
    drawn = [random.beta(row[1] + 0.5, row[0] + 0.5, DRAWS) for row in (samples[1], samples[0], real[1], real[0])]
    return Corrected(float(share(on, off, hit, alarm)), share(*drawn))


def classes(samples: Counts, real: Counts) -> list[Corrected | None]:
    """For each asked class the share of its samples that are of it.

    The shares told of samples are those that they are, mixed as the judge mixes real images up: told = are @ mixing. It
    is solved for shares that are not negative and add up to 1. Draws are from Dirichlet distributions of every row.

    Args:
        samples: (K, K) counts of samples, asked by told.
        real: (K, K) counts of held-out images, true by told.

    Returns:
        K of them; None for a class that no sample was asked for, and for all where held-out images lack a class.
    """
    count = len(samples)
    if not real.sum(1).all():
        return [None] * count
    random = stream(0, KEY)
    mixing = real / real.sum(1, keepdims=True)
    mixings = [np.stack([random.dirichlet(row + 1 / count) for row in real]) for _ in range(CLASS_DRAWS)]
    found: list[Corrected | None] = []
    for place, row in enumerate(samples):
        if not row.sum():
            found.append(None)
            continue
        told = random.dirichlet(row + 1 / count, CLASS_DRAWS)
        drawn = [unmixed(one, mixed)[place] for one, mixed in zip(told, mixings, strict=True)]
        found.append(Corrected(float(unmixed(row / row.sum(), mixing)[place]), np.array(drawn)))
    return found


def unmixed(told: Array, mixing: Array) -> Array:
    """Shares (K,), 0 or more and 1 together, that a judge with this mixing tells most nearly as `told`.

    Args:
        told: (K,) shares that add up to 1.
        mixing: (K, K), row i being the shares in which images of class i are told.
    """
    equations = np.vstack([mixing.T, np.full(len(told), TOGETHER)])
    found = np.asarray(nnls(equations, np.append(told, TOGETHER))[0], np.float64)
    whole: Array = found / found.sum()
    return whole
