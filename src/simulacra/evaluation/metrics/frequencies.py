"""Frequencies: how often samples show each label, and each class or combination of labels, beside the training set."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material, Results
from simulacra.evaluation.judge import Judge
from simulacra.evaluation.metrics.correction import Shares, corrected, distinguished
from simulacra.measurements import NO_LABELS, Measurement
from simulacra.seeds import Draw, stream

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRAWS = 2000  # of a bootstrap
EXPECTED = 5  # images of a mode, from which it counts as one of its own
RARE = 0.10  # of training images: labels with a smaller share are rare


def rare_ratio(shares: Shares, data: Values, chosen: Flags, n: int) -> Estimate:
    """How often n samples show the chosen labels (K,), over how often training images do: the geometric mean ratio.

    So a label that is half as common is made up for by one that is twice as common. A label that is lost counts for
    much, but not for everything: half an image is added to each. `data` has the K shares of the training set.

    The interval of the mean logarithm is that of a sum of independent values from the interval of each: Zou and Donner
    2008, Statistics in Medicine 27, equation 3. Labels that may be lost count in full on the lower side, as all of them
    may be.
    """
    half = 0.5 / n
    value, low, high = (
        np.log((part[chosen] + half) / (data[chosen] + half)) for part in (shares.values, *shares.limits)
    )
    lost = shares.limits[0][chosen] == 0
    mean, above = value.mean(), np.hypot.reduce(high - value)
    below = (value - low)[lost].sum() + np.hypot.reduce((value - low)[~lost], initial=0)
    return Estimate(*map(float, (mean, mean - below / len(value), mean + above / len(value)))).exp()


def modes(labels: Flags, data: Flags) -> tuple[Counts, Values]:
    """Modes: each class or combination of labels (N, K) that is common in the data, and one of all others.

    Common is what as many images of the data as there are here would show EXPECTED times or more.

    Returns:
        (k + 1,) counts of the images with labels (n, K), those of no common mode last, and (k + 1,) shares of the data.
    """
    different, mode = np.unique(np.concatenate([data, labels]).astype(bool), axis=0, return_inverse=True)
    mode = mode.reshape(-1)  # some versions of NumPy give it two axes
    of_data = np.bincount(mode[: len(data)], minlength=len(different))
    of_images = np.bincount(mode[len(data) :], minlength=len(different))
    common = of_data * len(labels) >= EXPECTED * len(data)
    counts = np.append(of_images[common], of_images[~common].sum())
    return counts, np.append(of_data[common], of_data[~common].sum()) / len(data)


def entropy(counts: Counts) -> Estimate:
    """Entropy of a distribution in nats: 0 where all images are of one mode, log k where k modes are equally common."""
    from scipy.special import entr

    return _bootstrapped(counts, lambda shares: entr(shares).sum(-1))


def divergence(counts: Counts, data: Values) -> Estimate:
    """Kullback-Leibler divergence in nats from k modes' shares in the data to counts of samples: 0 for equal shares.

    It grows most with modes that the data has and the samples lack. Half an image is added to each mode, so that one
    that is lacking costs much and not infinitely much; chance alone gives about (k - 1) / 2n.
    """
    from scipy.special import rel_entr

    half = 0.5 / counts.sum()
    return _bootstrapped(counts, lambda shares: rel_entr(data, (shares + half) / (1 + half * len(counts))).sum(-1))


def _bootstrapped(counts: Counts, statistic: Callable[[Values], Values]) -> Estimate:
    """A function of shares (..., k) and 1.96 of its standard errors to either side, but not below 0."""
    shares = counts / counts.sum()
    drawn = stream(0, Draw.FREQUENCY_BOOTSTRAP).multinomial(counts.sum(), shares, size=DRAWS) / counts.sum()
    value, margin = float(statistic(shares)), 1.96 * float(statistic(drawn).std())
    return Estimate(value, max(0.0, value - margin), value + margin)


@dataclass(frozen=True)
class Labelled:
    """The labels of a data set, of samples, and of real images in their place."""

    judge: Judge  # predicted the labels of samples and reference
    data: Flags  # (N, K) labels of the training images
    samples: Flags  # (n, K) predicted labels of samples
    reference: Flags  # (n, K) predicted labels of real images
    possible: Flags  # (K,) whether the judge knows a label well enough for a correction

    @cached_property
    def shares(self) -> Values:
        """(K,) of the training images."""
        return self.data.mean(0)

    @cached_property
    def corrected(self) -> tuple[Shares, Shares]:
        """Of samples and reference."""
        return corrected(self.samples, self.judge.confusion), corrected(self.reference, self.judge.confusion)


def frequencies(material: Material) -> Results:
    """Modes, rare labels and the frequency of each label, and the picture `frequencies`."""
    judge = material.judge
    if judge is None:
        return _without(material, NO_LABELS)
    if not judge.learned.any():
        return _without(material, "withheld, the judge learned no label well enough")
    labelled = Labelled(
        judge,
        material.store.labels[material.store.rows("train")].astype(bool),
        judge.predict(material.samples),
        judge.predict(material.store.pixels(material.chosen.reference)),
        judge.learned & distinguished(judge.confusion),
    )
    results = Results(_of_modes(material, labelled), _remarks(material))
    results.add(_of_rare_labels(material, labelled))
    results.add(_of_each_label(material, labelled))
    return results


BY_LABELS = ("modes_covered", "label_entropy", "label_divergence", "rare_label_ratio", "label_frequency")


def _without(material: Material, why: str) -> Results:
    """Measurements without numbers, and the reason."""
    return Results(material.measurements(dict.fromkeys(BY_LABELS), {}, why=why))


def _remarks(material: Material) -> list[str]:
    if not (labels := _conditioning(material)):
        return []
    return [
        f"samples are generated for {', '.join(labels)} as these occur together in the training set: only the "
        "frequencies of other labels show what the model chooses by itself"
    ]


def _of_modes(material: Material, labelled: Labelled) -> list[Measurement]:
    """How many modes samples cover, and how evenly; modes are classes, or combinations of what the judge learned."""
    judge = labelled.judge
    columns = np.ones(len(judge.label_names), bool) if judge.exclusive else judge.learned
    counts, shares = modes(labelled.samples[:, columns], labelled.data[:, columns])
    of_reference, _ = modes(labelled.reference[:, columns], labelled.data[:, columns])
    statistics: dict[str, Callable[[Counts], Estimate]] = {
        "modes_covered": lambda part: Estimate(float((part[:-1] > 0).sum())),
        "label_entropy": entropy,
        "label_divergence": lambda part: divergence(part, shares),
    }
    estimates = {metric: statistic(counts) for metric, statistic in statistics.items()}
    baselines = {metric: statistic(of_reference).value for metric, statistic in statistics.items()}
    about: dict[str, Any] = {"judge": judge.label, "details": {"modes": len(counts) - 1}}
    return material.measurements(estimates, baselines, split="train", n=material.count, **about)


def _of_rare_labels(material: Material, labelled: Labelled) -> Results:
    """One number for the labels that are rare in the data."""
    chosen = labelled.possible & (labelled.shares < RARE) & (labelled.shares > 0)
    about: dict[str, Any] = {"split": "train", "n": material.count, "judge": labelled.judge.label}
    if not chosen.any():
        why = f"withheld, no label that the judge learned is rarer than {RARE:.0%} in the training set"
        return Results([material.measurement("rare_label_ratio", None, why=why, **about)], [f"rare_label_ratio: {why}"])
    estimate, baseline = (rare_ratio(part, labelled.shares, chosen, material.count) for part in labelled.corrected)
    return Results([material.measurement("rare_label_ratio", estimate, baseline=baseline.value, **about)])


def _of_each_label(material: Material, labelled: Labelled) -> Results:
    """The frequency of each label, and the picture of those that can be corrected."""
    judge, possible, results = labelled.judge, labelled.possible, Results()
    samples, reference = labelled.corrected
    low, high = samples.limits
    for index, name in enumerate(judge.label_names):
        about: dict[str, Any] = {"split": "train", "n": material.count, "label": name, "judge": judge.label}
        about["details"] = {"training_share": float(labelled.shares[index])}
        if possible[index]:
            about["baseline"] = float(reference.values[index])
        elif judge.learned[index]:
            about["why"] = "withheld, the judge predicts it for real images without it nearly as often as with it"
        else:
            about["why"] = "withheld, the judge did not learn this label well enough"
        results.measurements.append(
            material.measurement("label_frequency", samples.of(index).estimate if possible[index] else None, **about)
        )
    if possible.any():
        names = np.array(judge.label_names)[possible]
        results.pictures["frequencies"] = {
            "label_names": names,
            "shares": np.stack([labelled.shares, samples.values, low, high, reference.values], 1)[possible],
            "given": np.isin(names, _conditioning(material)),
        }
    return results


def _conditioning(material: Material) -> list[str]:
    """The labels that samples are generated for; none where the family takes none, whatever its recipe names."""
    subject = material.subject
    return list(subject.recipe.data.labels) if subject.generates.code.labels else []
