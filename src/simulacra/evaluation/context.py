"""Material: what metrics are computed from, each part made once; and the real images beside samples."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.errors import DataError
from simulacra.evaluation.distances import Cloud
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.evaluation.judge import Judge, judge_of
from simulacra.evaluation.subject import Subject
from simulacra.files import to_npy, write_aside
from simulacra.seeds import Draw, stream

FORMAT = 2  # of what is kept, and of the code that finds it: raise it where a digit changes
FEWEST = 6  # images of a set: five neighbours and oneself
Rows = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Chosen:
    """Rows of a store to measure against; the same ones whatever the seed of the samples.

    They are in the order in which they were drawn: any part of them is of all classes, whatever the data set's order.

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
    train = stream(0, Draw.REAL_IMAGES, 0).permutation(store.rows("train"))
    held_out = stream(0, Draw.REAL_IMAGES, 1).permutation(store.rows(split))[: min(count, len(train) // 2)]
    m = len(held_out)
    if min(m, len(train) - m) < FEWEST:
        raise DataError(
            f"{store.path} has {len(store.rows(split))} held-out and {len(train)} training images; measuring samples "
            f"takes at least {FEWEST} and {2 * FEWEST}: pack more pictures"
        )
    return Chosen(split, held_out, train[:m], train[m : m + count])


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

    def find() -> Arrays:
        return {"features": extractor.vectors(store.pixels(rows), progress), "rows": rows}

    return _kept(store, extractor, f"{split}-{len(rows)}", (rows,), find, cache)["features"]


def cloud_of(
    features: Vectors, store: ImageStore, split: str, rows: Rows, extractor: Extractor, cache: Path | None = None
) -> Cloud:
    """Features of real images as a Cloud, with its sums and radii from the cache or worked out and kept there.

    Args as for `features_of`, whose features these are. Moments are not kept: a covariance takes longer to read than
    ten thousand images take to be summed up.
    """

    def find() -> Arrays:
        made = Cloud(features)
        made.learn()
        return made.known

    return Cloud(features, _kept(store, extractor, f"pairs-{split}-{len(rows)}", (rows,), find, cache))


def floors_of(
    store: ImageStore,
    real: Rows,
    stand_in: Rows,
    extractor: Extractor,
    find: Callable[[], dict[str, float]],
    cache: Path | None = None,
) -> dict[str, float]:
    """What real images score in the place of samples, from the cache or found and kept there.

    Args:
        store: the data set.
        real: which images they are measured against.
        stand_in: which images they are.
        extractor: what their features were made by.
        find: measures them: metric -> value.
        cache: folder of features; the user's cache folder by default.
    """
    kept = _kept(
        store,
        extractor,
        f"floors-{len(real)}-{len(stand_in)}",
        (real, stand_in),
        lambda: {name: np.array(value) for name, value in find().items()},
        cache,
    )
    return {name: float(value) for name, value in kept.items()}


def _kept(
    store: ImageStore,
    extractor: Extractor,
    name: str,
    rows: tuple[Rows, ...],
    find: Callable[[], Arrays],
    cache: Path | None,
) -> Arrays:
    """Arrays from a file of the cache, or found and written there."""
    # Whatever may change a digit is part of the name: content, images, extractor, its code's format, torch.
    words = (store.fingerprint, extractor.label, str(FORMAT), torch.__version__, str([len(part) for part in rows]))
    digest = hashlib.sha256("\n".join(words).encode() + np.concatenate(rows).tobytes()).hexdigest()[:24]
    folder = cache or user_cache_path("simulacra") / "features"
    path = folder / f"{extractor.name}-{name}-{digest}.npz"
    if (kept := _read(path)) is not None:
        return kept
    found = find()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for key, array in found.items():
            file.writestr(f"{key}.npy", to_npy(array))
    write_aside(path, buffer.getvalue())
    return found


def _read(path: Path) -> Arrays | None:
    """Kept arrays, or None where there are none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


Part = Literal["held_out", "train", "stand_in"]


@dataclass(frozen=True)
class Material:
    """One run at one step, the data set, and one extractor.

    Attributes:
        subject: the restored objective with its store, as the run saw it.
        chosen: which real images stand against the samples; there are as many samples as `chosen.stand_in`.
        extractor: what turns images into features.
        facts: entries of every row: extractor, step, seed, weights, and the fingerprint measured `against`, if any.
        cache: folder of features and judges; the user's cache folder by default.
        progress: told (what, done, total) while something takes long.
    """

    subject: Subject
    chosen: Chosen
    extractor: Extractor
    facts: Mapping[str, Any]
    cache: Path | None = None
    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    _kept: dict[str, Vectors] = field(default_factory=dict, repr=False)

    @property
    def store(self) -> ImageStore:
        """The data set."""
        assert self.subject.store is not None, "a run is measured beside its data"
        return self.subject.store

    @property
    def count(self) -> int:
        """How many samples are measured."""
        return len(self.chosen.stand_in)

    @cached_property
    def codes(self) -> Tensor:
        """The samples' codes (n, width) float32, labels as they occur in the training set."""
        return self.subject.codes(self.count, Draw.EVALUATED_SAMPLES, seed=self.facts["seed"])

    @cached_property
    def samples(self) -> NDArray[np.uint8]:
        """Samples (n, H, W, C).

        Raises:
            RunError: the family makes no images.
        """
        return self.subject.decode(self.codes)

    @cached_property
    def made(self) -> Vectors:
        """Features (n, d) of the samples."""
        return self.extractor.vectors(self.samples, self.stage("features of samples"))

    @cached_property
    def judge(self) -> Judge | None:
        """The classifier of the data set's labels, trained on its images; None where it has no labels."""
        return judge_of(self.store, cache=self.cache, progress=self.stage("training a judge of the labels"))

    def real(self, part: Part) -> Vectors:
        """Features (m, d) of the real images of one part of `chosen`."""
        if part not in self._kept:
            (split, rows), progress = self._rows(part), self.stage("features of real images")
            self._kept[part] = features_of(self.store, split, rows, self.extractor, cache=self.cache, progress=progress)
        return self._kept[part]

    def cloud(self, part: Part) -> Cloud:
        """The same, with what is costly to know of them from the cache."""
        return cloud_of(self.real(part), self.store, *self._rows(part), self.extractor, self.cache)

    def _rows(self, part: Part) -> tuple[str, NDArray[np.int64]]:
        """Split and rows of one part of `chosen`."""
        return self.chosen.split if part == "held_out" else "train", getattr(self.chosen, part)

    def stage(self, what: str) -> Callable[[int, int], None]:
        """A progress function (done, total) for one thing that takes long."""
        return partial(self.progress, what)
