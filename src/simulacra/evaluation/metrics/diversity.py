"""Diversity: copies, duplicates, faults, sharpness and grids of samples, each beside the same of real images."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.catalogue import of_group
from simulacra.estimates import Estimate
from simulacra.evaluation.context import NO_HELD_OUT, Material, Results
from simulacra.evaluation.metrics.frequencies import frequencies
from simulacra.evaluation.metrics.nearest import Nearest, Pool, Rows, Vectors, nearest
from simulacra.evaluation.pictures import Arrays
from simulacra.evaluation.subject import Progress
from simulacra.measurements import Measurement
from simulacra.seeds import Draw, stream

Values = NDArray[np.float64]
BESIDE_HELD_OUT = ("copies_features", "copies_pixels", "broken_features", "broken_pixels")
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
FINE = 0.25  # cycles per pixel, half of the highest frequency that pixels can hold
ROUNDING = 1 / 12  # variance of a pixel of 0 to 255 that comes from its being a whole number
PERIODS, ROOM = (8, 4, 2), 6  # of patterns that count as a grid in pixels, and cycles per image between them
SPREAD = 1.5  # cycles per image by which the window spreads a frequency to either side


class TailShare(NamedTuple):
    """The share of samples below a threshold, the same share of real images, and the threshold."""

    estimate: Estimate
    baseline: float
    threshold: float


def tail_share(samples: Values, real: Values, level: float, together: tuple[float, float] = (1, 1)) -> TailShare:
    """The share of samples (n,) whose value lies below the value that the share `level` of real images (m,) lies below.

    For the upper tail give both with their signs changed. A whole number of real images lies below the threshold. The
    interval holds the uncertainty of both sides: Wilson's for the share of samples, and that of the real quantile,
    whose 95% limits are order statistics; the two are independent and joined as in Zou & Donner 2008, Statistics in
    Medicine 27, equation 3. Of samples and of real images so many lie below `together`, on average, and are worth one.
    """
    from scipy.special import bdtr

    ranked, count = np.sort(real), len(real)
    index, worth = int(level * count), max(1, round(count / together[1]))
    below_by_chance = bdtr(np.arange(worth), worth, level)  # probability that so many real values or fewer lie below
    limits = [min(int(np.searchsorted(below_by_chance, tail) * together[1]), count - 1) for tail in (0.025, 0.975)]
    lower, upper = (float((samples < ranked[limit]).mean()) for limit in limits)
    share = Estimate.share(samples < ranked[index], len(samples) / together[0])
    assert share.low is not None
    assert share.high is not None
    below = np.hypot(share.value - share.low, share.value - lower)
    above = np.hypot(share.high - share.value, upper - share.value)
    estimate = Estimate(share.value, max(0.0, share.value - float(below)), min(1.0, share.value + float(above)))
    return TailShare(estimate, float((real < ranked[index]).mean()), float(ranked[index]))


def nearness(to_train: Values, to_held_out: Values) -> Values:
    """How near (n,) images lie to training images, relative to others: 0 on top of one, 0.5 equally near to both.

    a / (a + b) of the distances (n,), a to the nearest training image and b to the nearest other held-out one. A
    distance a alone is small too for a sample that is blurred, or of a common mode; then b is as small, and the ratio
    stays. So each image sets its own scale of what is near, as the cells of Meehan et al. 2020, arXiv:2004.05675, do.
    """
    total = to_train + to_held_out
    return np.divide(to_train, total, out=np.full(len(total), 0.5), where=total > 0)


class FineDetail(NamedTuple):
    """The power of images at fine frequencies: FINE and above in any direction, from edges and texture."""

    energy: Values  # (n,) logarithm of the mean power off the grid's frequencies
    # (n,) share of all fine power that lies at them beyond what is usual; None for images that are too small to say
    grid: Values | None


def fine_detail(images: NDArray[np.uint8]) -> FineDetail:
    """The fine detail of the luminance of images (n, H, W, C).

    A smooth window keeps the border of the picture from being counted as an edge. The power of rounding is added, so
    that an image of one colour has a logarithm too. The grid's frequencies are those of patterns that repeat every
    `grid_period` pixels across and down, as strided layers leave them: Odena et al. 2016, doi:10.23915/distill.00003.
    """
    height, width, channels = images.shape[1:]
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    across = np.arange(width // 2 + 1)
    # A real image's spectrum is its own mirror: columns that rfft leaves out count through those it keeps.
    weight = np.where((across == 0) | (2 * across == width), 1.0, 2.0)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    weight = weight * (radius >= FINE)
    period = grid_period(height, width)
    on_grid = _on_grid(height, period)[:, None] & _on_grid(width, period)[across]
    usual = _usual(np.where(on_grid, weight, 0), np.where(on_grid, 0, weight), radius * min(height, width))
    sums = np.stack([np.where(on_grid, 0, weight), np.where(on_grid, weight, -usual), weight], -1).reshape(-1, 3)
    power = np.empty((len(images), 3))  # off the grid's frequencies; at them, beyond what is usual; in all
    for start in range(0, len(images), 250):
        part = images[start : start + 250].astype(np.float32)
        grey = part @ np.array(LUMA, np.float32) if channels == 3 else part[..., 0]
        spectrum = np.fft.rfft2((grey - grey.mean((1, 2), keepdims=True)) * window)
        powers = np.square(np.abs(spectrum)) / np.square(window).sum() + ROUNDING
        power[start : start + 250] = powers.reshape(len(part), -1) @ sums
    energy = np.log(power[:, 0] / sums[:, 0].sum())
    return FineDetail(energy, power[:, 1] / power[:, 2] if period else None)


def _usual(on_grid: Values, off_grid: Values, cycles: Values) -> Values:
    """Weights (H, W) of the frequencies off the grid by which their power says what is usual at those of the grid.

    The usual power of a frequency is the mean of those off the grid whose pattern is as fine, in rings of two cycles
    per image: blur takes from both alike, and is no grid. Given are the weights of both, (H, W), 0 for the others.
    """
    rings = (cycles / 2).astype(np.int64)
    on, off = (np.bincount(rings.ravel(), part.ravel()) for part in (on_grid, off_grid))
    return off_grid * np.divide(on, off, out=np.zeros(len(on)), where=off > 0)[rings]


def grid_period(height: int, width: int) -> int:
    """The longest period in pixels of the patterns that count as a grid; 0 where images are too small for any.

    Two layers of stride 2 leave a pattern that repeats every 4 pixels, three one of 8. A pattern belongs to a grid only
    where its frequencies lie ROOM or more cycles per image apart; else they would be most of all frequencies.
    """
    return next((period for period in PERIODS if min(height, width) >= ROOM * period), 0)


def _on_grid(size: int, period: int) -> NDArray[np.bool_]:
    """Which frequencies (size,) of `np.fft.fftfreq` are those of a grid, or as near as the window spreads them."""
    if not period:
        return np.zeros(size, bool)
    cycles = np.arange(size) * period / size
    return np.abs(cycles - np.rint(cycles)) * size / period <= SPREAD


def sharpness(samples: Values, real: Values) -> Estimate:
    """The geometric mean fine energy of samples (n,) over that of real images (m,), as `fine_detail` gives both.

    1 is as sharp, less is blurred. The interval is that of a difference of two mean logarithms, by the normal
    approximation.
    """
    gap = float(samples.mean() - real.mean())
    return Estimate.within(gap, float(np.sqrt(samples.var(ddof=1) / len(samples) + real.var(ddof=1) / len(real)))).exp()


COPIES, DUPLICATES, BROKEN = 0.05, 0.01, 0.01  # of real images, which lie as far out
NEIGHBOUR = 5  # the training image whose features say whether a sample is broken; by pixels it is the nearest
SHOWN, OTHERS = 10, 6  # samples of the strip: the nearest to training images, and any
Images = NDArray[np.uint8]


class Matches(NamedTuple):
    """The nearest image to each of n, its distance, and whether it is nearest when mirrored."""

    distances: Values
    rows: Rows
    mirrored: NDArray[np.bool_]


class Compared(NamedTuple):
    """Samples compared with training images and with others."""

    copies: TailShare  # how many are nearer to training images than real ones are
    broken: TailShare  # how many are farther from training images than real ones are
    nearness: Values  # (n,) of each to training images
    train: Matches
    held_out: Matches  # nearest images that were not trained on


def measure(material: Material) -> Results:
    """Every metric of the group, and the pictures `nearest` and `frequencies`."""
    results = Results([*_fine_detail(material), _duplicates(material)])
    if material.chosen.split == "train":
        results.measurements += [material.measurement(metric, None, why=NO_HELD_OUT) for metric in BESIDE_HELD_OUT]
    else:
        (features, feature_strip), (pixels, pixel_strip) = _by_features(material), _by_pixels(material)
        results.add(Results([*features, *pixels], pictures={"nearest": feature_strip | pixel_strip}))
    results.add(frequencies(material))
    order = of_group("diversity")
    results.measurements.sort(key=lambda measurement: order.index(measurement.metric))
    return results


def compare(train: Matches, held_out: Matches, real: tuple[Values, Values], far: tuple[Values, Values]) -> Compared:
    """Which of n samples are copies, and which are broken, by their nearest training and held-out images.

    `real` are distances (m,) of held-out images to the nearest training image, and to the nearest other held-out one;
    `far` those from training images that say whether an image is broken, (n,) of samples and (m,) of held-out ones.
    """
    near = nearness(train.distances, held_out.distances)
    broken = tail_share(-far[0], -far[1], BROKEN)
    return Compared(tail_share(near, nearness(*real), COPIES), broken, near, train, held_out)


def compare_features(generated: Vectors, held_out: Vectors, train: Vectors) -> Compared:
    """`compare` by features (n, d) of samples, (m, d) of held-out and (k, d) of training images."""
    to_train, real_to_train = nearest(generated, train, NEIGHBOUR), nearest(held_out, train, NEIGHBOUR)
    to_held_out, real_to_held_out = nearest(generated, held_out), _to_another(held_out)
    own, others = (
        Matches(neighbours.distances[:, 0], neighbours.rows[:, 0], np.zeros(len(generated), bool))
        for neighbours in (to_train, to_held_out)
    )
    far = to_train.distances[:, -1], real_to_train.distances[:, -1]
    return compare(own, others, (real_to_train.distances[:, 0], real_to_held_out), far)


def compare_pixels(samples: Images, held_out: Images, train: Pool, *, flip: bool, progress: Progress) -> Compared:
    """`compare` by pixels of samples (n, H, W, C), held-out images (m, H, W, C) and a pool of all training images.

    With `flip` the training saw mirror images too; `progress` gets (done, total) images.
    """
    others = Pool.of(lambda indices: held_out[indices], len(held_out))

    def matches(pool: Pool, images: Images, own: Rows | None = None) -> Matches:
        """Nearest images, also mirrored where training images were seen so too."""
        first = pool.nearest(images, own=own, progress=progress)
        if not flip:
            return Matches(*first, np.zeros(len(images), bool))
        second = pool.nearest(images[:, :, ::-1], own=own, progress=progress)
        mirrored = second.distances < first.distances
        distances, nearest_rows = (np.where(mirrored, b, a) for a, b in zip(first, second, strict=True))
        return Matches(distances, nearest_rows, mirrored)

    to_train, to_held_out = matches(train, samples), matches(others, samples)
    real_to_train = matches(train, held_out).distances
    real = real_to_train, matches(others, held_out, np.arange(len(held_out))).distances
    return compare(to_train, to_held_out, real, (to_train.distances, real_to_train))


def duplicates(generated: Vectors, reference: Vectors) -> TailShare:
    """The share of n samples nearer to another than 99% of n real images are to another, by features (n, d).

    Duplicates come in pairs or in larger groups, each of which is one independent event.
    """
    samples, real = (nearest(part, part, own=np.arange(len(part))) for part in (generated, reference))
    far = real.distances[:, 0]
    threshold = float(np.sort(far)[int(DUPLICATES * len(far))])
    return tail_share(
        samples.distances[:, 0], far, DUPLICATES, (group_size(samples, threshold), group_size(real, threshold))
    )


def group_size(others: Nearest, threshold: float) -> float:
    """How many vectors are near together, as one of those sees it that have another nearer than a threshold.

    It is the design effect of groups, Kish 1965, "Survey Sampling", section 5.4: 2 where all are pairs. Where no vector
    has another so near, it is 2 as well, the size of the first group that there would be.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    near = np.flatnonzero(others.distances[:, 0] < threshold)
    if not len(near):
        return 2.0
    size = len(others.rows)
    links = coo_array((np.ones(len(near)), (near, others.rows[near, 0])), shape=(size, size))
    _, group = connected_components(links, directed=False)
    counts = np.bincount(group[near]).astype(np.float64)
    return max(1.0, float(np.square(counts).sum() / counts.sum()))


