"""Copies, duplicates, damage, sharpness, and what is shown how often: each beside what real images do."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.material import Material
from simulacra.evaluation.nearest import Pool, Rows, Vectors, nearest
from simulacra.evaluation.pictures import Arrays
from simulacra.evaluation.scores.base import Better, Found, Group, Row, row
from simulacra.evaluation.scores.frequencies import FREQUENCIES, frequencies
from simulacra.evaluation.scores.quality import lacks
from simulacra.evaluation.variety import Against, beyond, fine_energy, likeness, sharpness
from simulacra.seeds import stream

METRICS: dict[str, Better] = {
    "copies_features": "lower",
    "copies_pixels": "lower",
    "duplicates": "lower",
    "broken_features": "lower",
    "broken_pixels": "lower",
    "sharpness": "neither",
    **FREQUENCIES,
}

COPIES, DUPLICATES, BROKEN = 0.05, 0.01, 0.01  # of real images, which lie as far out
NEIGHBOUR = 5  # the training image whose features say whether a sample is broken; by pixels it is the nearest
SHOWN, OTHERS = 10, 6  # samples of the strip: the likest to training images, and any
DRAW = 23  # the key of the draw of the others
Values = NDArray[np.float64]
Images = NDArray[np.uint8]
Progress = Callable[[int, int], None]


class Matches(NamedTuple):
    """The nearest image to each of n, its distance, and whether it is nearest when seen in a mirror."""

    distances: Values
    rows: Rows
    mirrored: NDArray[np.bool_]


class Compared(NamedTuple):
    """Samples held against training images and against others.

    Attributes:
        copies: how many are nearer to training images than real ones are.
        broken: how many are farther from training images than real ones are.
        alike: (n,) how much nearer each is.
        train: nearest training images.
        held_out: nearest images that were not trained on.
    """

    copies: Against
    broken: Against
    alike: Values
    train: Matches
    held_out: Matches


def measure(material: Material) -> Found:
    """Everything of METRICS, and the pictures `nearest` and `frequencies`."""
    found = frequencies(material)
    strips = [_features(material, found), _pixels(material, found)]
    found.rows.append(_sharpness(material))
    found.pictures["nearest"] = {name: array for strip in strips for name, array in strip.items()}
    found.rows.sort(key=lambda one: list(METRICS).index(one["metric"]))
    return found


def compared_features(made: Vectors, held_out: Vectors, known: Vectors) -> Compared:
    """Which samples are copies, and which are broken, by their features.

    Args:
        made: (n, d) features of samples.
        held_out: (m, d) of real images that were not trained on.
        known: (N, d) of training images.
    """
    of_made, of_real = nearest(made, known, NEIGHBOUR), nearest(held_out, known, NEIGHBOUR)
    apart, real_apart = nearest(made, held_out), nearest(held_out, held_out, own=np.arange(len(held_out)))
    train, others = (
        Matches(one.distances[:, 0], one.rows[:, 0], np.zeros(len(made), bool)) for one in (of_made, apart)
    )
    alike = likeness(train.distances, others.distances)
    copies = beyond(alike, likeness(of_real.distances[:, 0], real_apart.distances[:, 0]), COPIES)
    broken = beyond(-of_made.distances[:, -1], -of_real.distances[:, -1], BROKEN)
    return Compared(copies, broken, alike, train, others)


def duplicates(made: Vectors, stand_in: Vectors) -> Against:
    """How many samples (n, d) are nearer to another than real images are, among as many (n, d) of them."""
    own = np.arange(len(made))
    among, real_among = (nearest(part, part, own=own).distances[:, 0] for part in (made, stand_in))
    return beyond(among, real_among, DUPLICATES)


def compared_pixels(samples: Images, held_out: Images, known: Pool, *, flip: bool, progress: Progress) -> Compared:
    """Which samples are copies, and which are broken, by their pixels.

    Args:
        samples: (n, H, W, C).
        held_out: (m, H, W, C) real images that were not trained on.
        known: the training images.
        flip: whether training images were seen in a mirror too.
        progress: told (done, total).
    """
    others, own = Pool.of(lambda places: held_out[places], len(held_out)), np.arange(len(held_out))

    def matches(pool: Pool, images: Images, own: Rows | None = None) -> Matches:
        first = pool.nearest(images, own=own, progress=progress)
        if not flip:
            return Matches(*first, np.zeros(len(images), bool))
        turned = pool.nearest(images[:, :, ::-1], own=own, progress=progress)
        mirrored = turned.distances < first.distances
        distances, rows = (np.where(mirrored, b, a) for a, b in zip(first, turned, strict=True))
        return Matches(distances, rows, mirrored)

    train, apart = matches(known, samples), matches(others, samples)
    alike = likeness(train.distances, apart.distances)
    real = matches(known, held_out).distances
    copies = beyond(alike, likeness(real, matches(others, held_out, own).distances), COPIES)
    return Compared(copies, beyond(-train.distances, -real, BROKEN), alike, train, apart)


def _features(material: Material, found: Found) -> Arrays:
    """Rows of copies, duplicates and broken samples by their features; the strip of the likest ones."""
    made, stand_in, chosen = material.made, material.real("stand_in"), material.chosen
    known = np.concatenate([material.real("train"), stand_in])
    compared = compared_features(made, material.real("held_out"), known)
    for metric, split, against, real in (
        ("copies_features", "train", compared.copies, len(known)),
        ("duplicates", None, duplicates(made, stand_in), len(stand_in)),
        ("broken_features", "train", compared.broken, len(known)),
    ):
        found.rows.append(
            row(
                material, metric, against.estimate, split=split, n=len(made), floor=against.floor,
                extractor=material.extractor.label, real=real,
            )
        )  # fmt: skip
    return _strip(material, "features", compared, np.concatenate([chosen.train, chosen.stand_in]))


def _pixels(material: Material, found: Found) -> Arrays:
    """Rows of copies and broken samples by pixels, among all training images; the strip of the likest ones."""
    store, rows = material.store, material.store.rows("train")
    known = Pool.of(lambda places: store.pixels(rows[places]), len(rows), material.stage("shrinking training images"))
    compared = compared_pixels(
        material.samples, store.pixels(material.chosen.held_out), known, flip=material.subject.recipe.data.flip,
        progress=material.stage("nearest images"),
    )  # fmt: skip
    found.rows += [
        row(material, metric, one.estimate, split="train", n=material.count, floor=one.floor, real=len(rows))
        for metric, one in (("copies_pixels", compared.copies), ("broken_pixels", compared.broken))
    ]
    return _strip(material, "pixels", compared, rows)


def _strip(material: Material, name: str, compared: Compared, rows: Rows) -> Arrays:
    """The samples most like a training image, then any; below each its nearest training and held-out image.

    Args:
        material: the samples, and where the images come from.
        name: before the names of the arrays.
        compared: what lies near to each sample.
        rows: of the training images in the store.
    """
    order = compared.alike.argsort(kind="stable")
    likest, rest = order[:SHOWN], order[SHOWN:]
    chosen = np.concatenate([likest, stream(0, DRAW).permutation(rest)[:OTHERS]])
    arrays: Arrays = {f"{name}_samples": material.samples[chosen]}
    for what, matches, place in (
        ("train", compared.train, rows),
        ("held_out", compared.held_out, material.chosen.held_out),
    ):
        images, turned = material.store.pixels(place[matches.rows[chosen]]), matches.mirrored[chosen]
        images[turned] = images[turned][:, :, ::-1]
        arrays[f"{name}_{what}"] = images
        arrays[f"{name}_{what}_distances"] = matches.distances[chosen]
    # Where held-out images are copies of one another the threshold may be 1, and no distance ratio stands for it.
    usual = compared.copies.threshold / max(1 - compared.copies.threshold, 1e-9)
    return arrays | {f"{name}_likest": np.array(len(likest)), f"{name}_usual": np.array(usual)}


def _sharpness(material: Material) -> Row:
    store, chosen = material.store, material.chosen
    real = fine_energy(store.pixels(chosen.held_out))
    one = sharpness(fine_energy(material.samples), real)
    floor = sharpness(fine_energy(store.pixels(chosen.stand_in)), real).value
    return row(material, "sharpness", one, split=chosen.split, n=material.count, floor=floor, real=len(real))


VARIETY = Group(METRICS, lacks, measure)
