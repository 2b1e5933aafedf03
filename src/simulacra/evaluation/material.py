"""Material: what the metrics of a score card are computed from, each part made once and only if one asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.evaluation.distances import Cloud
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.evaluation.judge import Judge, judge_of
from simulacra.evaluation.reference import Chosen, cloud_of, features_of
from simulacra.evaluation.subject import Subject

SAMPLES = 21  # the key of the draw
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
        return self.subject.codes(self.count, SAMPLES, seed=self.facts["seed"])

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