def _to_another(features: Vectors) -> Values:
    """The distance (n,) of each vector (n, d) to the nearest other one."""
    return nearest(features, features, own=np.arange(len(features))).distances[:, 0]


def _by_features(material: Material) -> tuple[list[Measurement], Arrays]:
    """Copies and broken samples by their features; the strip of the samples nearest to training images."""
    chosen, held_out = material.chosen, material.real_features("held_out")
    train = np.concatenate([material.real_features("train"), material.real_features("reference")])
    compared = compare_features(material.features, held_out, train)
    about = {"real": len(train), "extractor": material.extractor.label}
    strip = _strip(material, "features", compared, np.concatenate([chosen.train, chosen.reference]))
    return _tails(material, "features", compared, about), strip


def _by_pixels(material: Material) -> tuple[list[Measurement], Arrays]:
    """Copies and broken samples by pixels, among all training images; the strip of the nearest samples."""
    store, rows, progress = material.store, material.store.rows("train"), material.stage("nearest images")
    held_out, flip = store.pixels(material.chosen.held_out), material.subject.recipe.data.flip
    train = Pool.of(lambda indices: store.pixels(rows[indices]), len(rows), material.stage("shrinking training images"))
    compared = compare_pixels(material.samples, held_out, train, flip=flip, progress=progress)
    return _tails(material, "pixels", compared, {"real": len(rows)}), _strip(material, "pixels", compared, rows)


