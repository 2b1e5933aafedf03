"""Which pictures train, validate and test: decided by their content alone, so that a duplicate never crosses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulacra.data.store import SPLITS

TRAIN, VALID, TEST = range(len(SPLITS))
# Upper ends of train and valid on a scale of 0 to 1.
ENDS = (0.90, 0.95)


def split_by_content(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    """About 90 % train, 5 % valid and 5 % test, and none of them empty where there is enough to share.

    Args:
        digests: one hash of at least 8 bytes a picture, equal for equal pictures.

    Returns:
        (N,) uint8, an index into SPLITS.
    """
    places = np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.float64) / 2.0**64
    split = np.searchsorted(ENDS, places, side="right").astype(np.uint8)
    for part in (TRAIN, VALID, TEST):
        if len(split) and not (split == part).any():
            _lend(split, places, part)
    return split


def _lend(split: NDArray[np.uint8], places: NDArray[np.float64], part: int) -> None:
    """Moves one content, with all its duplicates, into an empty split, unless that would empty another."""
    contents = {other: np.unique(places[split == other]) for other in (TRAIN, VALID, TEST) if other != part}
    richest = max(contents, key=lambda other: len(contents[other]))
    if len(contents[richest]) > 1 or part == TRAIN:
        split[places == contents[richest][-1]] = part
