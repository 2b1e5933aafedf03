"""Copies, duplicates, damage and sharpness: pure functions on arrays, each held against what real images do."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from simulacra.evaluation.distances import share
from simulacra.evaluation.estimate import Estimate

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
    found = share(samples < ranked[place])
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