def _tails(material: Material, name: str, compared: Compared, about: dict[str, Any]) -> list[Measurement]:
    tails = {f"copies_{name}": compared.copies, f"broken_{name}": compared.broken}
    return [
        material.measurement(metric, tail.estimate, baseline=tail.baseline, split="train", n=material.count, **about)
        for metric, tail in tails.items()
    ]


def _duplicates(material: Material) -> Measurement:
    reference = material.real_features("reference")
    tail = duplicates(material.features, reference)
    about: dict[str, Any] = {"n": material.count, "extractor": material.extractor.label, "real": len(reference)}
    return material.measurement("duplicates", tail.estimate, baseline=tail.baseline, **about)


def _strip(material: Material, name: str, compared: Compared, rows: Rows) -> Arrays:
    """The samples nearest to a training image, then any; below each its nearest training and held-out image.

    Names of the arrays begin with `name`; `rows` are those of the training images in the store.
    """
    order = compared.nearness.argsort(kind="stable")
    first, rest = order[:SHOWN], order[SHOWN:]
    chosen = np.concatenate([first, stream(0, Draw.NEAREST_OTHERS).permutation(rest)[:OTHERS]])
    arrays: Arrays = {f"{name}_samples": material.samples[chosen]}
    for part, matches, part_rows in (
        ("train", compared.train, rows),
        ("held_out", compared.held_out, material.chosen.held_out),
    ):
        images, mirrored = material.store.pixels(part_rows[matches.rows[chosen]]), matches.mirrored[chosen]
        images[mirrored] = images[mirrored][:, :, ::-1]
        arrays[f"{name}_{part}"] = images
        arrays[f"{name}_{part}_distances"] = matches.distances[chosen]
    # Where held-out images are copies of one another the threshold may be 1, and no ratio of distances stands for it.
    usual = compared.copies.threshold / max(1 - compared.copies.threshold, 1e-9)
    return arrays | {f"{name}_likest": np.array(len(first)), f"{name}_usual": np.array(usual)}


def _fine_detail(material: Material) -> list[Measurement]:
    """Sharpness and checkerboard pattern of samples, beside those of held-out images."""
    store, chosen = material.store, material.chosen
    images = (material.samples, store.pixels(chosen.held_out), store.pixels(chosen.reference))
    samples, real, reference = map(fine_detail, images)
    about: dict[str, Any] = {"split": chosen.split, "n": material.count, "real": len(real.energy)}
    baseline = sharpness(reference.energy, real.energy).value
    sharp = material.measurement("sharpness", sharpness(samples.energy, real.energy), baseline=baseline, **about)
    if samples.grid is None or real.grid is None:
        height, width, _ = store.shape
        why = f"withheld, images of {width}x{height} pixels are too small to tell a grid from other detail"
        return [sharp, material.measurement("checkerboard", None, why=why, **about)]
    share = Estimate.of(samples.grid, most=1.0)
    grid = material.measurement("checkerboard", share, baseline=float(real.grid.mean()), **about)
    return [sharp, grid]
