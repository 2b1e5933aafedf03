"""Arrays of a picture's file, checked before they are shown."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.report.formatting import plain

Arrays = dict[str, NDArray[Any]]
TEXT_LIMIT = 60  # letters of a text out of a file


class Unreadable(Exception):
    """The arrays of a picture do not have the form that its name promises; the message says what is wrong."""


def images(arrays: Arrays, key: str, dimensions: int = 4) -> NDArray[np.uint8]:
    """An array of images (..., H, W, C) with so many dimensions out of a picture's file.

    Raises:
        Unreadable: it is missing, empty, or of another form.
    """
    array = arrays.get(key)
    if array is None:
        raise Unreadable(f"it has no array {key!r}")
    if array.ndim != dimensions or array.dtype != np.uint8 or array.shape[-1] not in (1, 3) or not array.size:
        raise Unreadable(f"{key!r} is {array.dtype} {array.shape}, not {dimensions}-dimensional uint8 images")
    return array


def numbers(arrays: Arrays, key: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """An array of finite numbers of this shape out of a picture's file; None stands for any length but 0.

    Raises:
        Unreadable: it is missing, empty, of another shape, or holds what is no finite number.
    """
    array = arrays.get(key, np.empty(0))
    fits = array.ndim == len(shape) and array.dtype.kind in "fiu" and array.size
    if not fits or any(want not in (None, size) for want, size in zip(shape, array.shape, strict=True)):
        sizes = " × ".join("any" if size is None else str(size) for size in shape)
        raise Unreadable(f"it has no array {key!r} of {f'{sizes} numbers' if shape else '1 number'}")
    if not np.isfinite(array).all():
        raise Unreadable(f"{key!r} holds a number that is not finite")
    return array.astype(np.float64)


def scalar(arrays: Arrays, key: str) -> float | None:
    """A single finite number out of a picture's file; None where it is missing."""
    array = arrays.get(key)
    if array is None or array.size != 1 or array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        return None
    return float(array.item())


def text(arrays: Arrays, key: str) -> str:
    """A text out of a picture's file, as it can be shown; empty where it is missing."""
    array = arrays.get(key)
    return plain(array.item(), TEXT_LIMIT) if array is not None and array.size == 1 else ""


def image_pairs(arrays: Arrays, above: str, below: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two arrays of images (n, H, W, C) that stand one above the other.

    Raises:
        Unreadable: one of them cannot be shown, or their shapes differ.
    """
    upper, lower = images(arrays, above), images(arrays, below)
    if upper.shape != lower.shape:
        raise Unreadable(f"{above} {upper.shape} and {below} {lower.shape} differ in shape")
    return upper, lower


def names(arrays: Arrays, key: str, count: int) -> list[str]:
    """As many names out of a picture's file; numbered labels where they are missing."""
    array = arrays.get(key)
    numbered = [f"label {index}" for index in range(1, count + 1)]
    if array is None or array.shape != (count,):
        return numbered
    return [plain(name) or other for name, other in zip(array.tolist(), numbered, strict=True)]
