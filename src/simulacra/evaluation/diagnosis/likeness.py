"""How much a few images differ from one another, and how busy they are: pure functions on pixels."""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

SET = 32  # images of a set: as many as the run's samples, as the nearest of many is nearer than the nearest of few


def look_of(images: Images) -> dict[str, float]:
    """What images look like as a set, in numbers that need no network.

    Args:
        images: (n, H, W, C) uint8, n of 2 or more; more than SET are taken in sets of that many.

    Returns:
        `apart`, the mean root-mean-square difference of two images; `nearest`, that of an image and the one of its set
        that is most like it; `roughness`, the mean absolute difference of neighbouring pixels. All of pixels in [0, 1].
    """
    sets = [images[start : start + SET] for start in range(0, len(images), SET)]
    found = [_of_set(part) for part in sets if len(part) > 1 and len(part) in (SET, len(sets[0]))]
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def changed(before: Images, after: Images) -> float:
    """The mean root-mean-square difference of images (n, H, W, C) and those in the same places, of pixels in [0, 1]."""
    gap = (before.astype(np.float64) - after) / 255
    return float(np.sqrt(np.square(gap).reshape(len(gap), -1).mean(1)).mean())


def _of_set(images: Images) -> dict[str, float]:
    values = images.astype(np.float64) / 255
    flat = values.reshape(len(values), -1)
    lengths = np.square(flat).sum(1)
    squares = np.maximum(lengths[:, None] + lengths - 2 * flat @ flat.T, 0) / flat.shape[1]
    distances = np.sqrt(squares)
    others = ~np.eye(len(flat), dtype=bool)
    nearest = np.where(others, distances, np.inf).min(1)
    steps = [np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2) if values.shape[axis] > 1]
    return {
        "apart": float(distances[others].mean()),
        "nearest": float(nearest.mean()),
        "roughness": float(np.mean(steps)) if steps else 0.0,
    }
