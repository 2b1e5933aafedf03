"""Leakage: how much switching one label changes the others, and the same images with one label switched.

A generator obeys a label if switching it changes what a judge predicts for that label, and nothing else. Row i of a
leakage matrix says by how much each judged label changes when label i is switched on; the diagonal is obedience, the
rest is leakage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.directions import mean_direction
from simulacra.evaluation.judge import Judge
from simulacra.seeds import Draw, choose_rows, stream

IMAGES = 8000  # that are generated in all, about
FEWEST, MOST = 50, 500  # images of which each label is switched
LEARNT_FROM = 2000  # training images that an attribute vector is a mean over
LEAST = 10  # of them, with an attribute and without
Columns = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Switched:
    """Codes of n images, and the same with each asked label switched to its other value."""

    asked: Columns  # columns (K,) among the judge's labels
    labels: Flags  # (n, K) whether a label was on before
    before: Tensor  # (n, width)
    after: Callable[[int], Tensor]  # index of an asked label -> the codes (n, width) with that label switched


def images_per_label(labels: int, count: int) -> int:
    """How many of `count` images to switch each of so many labels in."""
    return min(count, MOST, max(FEWEST, IMAGES // (labels + 1)))


def by_label(material: Material, asked: Columns) -> Switched:
    """Samples of which one label of the recipe, by its column among the judge's, is switched; all else is held."""
    code, conditions = material.subject.generates.code, list(material.subject.recipe.data.labels)
    columns = [conditions.index(material.store.label_names[column]) for column in asked.tolist()]
    codes = material.codes[: images_per_label(len(columns), material.count)]
    parts = code.split(codes)

    def after(index: int) -> Tensor:
        labels = parts.labels.clone()
        labels[:, columns[index]] = 1 - labels[:, columns[index]]
        return code.join(parts.noise, labels, parts.categories, parts.continuous)

    return Switched(asked, parts.labels[:, columns].numpy() > 0.5, codes, after)


def by_vector(material: Material, asked: Columns) -> Switched:
    """Held-out images whose code is moved along one attribute vector, backwards where they have the attribute.

    A vector is the `mean_direction` of codes of training images; the attributes that come along with it in the data are
    in the vector too. Of the judge's columns `asked` those count that enough training images have, and lack.
    """
    codes, labels = _codes_and_labels(material)
    directions = {column: mean_direction(codes.numpy(), labels[:, column], LEAST) for column in asked.tolist()}
    vectors = {column: torch.from_numpy(vector) for column, vector in directions.items() if vector is not None}
    columns = list(vectors)
    rows = _held_out(material, len(columns))
    before, have = encoded(material, rows), material.store.labels[rows][:, columns].astype(bool)

    def after(index: int) -> Tensor:
        signs = torch.from_numpy(np.where(have[:, index], -1, 1)).float()
        return before + signs[:, None] * vectors[columns[index]]

    return Switched(np.array(columns, np.int64), have, before, after)


def by_class_mean(material: Material) -> tuple[Flags, Tensor]:
    """Held-out images whose code is moved from the mean of their class to that of another, drawn evenly.

    With codes (n, width) goes the class asked for (n, K). Classes of too few training images are not asked for, and
    their images are not moved.
    """
    codes, labels = _codes_and_labels(material)
    learned = np.flatnonzero(labels.sum(0) >= LEAST)
    means = torch.zeros(labels.shape[1], codes.shape[1])
    for column in learned:
        means[column] = codes[torch.from_numpy(labels[:, column])].mean(0)
    rows = _held_out(material, 1)
    rows = rows[np.isin(material.store.labels[rows].argmax(1), learned)]
    own = material.store.labels[rows].argmax(1)
    asked = learned[stream(0, Draw.WANTED_CLASSES).integers(0, len(learned), len(own))] if len(learned) else own
    moved = encoded(material, rows) - means[torch.from_numpy(own)] + means[torch.from_numpy(asked)]
    return np.eye(labels.shape[1], dtype=bool)[asked], moved


def encoded(material: Material, rows: NDArray[np.int64]) -> Tensor:
    """Codes (n, width) of images of the store, on the CPU."""
    return torch.from_numpy(material.subject.encode(material.store.pixels(rows)))


