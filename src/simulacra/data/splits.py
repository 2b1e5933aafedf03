"""Which pictures train, validate and test.

In a store it is decided by their content alone, so that a duplicate never crosses. A run may keep more of the training
images aside for itself; those are drawn, so that of two equal training images one may be kept and the other trained on.
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


def hold_out(store: ImageStore, count: int, seed: int) -> ImageStore:
    """The same images with some of the training ones in the split "valid", for one run; nothing on disk changes.

    Args:
        store: the data set.
        count: how many training images join those that are valid already; 0 gives the store itself.
        seed: decides which.

    Raises:
        DataError: that would leave no training image.
    """
    if not count:
        return store
    rows = store.rows("train")
    if count >= len(rows):
        raise DataError(f"data.holdout = {count:,}: {store.path} has {len(rows):,} training images; keep fewer aside")
    split = store.split.copy()
    split[stream(seed, Draw.HOLDOUT).permutation(rows)[:count]] = VALID
    return replace(store, split=split)


def _lend(split: NDArray[np.uint8], places: NDArray[np.float64], part: int) -> None:
    """Moves one content, with all its duplicates, into an empty split, unless that would empty another."""
    contents = {other: np.unique(places[split == other]) for other in (TRAIN, VALID, TEST) if other != part}
    richest = max(contents, key=lambda other: len(contents[other]))
    if len(contents[richest]) > 1 or part == TRAIN:
        split[places == contents[richest][-1]] = part
