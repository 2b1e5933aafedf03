"""History: a run as a diagnosis sees it, from files alone; and Finding, what a check returns."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate
from simulacra.files import DAMAGED_ARRAYS
from simulacra.recipe import Recipe, load, shipped
from simulacra.runs import RunFolder

Images = NDArray[np.uint8]

SET = 32  # images of a set: as many as the run's samples, as the nearest of many is nearer than the nearest of few


def describe_set(images: Images) -> dict[str, float]:
    """What images (n, H, W, C) uint8, n of 2 or more, look like as a set, in numbers that need no network.

    Returns:
        `apart`, the mean root-mean-square difference of two images; `nearest`, that of an image and the one of its set
        that is most like it; `roughness`, the mean absolute difference of neighbouring pixels. All of pixels in [0, 1];
        more than SET images are taken in sets of that many.
    """
    sets = [images[start : start + SET] for start in range(0, len(images), SET)]
    numbers = [_of_set(part) for part in sets if len(part) > 1 and len(part) in (SET, len(sets[0]))]
    return {key: float(np.mean([of_set[key] for of_set in numbers])) for key in numbers[0]}


def changed(before: Images, after: Images) -> float:
    """The mean root-mean-square difference of images (n, H, W, C) and others of the same index, of pixels in [0, 1]."""
    gap = (before.astype(np.float64) - after) / 255
    return float(np.sqrt(np.square(gap).reshape(len(gap), -1).mean(1)).mean())


def _of_set(images: Images) -> dict[str, float]:
    from scipy.spatial.distance import pdist, squareform

    values = images.astype(np.float64) / 255
    flat = values.reshape(len(values), -1)
    distances = squareform(pdist(flat)) / flat.shape[1] ** 0.5
    others = ~np.eye(len(flat), dtype=bool)
    nearest = np.where(others, distances, np.inf).min(1)
    steps = [np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2) if values.shape[axis] > 1]
    return {
        "apart": float(distances[others].mean()),
        "nearest": float(nearest.mean()),
        "roughness": float(np.mean(steps)) if steps else 0.0,
    }


Severity = Literal["serious", "warning", "note"]
Numbers = NDArray[np.float64]

# A state is judged by the last third of what was logged, so that what passes is not called an issue...
LATE = 1 / 3
# ...and never by fewer updates or rows: in all healthy runs that were tried, the players had found their balance, and a
# code had begun to be used, well within 150 updates. Long recipes go about it slowly: theirs is a hundredth of all.
FEWEST_UPDATES, FEWEST_ROWS, FEWEST_SHARE = 150, 3, 0.01


@dataclass(frozen=True)
class Sign:
    """One number that shows an issue."""

    source: str  # which curve, measurement or picture
    value: float  # what it was there
    side: Literal["above", "below"]  # on which side of the limit that is
    limit: float  # the threshold
    first: int  # the update from which on it was so
    last: int  # the update up to which

    def __str__(self) -> str:
        when = f"at step {self.last:,}" if self.first == self.last else f"from step {self.first:,} to {self.last:,}"
        return f"{self.source} {self.value:.3g}, {self.side} {self.limit:.3g} {when}"


@dataclass(frozen=True)
class Finding:
    """Something that went wrong, or that is worth knowing."""

    issue: str  # a key of CHECKS, and the anchor in docs/diagnosis.md
    severity: Severity  # serious, the run is of little use; warning, look at it; note, nothing is wrong
    evidence: tuple[Sign, ...]  # the numbers that show it
    meaning: str  # a sentence for people
    remedy: str  # a sentence that says what to try, with the words for the command line

    @property
    def name(self) -> str:
        """What people call it."""
        return self.issue.replace("-", " ")

    @property
    def link(self) -> str:
        """Where it is explained."""
        return f"docs/diagnosis.md#{self.issue}"

    @property
    def line(self) -> str:
        """All of it in one line."""
        signs = "; ".join(map(str, self.evidence))
        return f"{self.severity}: {self.name} ({signs}). {self.meaning} Try {self.remedy} ({self.link})"

    def as_json(self) -> dict[str, Any]:
        """For run.json and for scripts."""
        table = asdict(self) | {"name": self.name, "link": self.link}
        return table | {"evidence": [asdict(sign) | {"said": str(sign)} for sign in self.evidence]}


@dataclass(frozen=True)
class Curve:
    """One line of metrics.jsonl, or one metric of one split over checkpoints."""

    source: str  # what a sign calls it
    steps: NDArray[np.int64]  # (n,) int64, ascending
    values: Numbers  # (n,) float64

    def since(self, step: int) -> "Curve":
        """What comes after an update."""
        late = self.steps > step
        return Curve(self.source, self.steps[late], self.values[late])

    @property
    def mean(self) -> float:
        """Of its values."""
        return float(self.values.mean())

    def sign(self, side: Literal["above", "below"], limit: float, value: float | None = None) -> Sign:
        """This curve, by its mean or another value, as a sign."""
        first, last = int(self.steps[0]), int(self.steps[-1])
        return Sign(self.source, self.mean if value is None else value, side, limit, first, last)


class History:
    """The files of a run folder, read once.

    Raises:
        RunError: it holds no run, or a file of it is damaged.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run, self.facts = run, run.read_facts()
        self.recipe: Recipe = run.read_recipe()
        self.metrics = sorted(run.rows("metrics"), key=itemgetter("step"))
        self.evaluations = sorted(run.measurements(), key=attrgetter("step"))

    @property
    def family(self) -> str:
        """The recipe's."""
        return self.recipe.objective.family

    @property
    def planned(self) -> Recipe:
        """The recipe as it ships, of a run of one that ships; else the run's own, which says what was asked for."""
        name = str(self.facts.get("recipe_name"))
        return load(name) if name in shipped() else self.recipe

    @property
    def adversarial(self) -> bool:
        """Whether a generator plays against a discriminator or a critic."""
        return "generator" in self.recipe.objective.players

    @property
    def step(self) -> int:
        """The last update that was logged."""
        return int(self.metrics[-1]["step"]) if self.metrics else 0

    @property
    def twice_as_long(self) -> str:
        """The option that lets the same command go on until the run is twice as long."""
        steps, minutes = self.recipe.steps, self.recipe.minutes
        by_minutes = minutes and self.facts.get("step", 0) < steps
        return f"--minutes {2 * (minutes or 1):g}" if by_minutes else f"--steps {2 * steps}"

    @property
    def fewest(self) -> int:
        """The number of updates that a run must have before its state is judged."""
        return max(FEWEST_UPDATES, int(FEWEST_SHARE * self.recipe.steps))

    def curve(self, key: str) -> Curve | None:
        """A line of metrics.jsonl, or None where it was not logged."""
        rows = [row for row in self.metrics if isinstance(row.get(key), int | float)]
        if not rows:
            return None
        steps, values = np.array([row["step"] for row in rows], np.int64), np.array([row[key] for row in rows])
        return Curve(f"{key} in metrics.jsonl", steps, values.astype(np.float64))

    def late(self, key: str) -> Curve | None:
        """The part of a line by which a state is judged; None where that is too short."""
        whole = self.curve(key)
        if whole is None or self.step < self.fewest:
            return None
        part = whole.since(min(int(self.step * (1 - LATE)), self.step - FEWEST_UPDATES))
        return part if len(part.steps) >= FEWEST_ROWS else None

    def measured(self, metric: str, split: str) -> list["Point"]:
        """Values of a metric of the whole model on a split, the last one of each step.

        All are of one extractor and one n, as others have another scale: those of the newest step; of several there,
        those that most steps have, then those that were measured last.
        """
        usual = self.recipe.weights
        scales: dict[tuple[str | None, int | None], dict[int, Point]] = {}
        for row in self.evaluations:
            if (row.metric, row.split, row.label, row.against) != (metric, split, None, None) or not row.estimate:
                continue
            if row.weights in (None, usual):
                scale = row.extractor, row.n
                scales[scale] = scales.pop(scale, {})  # the newest one comes last
                scales[scale][row.step] = Point(row.step, row.estimate, row.baseline)
        newest = max(reversed(scales.values()), key=lambda points: (max(points), len(points)), default={})
        return list(newest.values())

    def snapshots(self, most: int | None = None) -> list[tuple[int, Images]]:
        """Step and images of the same codes in the last `most` snapshots, or all, but that before the first update."""
        names = [name for name in self.run.pictures() if name.startswith("fixed-") and name[6:].isdigit()]
        late = [name for name in names if int(name[6:]) > 0][-most if most else None :]
        snapshots = [(int(name[6:]), self.images(name)) for name in late]
        return [(step, images) for step, images in snapshots if images is not None and len(images) > 1]

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of a picture; none where it was not drawn, or its file is damaged."""
        try:
            return self.run.arrays(name) or {}
        except DAMAGED_ARRAYS:
            return {}

    def images(self, name: str) -> Images | None:
        """A picture's images (n, H, W, C), or None where there are none."""
        images = self.arrays(name).get("images")
        return images if images is not None and images.ndim == 4 and images.dtype == np.uint8 else None

    @property
    def real(self) -> dict[str, float]:
        """What `describe_set` says about training images; empty in a run that did not note it."""
        data = self.facts.get("data", {})
        numbers = data.get("snapshot", data.get("look"))  # "look" in runs of earlier versions
        return numbers if isinstance(numbers, dict) else {}

    def ratio_to_real(self, key: str, most: int = 2) -> Curve | None:
        """A number of `describe_set` over that of real images, in the last `most` snapshots (0: in all).

        None where there is no snapshot, or no number of real images.
        """
        snapshots = self.snapshots(most)
        if not self.real.get(key) or not snapshots:
            return None
        pairs = [(step, describe_set(images)[key] / self.real[key]) for step, images in snapshots]
        steps, ratios = zip(*pairs, strict=True)
        source = f"{WORDS[key]} of the fixed codes' images (pictures/fixed-*.npz), over that of real images"
        return Curve(source, np.array(steps), np.array(ratios))


WORDS = {"apart": "difference", "nearest": "difference of the most alike", "roughness": "roughness"}

Check = Callable[[History], Finding | None]


class Point(NamedTuple):
    """A measured value at a step, and its baseline."""

    step: int
    estimate: Estimate
    baseline: float | None

    @property
    def value(self) -> float:
        """Of the estimate."""
        return self.estimate.value


def measured_source(metric: str, split: str) -> str:
    """What a sign calls a measured metric."""
    return f"{metric} on {split} images in evaluations.jsonl"
