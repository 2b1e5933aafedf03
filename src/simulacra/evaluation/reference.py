"""Real images to measure against: which ones, and their features, kept so that they are computed once."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path

from simulacra.data.store import ImageStore
from simulacra.errors import DataError
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.runs import to_npy, write_aside
from simulacra.seeds import stream

FORMAT = 1
DRAW = 22  # the key of the draw of real images
FEWEST = 6  # images of a set: five neighbours and oneself
Rows = NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Chosen:
    """Rows of a store to measure against; the same ones whatever the seed of the samples.

    Attributes:
        split: where the held-out ones are from, test or valid.
        held_out: (m,) rows of images that were not trained on.
        train: (m,) rows of training images.
        stand_in: (n,) further training images, in the place of n samples: what they score is the floor.
    """

    split: str
    held_out: Rows
    train: Rows
    stand_in: Rows


def choose(store: ImageStore, count: int) -> Chosen:
    """Which real images n samples are measured against.

    As many held-out images as there are, n at most, and as many training images, so that the two can be compared. Of
    the other training images n stand in for samples, or all where there are fewer: then fewer samples are measured.

    Args:
        store: the data set, as the run saw it.
        count: n.

    Raises:
        DataError: too few images to measure anything.
    """
    split = "test" if len(store.rows("test")) else "valid"
    train = stream(0, DRAW, 0).permutation(store.rows("train"))
    held_out = stream(0, DRAW, 1).permutation(store.rows(split))[: min(count, len(train) // 2)]
    m = len(held_out)
    if min(m, len(train) - m) < FEWEST:
        raise DataError(
            f"{store.path} has {len(store.rows(split))} held-out and {len(train)} training images; measuring samples "
            f"takes at least {FEWEST} and {2 * FEWEST}: pack more pictures"
        )
    return Chosen(split, np.sort(held_out), np.sort(train[:m]), np.sort(train[m : m + count]))


def features_of(
    store: ImageStore,
    split: str,
    rows: Rows,
    extractor: Extractor,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """Features (n, width) of images of a store, from the cache or computed and kept there.

    Args:
        store: the data set.
        split: the rows' split, for the file's name.
        rows: which images.
        extractor: what turns images into features.
        cache: folder of features; the user's cache folder by default.
        progress: told (done, total) where they have to be computed.

    Raises:
        RunError: the extractor is not at hand, or the cache cannot be written.
    """
    # Whatever may change a digit is part of the name: content, images, extractor, its code's format, torch.
    words = (store.fingerprint, extractor.label, str(FORMAT), torch.__version__)
    digest = hashlib.sha256("\n".join(words).encode() + rows.tobytes()).hexdigest()[:24]
    folder = cache or user_cache_path("simulacra") / "features"
    path = folder / f"{extractor.name}-{split}-{len(rows)}-{digest}.npz"
    if (kept := _read(path, (len(rows), extractor.width))) is not None:
        return kept
    found = extractor.vectors(store.pixels(rows), progress)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("features.npy", to_npy(found))
        file.writestr("rows.npy", to_npy(rows))
    write_aside(path, buffer.getvalue())
    return found


def _read(path: Path, shape: tuple[int, int]) -> Vectors | None:
    """Kept features, or None where there are none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            kept: Vectors = file["features"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return kept if kept.shape == shape and kept.dtype == np.float32 else None
