"""How often samples show rare labels, and each kind of image, beside the data: pure functions on arrays of verdicts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.correction import Shares
from simulacra.evaluation.estimate import Estimate
from simulacra.seeds import stream

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRAWS = 2000  # of a bootstrap
EXPECTED = 5  # images of a kind, from which it counts as one of its own
BOOTSTRAP = 42  # the key of its draws


def rare_ratio(shares: Shares, data: Values, chosen: Flags, n: int) -> Estimate:
    """How often samples show the chosen labels, over how often training images do: the geometric mean of the ratios.

    So a label that is half as common is made up for by one that is twice as common, and a label that is lost counts
    for much: half an image is added to each, so that not for everything.

    Args:
        shares: of samples.
        data: (K,) shares of the training set.
        chosen: (K,) which labels; at least one.
        n: how many samples.
    """
    half = 0.5 / n
    value, draws = (
        np.exp(np.log((part[..., chosen] + half) / (data[chosen] + half)).mean(-1))
        for part in (shares.values, shares.draws)
    )
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(float(value), min(float(value), float(low)), max(float(value), float(high)))


def kinds(labels: Flags, data: Flags) -> tuple[Counts, Values]:
    """Kinds of images: each class or combination of labels that is common in the data, and one of all others.

    Common is what as many images of the data as there are here would show EXPECTED times or more.

    Args:
        labels: (n, K) of the images to be counted.
        data: (N, K) of the data.

    Returns:
        (k + 1,) counts of the images, those of no common kind last, and the (k + 1,) shares of the data.
    """
    different, place = np.unique(np.concatenate([data, labels]).astype(bool), axis=0, return_inverse=True)
    place = place.reshape(-1)  # some versions of NumPy give it two axes
    of_data = np.bincount(place[: len(data)], minlength=len(different))
    found = np.bincount(place[len(data) :], minlength=len(different))
    common = of_data * len(labels) >= EXPECTED * len(data)
    counts = np.append(found[common], found[~common].sum())
    return counts, np.append(of_data[common], of_data[~common].sum()) / len(data)


def entropy(counts: Counts) -> Estimate:
    """Entropy of a distribution in nats: 0 where all images are of one kind, log k where k kinds are equally common."""
    return _bootstrapped(counts, lambda shares: -_times_log(shares, shares).sum(-1))


def divergence(counts: Counts, data: Values) -> Estimate:
    """Kullback-Leibler divergence from the data to the samples in nats: 0 where all kinds are as common in both.

    It grows most with kinds that the data has and the samples lack. Half an image is added to each kind, so that one
    that is lacking costs much and not infinitely much; chance alone gives about (k - 1) / 2n.

    Args:
        counts: (k,) of samples of each kind.
        data: (k,) shares of the data.
    """
    half = 0.5 / counts.sum()

    def of(shares: Values) -> Values:
        smooth = (shares + half) / (1 + half * len(counts))
        found: Values = (_times_log(data, data) - data * np.log(smooth)).sum(-1)
        return found

    return _bootstrapped(counts, of)


def _times_log(weights: Values, shares: Values) -> Values:
    """Weights times the logarithm of shares, 0 where a share is 0."""
    return weights * np.log(shares, out=np.zeros_like(shares), where=shares > 0)


def _bootstrapped(counts: Counts, of: Callable[[Values], Values]) -> Estimate:
    """A function of shares (..., k) and 1.96 of its standard errors to either side, but not below 0."""
    shares = counts / counts.sum()
    drawn = stream(0, BOOTSTRAP).multinomial(counts.sum(), shares, size=DRAWS) / counts.sum()
    value, margin = float(of(shares)), 1.96 * float(of(drawn).std())
    return Estimate(value, max(0.0, value - margin), value + margin)
