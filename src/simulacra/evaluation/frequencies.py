"""How often samples show each label, and each kind of image, beside the data: pure functions on arrays of verdicts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.distances import Estimate
from simulacra.seeds import stream

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRAWS = 2000  # of a posterior or a bootstrap
EXPECTED = 5  # images of a kind, from which it counts as one of its own
POSTERIOR, BOOTSTRAP = 41, 42  # keys that keep the draws apart


@dataclass(frozen=True)
class Shares:
    """How often each label is there.

    Attributes:
        values: (K,) in [0, 1].
        draws: (DRAWS, K) of their posterior.
    """

    values: Values
    draws: Values

    @property
    def limits(self) -> tuple[Values, Values]:
        """Lower and upper (K,) limits of 95%, with the values between them."""
        low, high = np.quantile(self.draws, (0.025, 0.975), axis=0)
        return np.minimum(low, self.values), np.maximum(high, self.values)


def corrected(verdicts: Flags, confusion: Counts) -> Shares:
    """How often labels are there, from how often a judge says so and how it errs on images whose labels are known.

    A judge tells the share q = C' p of images where p are of each class and C[i, j] is the share of class i that it
    tells to be j; so p solves that equation: Rogan & Gladen 1978, American Journal of Epidemiology 107, for a label
    that is there or not, and Lipton et al. 2018, arXiv:1802.03916, for classes. It holds as far as the judge errs on
    samples as it does on real images. The interval is of the posterior of p where the counts of q and of each row of
    C have Dirichlet priors with a weight of one image in all.

    Args:
        verdicts: (n, K) what the judge said of each image.
        confusion: (K, K) counts of known images, true class by told, for exclusive classes; (K, 2, 2) of attributes,
            without and with.
    """
    if confusion.ndim == 2:
        return _solved(verdicts.sum(0), confusion)
    told = verdicts.sum(0)
    each = [
        _solved(np.array([len(verdicts) - count, count]), table) for count, table in zip(told, confusion, strict=True)
    ]
    return Shares(np.array([one.values[1] for one in each]), np.stack([one.draws[:, 1] for one in each], 1))


def _solved(told: Counts, confusion: Counts) -> Shares:
    """Shares of K classes from (K,) counts of what was told and (K, K) counts of known images."""
    classes, random = len(told), stream(0, POSTERIOR)
    prior = 1 / classes
    values = _shares(told[None] / told.sum(), ((confusion + 1e-9) / (confusion + 1e-9).sum(1, keepdims=True))[None])
    tables = random.gamma(confusion + prior, size=(DRAWS, classes, classes))
    counts = random.gamma(told + prior, size=(DRAWS, classes))
    draws = _shares(counts / counts.sum(1, keepdims=True), tables / tables.sum(2, keepdims=True))
    return Shares(values[0], draws)


def _shares(told: Values, rates: Values) -> Values:
    """(d, K) shares that solve told = rates^T shares, those below 0 cut off; (d, K) and (d, K, K)."""
    # A judge that tells two classes alike leaves the equation without an answer; the least-squares one is taken.
    found = np.maximum((np.linalg.pinv(np.swapaxes(rates, 1, 2)) @ told[..., None])[..., 0], 0)
    shares, total = told.copy(), found.sum(1, keepdims=True)
    np.divide(found, total, out=shares, where=total > 0)
    return shares


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