def probabilities(
    material: Material, judge: Judge, switched: Switched
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The judge's probabilities before (n, J) and after (K, n, J) each label is switched."""
    progress, count = material.stage("switching labels"), len(switched.asked)
    before = judge.probabilities(material.subject.decode(switched.before))
    after = np.empty((count, *before.shape), np.float32)
    for index in range(count):
        after[index] = judge.probabilities(material.subject.decode(switched.after(index)))
        progress(index + 1, count)
    return before, after


def _codes_and_labels(material: Material) -> tuple[Tensor, Flags]:
    """Codes and labels of training images."""
    rows = choose_rows(material.store.rows("train"), LEARNT_FROM, Draw.ATTRIBUTE_VECTORS)
    return encoded(material, rows), material.store.labels[rows].astype(bool)


def _held_out(material: Material, labels: int) -> NDArray[np.int64]:
    """Rows of held-out images, as many as are switched in so many labels."""
    rows = material.chosen.held_out
    return choose_rows(rows, images_per_label(labels, len(rows)), Draw.ENCODED_IMAGES)


Array = NDArray[np.float64]
Numbers = NDArray[np.floating]

DRAWS = 500  # of a bootstrap


def effects(before: Numbers, after: Numbers, labels: NDArray[np.bool_]) -> Array:
    """By how much (n, K, J) each judged label changes when each asked one goes from off to on, all else held.

    Probabilities are (n, J) before and (K, n, J) after asked label i is switched; where a label (n, K) was on before,
    and so is switched off, the change counts with the opposite sign.
    """
    signs = np.where(labels, -1.0, 1.0)
    return (np.asarray(after, np.float64) - before).transpose(1, 0, 2) * signs[:, :, None]


def ratio(matrix: Numbers) -> float:
    """Mean size of what is off the diagonal of a matrix (K, J) over that on it; only its first K columns count.

    0 where each label changes itself alone, 1 where it changes the others as much; inf where none changes itself, nan
    for fewer than two labels.
    """
    count = len(matrix)
    if count < 2:
        return float("nan")
    sizes = np.abs(matrix[:, :count])
    own, others = float(np.trace(sizes)), float(sizes.sum() - np.trace(sizes))
    return others / (count - 1) / own if own > 0 else float("inf")


def crossed(asked: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Array:
    """For each image its cell among asked classes by predicted ones, (n, K, K) of zeros and a one."""
    return (asked[:, :, None] & predicted[:, None, :]).astype(np.float64)


def shares(cells: NDArray[Any]) -> Array:
    """Rows (K, K) of counts or their means as shares of their row; a row without any stays 0."""
    totals = cells.sum(1, keepdims=True)
    return np.divide(cells, totals, out=np.zeros(cells.shape), where=totals > 0)


def without_leaks(effects: Array) -> Array:
    """Effects (n, K, K) as they would be if no label changed another: what is off the diagonal has a mean of 0."""
    return effects - effects.mean(0) * ~np.eye(effects.shape[1], dtype=bool)


def resampled(
    values: Array, statistic: Callable[[Array], float], nothing: Callable[[Array], Array] | None = None
) -> Estimate:
    """A function, 0 or more, of the mean over n images of values (n, ...), with a 95% interval by the bootstrap.

    Sizes of noisy effects are too large on average, those of resamples once more. So the upper limit is the quantile of
    resamples (Efron and Tibshirani 1993, chapter 13), and the lower limit lies as far below the value as that quantile
    above it (the basic bootstrap, Davison and Hinkley 1997, section 5.2.1). `nothing` gives values whose function would
    be 0 but for noise: where resamples of these reach the value in one of 20 cases, the lower limit is 0 (their section
    4.4). The draws are the same at every call; where the function is not finite for one of them there is no interval.
    """
    count = len(values)
    value = statistic(values.mean(0))
    weights = stream(0, Draw.LEAKAGE_BOOTSTRAP).multinomial(count, np.full(count, 1 / count), size=DRAWS) / count

    def resamples(values: Array) -> Array:
        return np.array([statistic(mean.reshape(values.shape[1:])) for mean in weights @ values.reshape(count, -1)])

    drawn = resamples(values)
    if not np.isfinite(drawn).all():
        return Estimate(value)
    high = float(np.quantile(drawn, 0.975))
    low = max(0.0, min(value, 2 * value - high))
    if nothing is not None and value <= np.quantile(resamples(nothing(values)), 0.95):
        low = 0.0
    return Estimate(value, low, max(value, high))
