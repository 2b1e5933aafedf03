"""Material: what metrics are computed from, each part made once; Results: what they give; the real images beside."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.catalogue import METRICS, OF_FACTORS, of_group
from simulacra.data.store import ImageStore
from simulacra.errors import DataError, RunError
from simulacra.estimates import Estimate
from simulacra.evaluation.distances import Cloud
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.evaluation.judge import Judge, judge_of
from simulacra.evaluation.subject import Progress, Subject
from simulacra.files import DAMAGED_ARRAYS, keep_aside, read_npz, to_npz, user_cache
from simulacra.measurements import Measurement
from simulacra.objectives import Generates
from simulacra.seeds import Draw, stream

FORMAT = 3  # of what the cache keeps, and of the code that computes it: raise it where a digit changes
NO_HELD_OUT = "not applicable, there are too few held-out images to set this against"
FEWEST = 6  # images of a set: five neighbours and oneself
Rows = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Chosen:
    """Rows of a store to measure against; the same ones whatever the seed of the samples.

    They are in the order in which they were drawn: any part of them is of all classes, whatever the data set's order.
    """

    split: str  # where the held-out images are from: test, valid, both as valid+test, or train where there are none
    held_out: Rows  # (m,) rows of images that were not trained on; the rows of `train` where there are too few
    train: Rows  # (m,) rows of training images
    reference: Rows  # (n,) rows of further training images, in the place of n samples: what they score is the baseline


def choose(store: ImageStore, count: int) -> Chosen:
    """Which real images n = `count` samples are measured against.

    As many held-out images as there are, n at most, and as many training images, so that the two can be compared. Of
    the other training images n are the reference, or all where there are fewer: then fewer samples are measured.

    Of a data set with few images, all held-out ones are taken together; training images take the place of held-out
    ones that are too few even so.

    Raises:
        DataError: too few images to measure anything.
    """
    split = held_out_split(store)
    train = stream(0, Draw.REAL_IMAGES, 0).permutation(store.rows("train"))
    rows = train if split == "train" else stream(0, Draw.REAL_IMAGES, 1).permutation(store.rows(split))
    held_out = rows[: min(count, len(train) // 2)]
    m = len(held_out)
    if min(m, len(train) - m) < FEWEST:
        raise DataError(
            f"{store.path} has {len(train)} training images; measuring samples takes at least {2 * FEWEST}: "
            "pack more pictures"
        )
    return Chosen(split, held_out, train[:m], train[m : m + count])


def held_out_split(store: ImageStore) -> str:
    """The split that stands for images that were not trained on; "train" where there are too few of them."""
    test, valid = len(store.rows("test")), len(store.rows("valid"))
    if test >= FEWEST or (valid >= FEWEST and not test):
        return "test" if test else "valid"
    return "valid+test" if test + valid >= FEWEST else "train"


@dataclass(frozen=True)
class RealImages:
    """What an extractor computes of a store's images, from files of a cache or computed and kept there."""

    store: ImageStore
    extractor: Extractor
    cache: Path | None = None  # folder of the files; the user's cache folder by default

    def features(self, split: str, rows: Rows, progress: Progress | None = None) -> Vectors:
        """Features (n, width) of rows (n,) of a split, which names the file; `progress` gets (done, total) images.

        Raises:
            RunError: the extractor is not at hand.
        """

        def compute() -> Arrays:
            return {"features": _vectors(self.extractor, self.store.pixels(rows), progress), "rows": rows}

        return self._cached(f"{split}-{len(rows)}", (rows,), compute)["features"]

    def cloud(self, features: Vectors, split: str, rows: Rows) -> Cloud:
        """Features of these rows as a Cloud with its sums and radii.

        Moments are not kept: a covariance takes longer to read than ten thousand images take to be summed up.
        """

        def compute() -> Arrays:
            cloud = Cloud(features)
            cloud.learn()
            return cloud.computed

        return Cloud(features, self._cached(f"pairs-{split}-{len(rows)}", (rows,), compute))

    def baselines(self, real: Rows, reference: Rows, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What rows `reference` of real images score against rows `real`: metric -> value, as `measure` computes it."""

        def compute() -> Arrays:
            return {name: np.array(value) for name, value in measure().items()}

        arrays = self._cached(f"baselines-{len(real)}-{len(reference)}", (real, reference), compute)
        return {name: float(value) for name, value in arrays.items()}

    def _cached(self, name: str, rows: tuple[Rows, ...], compute: Callable[[], Arrays]) -> Arrays:
        # Whatever may change a digit is part of the name: content, images, extractor, its code's format, torch.
        counts = str([len(part) for part in rows])
        words = (self.store.fingerprint, self.extractor.label, str(FORMAT), torch.__version__, counts)
        digest = hashlib.sha256("\n".join(words).encode() + np.concatenate(rows).tobytes()).hexdigest()[:24]
        folder = self.cache or user_cache("features")
        path = folder / f"{self.extractor.name}-{name}-{digest}.npz" if folder else None
        arrays = _read(path) if path else None
        if arrays is None:
            arrays = compute()
            keep_aside(path, to_npz(arrays))
        return arrays


def _read(path: Path) -> Arrays | None:
    """The arrays of a file, or None where there is none or it is damaged."""
    try:
        return read_npz(path)
    except DAMAGED_ARRAYS:
        return None


def _vectors(extractor: Extractor, images: NDArray[np.uint8], progress: Progress | None) -> Vectors:
    """Features (n, width) of images (n, H, W, C); a RunError where one is no finite number."""
    vectors = extractor.vectors(images, progress)
    if not np.isfinite(vectors).all():
        raise RunError(f"{extractor.label} gives features that are no finite numbers; choose others with --features")
    return vectors


Part = Literal["held_out", "train", "reference"]


@dataclass(frozen=True)
class Material:
    """One run at one step, the data set, and one extractor."""

    subject: Subject  # the model as `open_model` gives it, with its store as the run saw it
    chosen: Chosen  # which real images the samples are compared with; there are as many samples as `chosen.reference`
    extractor: Extractor
    seed: int = 0  # of the samples
    against: str | None = None  # fingerprint of the store, where it is not the one trained on
    cache: Path | None = None  # folder of features and judges; the user's cache folder by default
    # called with (what, done, total) while something takes long
    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    _features: dict[str, Vectors] = field(default_factory=dict, repr=False)

    def measurement(self, metric: str, estimate: Estimate | None, **entries: Any) -> Measurement:
        """One number of this model; the entries are further attributes of Measurement.

        Without `n` and with `why` it says that a run of this kind cannot have the metric.
        """
        subject, splits = self.subject, [entries.get("split") or "train", self.chosen.split]
        data = self.store.fingerprint_of(splits, factors=metric in OF_FACTORS)
        return Measurement(
            metric=metric,
            estimate=estimate,
            step=subject.step,
            weights=subject.weights,
            seed=self.seed,
            against=self.against,
            data=None if entries.get("judge") else data,
            version=METRICS[metric].version,
            **entries,
        )

    def measurements(
        self, estimates: Mapping[str, Estimate | None], baselines: Mapping[str, float | None], **entries: Any
    ) -> list[Measurement]:
        """Several numbers of this model, each with its baseline, if any, that share the other entries."""
        return [
            self.measurement(metric, estimate, baseline=baselines.get(metric), **entries)
            for metric, estimate in estimates.items()
        ]

    @property
    def store(self) -> ImageStore:
        """The data set."""
        assert self.subject.store is not None, "a run is measured beside its data"
        return self.subject.store

    @property
    def count(self) -> int:
        """How many samples are measured."""
        return len(self.chosen.reference)

    @cached_property
    def codes(self) -> Tensor:
        """The samples' codes (n, width) float32, labels as they occur in the training set."""
        return self.subject.codes(self.count, Draw.EVALUATED_SAMPLES, seed=self.seed)

    @cached_property
    def samples(self) -> NDArray[np.uint8]:
        """Samples (n, H, W, C).

        Raises:
            RunError: the family generates no images.
        """
        return self.subject.decode(self.codes)

    @cached_property
    def features(self) -> Vectors:
        """Features (n, d) of the samples."""
        return _vectors(self.extractor, self.samples, self.stage("features of samples"))

    @cached_property
    def judge(self) -> Judge | None:
        """The classifier of the data set's labels, trained on its images; None where it has no labels."""
        return judge_of(self.store, cache=self.cache, progress=self.stage("training a judge of the labels"))

    @cached_property
    def real(self) -> RealImages:
        """What the extractor computes of real images."""
        return RealImages(self.store, self.extractor, self.cache)

    def real_features(self, part: Part) -> Vectors:
        """Features (m, d) of the real images of one part of `chosen`."""
        if part not in self._features:
            self._features[part] = self.real.features(*self._rows(part), self.stage("features of real images"))
        return self._features[part]

    def cloud(self, part: Part) -> Cloud:
        """The same features, with what is costly to compute from them out of the cache."""
        return self.real.cloud(self.real_features(part), *self._rows(part))

    def _rows(self, part: Part) -> tuple[str, NDArray[np.int64]]:
        """Split and rows of one part of `chosen`."""
        return self.chosen.split if part == "held_out" else "train", getattr(self.chosen, part)

    def stage(self, what: str) -> Progress:
        """A progress function (done, total) for one thing that takes long."""
        return partial(self.progress, what)

    def lacks_images(self) -> str | None:
        """Why metrics of generated images do not apply; None for a model that generates images."""
        if isinstance(self.subject.objective, Generates):
            return None
        return f"not applicable, family {self.subject.recipe.objective.family} generates no images"


@dataclass
class Results:
    """What a group of metrics measured."""

    measurements: list[Measurement] = field(default_factory=list)  # of the metrics of the group
    notes: list[str] = field(default_factory=list)  # sentences that a person should read beside them
    pictures: dict[str, Arrays] = field(default_factory=dict)  # name -> arrays, kept in the run folder under that name

    def completed(self, material: Material, group: str, whys: Mapping[str, str]) -> "Results":
        """These, and why the metrics of a group are missing of which there is no measurement.

        A reason that begins "not applicable" holds of every run of this kind, any other of these images.
        """
        missing = [name for name in of_group(group) if name not in {row.metric for row in self.measurements}]
        for name in missing:
            n = None if whys[name].startswith("not applicable") else material.count
            self.measurements.append(material.measurement(name, None, why=whys[name], n=n))
        return self

    def add(self, other: "Results") -> None:
        """Takes over what another part measured."""
        self.measurements += other.measurements
        self.notes += other.notes
        self.pictures |= other.pictures
