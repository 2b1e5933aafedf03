"""Frequencies: how often samples show each label and each kind of image, beside the training set."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.metrics.base import Better, Found, missing, row
from simulacra.evaluation.metrics.correction import Shares, corrected, told_apart
from simulacra.evaluation.pictures import Arrays
from simulacra.seeds import Draw, stream

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

DRAWS = 2000  # of a bootstrap
EXPECTED = 5  # images of a kind, from which it counts as one of its own


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
        return (_times_log(data, data) - data * np.log(smooth)).sum(-1)

    return _bootstrapped(counts, of)


def _times_log(weights: Values, shares: Values) -> Values:
    """Weights times the logarithm of shares, 0 where a share is 0."""
    return weights * np.log(shares, out=np.zeros_like(shares), where=shares > 0)


def _bootstrapped(counts: Counts, of: Callable[[Values], Values]) -> Estimate:
    """A function of shares (..., k) and 1.96 of its standard errors to either side, but not below 0."""
    shares = counts / counts.sum()
    drawn = stream(0, Draw.FREQUENCY_BOOTSTRAP).multinomial(counts.sum(), shares, size=DRAWS) / counts.sum()
    value, margin = float(of(shares)), 1.96 * float(of(drawn).std())
    return Estimate(value, max(0.0, value - margin), value + margin)


FREQUENCIES: dict[str, Better] = {
    "kinds_shown": "higher",
    "label_entropy": "neither",
    "label_divergence": "lower",
    "rare_labels": "neither",
    "label_frequency": "neither",
}

RARE = 0.10  # of training images: labels with a smaller share are rare


def frequencies(material: Material) -> Found:
    """Everything of FREQUENCIES, and the picture `frequencies`."""
    judge = material.judge
    if judge is None:
        return _without(material, "not applicable, the data set has no labels")
    if not judge.learned.any():
        return _without(material, "withheld, no label can be told well enough from held-out images")
    data = material.store.labels[material.store.rows("train")].astype(bool)
    told = judge.verdicts(material.samples)
    stood = judge.verdicts(material.store.pixels(material.chosen.stand_in))
    samples, floors = corrected(told, judge.confusion), corrected(stood, judge.confusion)
    found = Found(notes=_remarks(material))
    known = judge.learned & told_apart(judge.confusion)
    _kinds(material, found, told, stood, data)
    _rare(material, found, samples, floors, data.mean(0), known)
    _each(material, found, samples, floors, data.mean(0), known)
    return found


def _without(material: Material, why: str) -> Found:
    """Rows without numbers, and the reason."""
    return Found([missing(material, metric, why) for metric in FREQUENCIES])


def _remarks(material: Material) -> list[str]:
    given = material.subject.recipe.data.labels if material.subject.conditions is not None else ()
    if not given:
        return []
    return [
        f"samples are made for {', '.join(given)} as these occur together in the training set: how often the samples "
        "show them tells how well the model obeys, only other labels tell what it draws of its own accord"
    ]


def _kinds(material: Material, found: Found, told: Flags, stood: Flags, data: Flags) -> None:
    """How many kinds are shown, and how evenly, of classes or of combinations of what the judge can tell."""
    judge = material.judge
    assert judge is not None, "nothing is told without"
    seen = np.ones(len(judge.label_names), bool) if judge.exclusive else judge.learned
    counts, shares = kinds(told[:, seen], data[:, seen])
    real, _ = kinds(stood[:, seen], data[:, seen])
    measured: dict[str, Callable[[NDArray[np.int64]], Estimate]] = {
        "kinds_shown": lambda part: Estimate(float((part[:-1] > 0).sum())),
        "label_entropy": entropy,
        "label_divergence": lambda part: divergence(part, shares),
    }
    found.rows += [
        row(
            material,
            metric,
            of(counts),
            split="train",
            n=material.count,
            floor=of(real).value,
            kinds=len(counts) - 1,
            judge=judge.label,
        )
        for metric, of in measured.items()
    ]


def _rare(material: Material, found: Found, samples: Shares, floors: Shares, data: Values, known: Flags) -> None:
    """One number for the labels (K,) that are known and rare in the data."""
    judge = material.judge
    assert judge is not None, "nothing is told without"
    chosen = known & (data < RARE) & (data > 0)
    more: dict[str, Any] = {"judge": judge.label}
    if not chosen.any():
        more["why"] = f"withheld, no label that the judge can tell is rarer than {RARE:.0%} in the training set"
        found.notes.append(f"rare_labels: {more['why']}")
        found.rows.append(row(material, "rare_labels", None, split="train", n=material.count, **more))
        return
    one, floor = (rare_ratio(part, data, chosen, material.count) for part in (samples, floors))
    found.rows.append(row(material, "rare_labels", one, split="train", n=material.count, floor=floor.value, **more))


def _each(material: Material, found: Found, samples: Shares, floors: Shares, data: Values, known: Flags) -> None:
    """A row a label, and the picture of those (K,) that are known."""
    judge = material.judge
    assert judge is not None, "nothing is told without"
    low, high = samples.limits
    for place, name in enumerate(judge.label_names):
        one = Estimate(float(samples.values[place]), float(low[place]), float(high[place]))
        more: dict[str, Any] = {"label": name, "real": float(data[place]), "judge": judge.label}
        if not judge.learned[place]:
            more["why"] = "withheld, the judge cannot tell this label well enough"
        elif not known[place]:
            more["why"] = (
                "withheld, the judge says this label hardly more often of real images that have it than of others"
            )
        found.rows.append(
            row(
                material,
                "label_frequency",
                one if known[place] else None,
                split="train",
                n=material.count,
                floor=float(floors.values[place]) if known[place] else None,
                **more,
            )
        )
    if not known.any():
        return
    arrays: Arrays = {
        "label_names": np.array(judge.label_names)[known],
        "shares": np.stack([data, samples.values, low, high, floors.values], 1)[known],
        "given": np.isin(np.array(judge.label_names)[known], _given(material)),
    }
    found.pictures["frequencies"] = arrays


def _given(material: Material) -> list[str]:
    return list(material.subject.recipe.data.labels) if material.subject.conditions is not None else []
