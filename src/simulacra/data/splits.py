"""Which pictures train, validate and test.

In a store the split depends on content alone, so that all copies of a picture are in one split. A run may hold out
more of the training images. These are drawn at random, so of two equal training images one may be held out and the
other not.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulacra.data.store import SPLITS, ImageStore
from simulacra.errors import DataError
from simulacra.seeds import Draw, stream

TRAIN, VALID, TEST = range(len(SPLITS))
# Upper ends of train and valid on a scale of 0 to 1.
ENDS = (0.90, 0.95)


def split_by_content(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    """About 90 % train, 5 % valid and 5 % test, none of them empty if there are enough pictures.

    Args:
        digests: one hash of at least 8 bytes per picture, equal for equal pictures.

    Returns:
        (N,) uint8, an index into SPLITS.
    """
    positions = np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.float64) / 2.0**64
    split = np.searchsorted(ENDS, positions, side="right").astype(np.uint8)
    for part in (TRAIN, VALID, TEST):
        if len(split) and not (split == part).any():
            _lend(split, positions, part)
    return split


def hold_out(store: ImageStore, count: int, seed: int) -> ImageStore:
    """The same images with some of the training ones in the split "valid", for one run; nothing on disk changes.

    Args:
        store: the data set.
        count: number of training images that join the valid split; 0 gives the store itself.
        seed: decides which.

    Raises:
        DataError: that would leave no training image.
    """
    if not count:
        return store
    rows = store.rows("train")
    if count >= len(rows):
        raise DataError(f"data.holdout = {count:,}: {store.path} has {len(rows):,} training images; hold out fewer")
    split = store.split.copy()
    split[stream(seed, Draw.HOLDOUT).permutation(rows)[:count]] = VALID
    return replace(store, split=split)


def _lend(split: NDArray[np.uint8], positions: NDArray[np.float64], part: int) -> None:
    """Moves one picture with all its copies into an empty split, unless this would empty another split."""
    contents = {other: np.unique(positions[split == other]) for other in (TRAIN, VALID, TEST) if other != part}
    richest = max(contents, key=lambda other: len(contents[other]))
    if len(contents[richest]) > 1 or part == TRAIN:
        split[positions == contents[richest][-1]] = part
