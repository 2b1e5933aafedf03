"""Diversity: copies, duplicates, damage and sharpness of samples, each beside what real images do."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.metrics.base import Better, Found, Group, Row, row
from simulacra.evaluation.metrics.frequencies import FREQUENCIES, frequencies
from simulacra.evaluation.metrics.nearest import Pool, Rows, Vectors, nearest
from simulacra.evaluation.metrics.quality import lacks
from simulacra.evaluation.pictures import Arrays
from simulacra.seeds import Draw, stream

Values = NDArray[np.float64]
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
FINE = 0.25  # cycles a pixel, half of the highest frequency that pixels can hold
ROUNDING = 1 / 12  # variance of a pixel of 0 to 255 that comes from its being a whole number


class Against(NamedTuple):
    """A share of samples, what held-out real images get in their place, and the value that both lie below."""

    estimate: Estimate
    floor: float
    threshold: float


def beyond(samples: Values, real: Values, level: float) -> Against:
    """The share of samples whose value lies below that which the share `level` of real images lies below.

    For the upper tail give both with their signs turned. The interval holds the uncertainty of both sides: Wilson's
    for the share of samples, and that of the real quantile, whose 95% limits are order statistics; the two are
    independent and joined as in Zou & Donner 2008, Statistics in Medicine 27, equation 3.

    Args:
        samples: (n,) one value a sample.
        real: (m,) the same of real images.
        level: the share of real images, of which a whole number below the threshold is taken.
    """
    ranked, count = np.sort(real), len(real)
    place = int(level * count)
    below_by_chance = bdtr(np.arange(count), count, level)  # probability that so many real values or fewer lie below
    limits = [min(int(np.searchsorted(below_by_chance, tail)), count - 1) for tail in (0.025, 0.975)]
    lower, upper = (float((samples < ranked[limit]).mean()) for limit in limits)
    found = Estimate.share(samples < ranked[place])
    assert found.low is not None
    assert found.high is not None
    below = np.hypot(found.value - found.low, found.value - lower)
    above = np.hypot(found.high - found.value, upper - found.value)
    estimate = Estimate(found.value, max(0.0, found.value - float(below)), min(1.0, found.value + float(above)))
    return Against(estimate, float((real < ranked[place]).mean()), float(ranked[place]))


def likeness(to_train: Values, to_held_out: Values) -> Values:
    """How much nearer (n,) images lie to training images than to others: 0 on top of one, 0.5 equally near to both.

    a / (a + b) of the distances a to the nearest training image and b to the nearest held-out one. A distance a alone
    is small too where a sample is blurred, or of a common kind; then b is as small, and their ratio is not moved. So
    each image brings its own measure of what is near, as the cells of Meehan et al. 2020, arXiv:2004.05675, do.

    Args:
        to_train: (n,) a.
        to_held_out: (n,) b; of a held-out image, to the nearest other one.
    """
    total = to_train + to_held_out
    found = np.full(len(total), 0.5)
    np.divide(to_train, total, out=found, where=total > 0)
    return found


def fine_energy(images: NDArray[np.uint8]) -> Values:
    """Logarithm of the mean power (n,) of the luminance of (n, H, W, C) images at fine frequencies.

    Those are FINE and above in any direction, from edges and texture; a smooth window keeps the border of the picture
    from being counted as an edge. The power of rounding is added, so that an image of one colour has a logarithm too.
    """
    height, width, channels = images.shape[1:]
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    fine = frequency >= FINE
    # A real image's spectrum is its own mirror: columns that rfft leaves out count through those it keeps.
    weight = np.where((np.arange(fine.shape[1]) == 0) | (2 * np.arange(fine.shape[1]) == width), 1.0, 2.0) * fine
    scale = np.square(window).sum() * weight.sum()
    found = np.empty(len(images))
    for start in range(0, len(images), 250):
        part = images[start : start + 250].astype(np.float32)
        grey = part @ np.array(LUMA, np.float32) if channels == 3 else part[..., 0]
        spectrum = np.fft.rfft2((grey - grey.mean((1, 2), keepdims=True)) * window)
        found[start : start + 250] = (np.square(np.abs(spectrum)) * weight).sum((1, 2)) / scale
    return np.log(found + ROUNDING)


def sharpness(samples: Values, real: Values) -> Estimate:
    """The typical (geometric mean) fine energy of samples over that of real images: 1 is as sharp, less is blurred.

    The interval is that of a difference of two mean logarithms, by the normal approximation.

    Args:
        samples: (n,) what `fine_energy` gave.
        real: (m,) the same of real images.
    """
    gap = float(samples.mean() - real.mean())
    margin = 1.96 * float(np.sqrt(samples.var(ddof=1) / len(samples) + real.var(ddof=1) / len(real)))
    return Estimate(float(np.exp(gap)), float(np.exp(gap - margin)), float(np.exp(gap + margin)))


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
                material,
                metric,
                against.estimate,
                split=split,
                n=len(made),
                floor=against.floor,
                extractor=material.extractor.label,
                real=real,
            )
        )
    return _strip(material, "features", compared, np.concatenate([chosen.train, chosen.stand_in]))


def _pixels(material: Material, found: Found) -> Arrays:
    """Rows of copies and broken samples by pixels, among all training images; the strip of the likest ones."""
    store, rows = material.store, material.store.rows("train")
    known = Pool.of(lambda places: store.pixels(rows[places]), len(rows), material.stage("shrinking training images"))
    compared = compared_pixels(
        material.samples,
        store.pixels(material.chosen.held_out),
        known,
        flip=material.subject.recipe.data.flip,
        progress=material.stage("nearest images"),
    )
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
    chosen = np.concatenate([likest, stream(0, Draw.NEAREST_OTHERS).permutation(rest)[:OTHERS]])
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
