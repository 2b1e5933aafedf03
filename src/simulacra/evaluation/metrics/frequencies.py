"""How often samples show each label and each kind of image, told by the judge, beside the training set."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.correction import Shares, corrected, told_apart
from simulacra.evaluation.estimate import Estimate
from simulacra.evaluation.frequencies import divergence, entropy, kinds, rare_ratio
from simulacra.evaluation.material import Material
from simulacra.evaluation.pictures import Arrays
from simulacra.evaluation.scores.base import Better, Found, missing, row

FREQUENCIES: dict[str, Better] = {
    "kinds_shown": "higher",
    "label_entropy": "neither",
    "label_divergence": "lower",
    "rare_labels": "neither",
    "label_frequency": "neither",
}

RARE = 0.10  # of training images: labels with a smaller share are rare
Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


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
            material, metric, of(counts), split="train", n=material.count, floor=of(real).value,
            kinds=len(counts) - 1, judge=judge.label,
        )
        for metric, of in measured.items()
    ]  # fmt: skip


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
                material, "label_frequency", one if known[place] else None, split="train", n=material.count,
                floor=float(floors.values[place]) if known[place] else None, **more,
            )
        )  # fmt: skip
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
