"""Ranges of values: which value of an array or of a deep picture becomes black, and which becomes white."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"


class Range(NamedTuple):
    """Two values: `low` becomes 0 and `high` becomes 255. Values outside are cut off."""

    low: float
    high: float

    def __str__(self) -> str:
        """As `parse_values` reads it."""
        return f"{_plain(self.low)}..{_plain(self.high)}"


# Ranges that are usual for images, the narrowest first.
USUAL = (Range(0, 1), Range(-1, 1), Range(0, 255))
# Floats within these limits probably mean 0..1, because a resizing filter overshoots a little.
BELOW_ZERO, ABOVE_ONE = -0.25, 8.0
SLACK = 1e-3  # of a range, for floats that were scaled there and back


def parse_values(text: str) -> Range:
    """The range that `LOW..HIGH` states, as in `0..255`, `-1..1` or `0..4095`.

    Raises:
        DataError: the text is not of that form, or LOW is not below HIGH.
    """
    match = re.fullmatch(rf"\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*", text.lower())
    if match is None:
        raise DataError(f"values {text!r} is not known; write LOW..HIGH, like 0..255, 0..1, -1..1 or 0..4095")
    stated = Range(float(match[1]), float(match[2]))
    if not stated.low < stated.high < float("inf"):
        raise DataError(f"values {text!r} is not known; LOW must be below HIGH, as in 0..4095")
    return stated


def to_bytes(values: NDArray[np.generic], scale: Range) -> NDArray[np.uint8]:
    """Values of any number type as bytes: `scale.low` is 0 and `scale.high` is 255. NaN becomes 0."""
    scaled = (values.astype(np.float64) - scale.low) * (255 / (scale.high - scale.low))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0, posinf=255, neginf=0), 0, 255)).astype(np.uint8)


def extent_of(values: NDArray[np.generic]) -> Range:
    """The lowest and the highest finite value; (0, 0) where there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return Range(float(values.min()), float(values.max())) if values.size else Range(0.0, 0.0)


def joined(extents: Iterable[Range]) -> Range:
    """The smallest range that holds all the others, of which there is at least one."""
    lows, highs = zip(*extents, strict=True)
    return Range(min(lows), max(highs))


def usual_range(extent: Range, candidates: Iterable[Range] = USUAL) -> Range | None:
    """The first of the candidates that holds all values, or None."""
    for scale in candidates:
        slack = SLACK * (scale.high - scale.low)
        if scale.low - slack <= extent.low and extent.high <= scale.high + slack:
            return scale
    return None


def overshoots(extent: Range, scale: Range) -> bool:
    """Whether floats leave 0..1 so little that they probably mean 0..1, and not the wider range."""
    return (scale == Range(-1, 1) and extent.low > BELOW_ZERO) or (scale == Range(0, 255) and extent.high < ABOVE_ONE)


def range_of_files(extent: Range, floats: bool) -> Range:
    """The scale of pictures whose format states none: a usual range that holds all values, else their own extent.

    Args:
        extent: of all pictures of this kind.
        floats: whether the values are floats; whole numbers are never of -1..1.
    """
    found = usual_range(extent, USUAL if floats else (Range(0, 1), Range(0, 255)))
    if found is not None:
        return found
    low = extent.low if floats else min(0.0, extent.low)
    return Range(low, extent.high) if low < extent.high else Range(low, low + max(1.0, abs(low)))


def _plain(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))
