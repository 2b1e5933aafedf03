"""Directions in the space of codes: principal ones, and those of labels, learned once and kept in the run folder.

A direction is a vector that takes a code without a label to one with it: a step of strength 1 leads as far along it as
the codes of the two groups are apart. It is the same whoever asks: an edit, the explorer, or a leakage matrix.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.evaluation.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.files import DAMAGED_ARRAYS, read_npz, to_npz
from simulacra.runs import RunFolder
from simulacra.seeds import Draw

Codes = NDArray[np.float32]
Labels = NDArray[np.uint8]

FEWEST = 2  # codes of either group, for a direction
TESTED = 5  # every fifth code tests a classifier that is fitted to the others


class Fitted(NamedTuple):
    """A direction, and how well it tells the groups apart."""

    direction: Codes  # (width,) float32
    # mean of the shares of either group that lie on the right side, of codes that were not fitted; NaN if there are too
    # few of them
    separation: float


def mean_direction(codes: Codes, labels: Labels | NDArray[np.bool_], fewest: int = FEWEST) -> Codes | None:
    """From the mean code without a label to that with it, (width,) float32; codes (n, width), labels (n,) of 0 and 1.

    Larsen et al. 2016, arXiv:1512.09300, section 4.1, "visual attribute vectors". What comes along with the label in
    the data comes along here too; `normal_direction` takes less of it, and `without` takes it out. None where either
    group has fewer than `fewest` codes.
    """
    having = labels.astype(bool)
    if min(having.sum(), (~having).sum()) < fewest:
        return None
    means = [codes[group].mean(0, dtype=np.float64) for group in (having, ~having)]
    return np.asarray(means[0] - means[1], np.float32)


def normal_direction(codes: Codes, labels: Labels) -> Fitted | None:
    """Along the normal of the plane that separates codes (n, width) by a label (n,) of 0 and 1, by logistic regression.

    Shen et al. 2020, InterFaceGAN, arXiv:1907.10786, section 3.1, who take a linear support vector machine. The unit
    normal is as long as the means of the groups are apart along it, so that strengths compare with `mean_direction`.
    None where either group has too few codes.
    """
    from sklearn.linear_model import LogisticRegression

    means = mean_direction(codes, labels)
    if means is None:
        return None
    tested = np.arange(len(codes)) % TESTED == TESTED - 1
    if min(np.bincount(labels[~tested], minlength=2)) < 1:
        tested[:] = False
    middle, spread = codes.mean(0), codes.std(0)
    spread = np.where(spread > 0, spread, 1)  # a column that never changes tells nothing
    scaled = (codes - middle) / spread
    plane: Any = LogisticRegression(max_iter=1000).fit(scaled[~tested], labels[~tested])
    normal = plane.coef_[0] / spread
    unit = normal / max(float(np.linalg.norm(normal)), 1e-12)
    predicted = plane.predict(scaled[tested]) if tested.any() else labels[:0]
    return Fitted(np.asarray(unit * (unit @ means), np.float32), separation(predicted, labels[tested]))


def separation(predicted: Labels, labels: Labels) -> float:
    """Balanced accuracy: the mean accuracy of the two groups, 0.5 by guessing; NaN where both groups are empty."""
    shares = [float((predicted[labels == group] == group).mean()) for group in (0, 1) if (labels == group).any()]
    return sum(shares) / 2 if len(shares) == 2 else float("nan")


def without(direction: Codes, others: Codes) -> Codes:
    """What is left of a direction (width,) when everything along others (m, width) is taken out.

    Shen et al. 2020, section 3.2, "conditional manipulation": moving along the rest leaves the others' scores as they
    are. Several others are taken out together, as directions that are not at right angles to one another.
    """
    span = np.asarray(others, np.float64).T
    weights = np.linalg.lstsq(span, np.asarray(direction, np.float64), rcond=None)[0]
    return (direction - span @ weights).astype(np.float32)


def share_left(direction: Codes, rest: Codes) -> float:
    """How much of a direction's length is left, in [0, 1]."""
    length = float(np.linalg.norm(direction))
    return float(np.linalg.norm(rest)) / length if length else 0.0


def moved(codes: Codes, steps: Codes, strengths: tuple[float, ...]) -> Codes:
    """Codes (n, strengths, width): each code (n, width) moved by each strength along its own step (n, width)."""
    scale = np.asarray(strengths, np.float32)[None, :, None]
    return codes[:, None] + scale * steps[:, None]


FORMAT = 1
NAME = "directions.npz"
Method = Literal["mean", "normal"]
METHODS: tuple[Method, ...] = ("mean", "normal")


@dataclass(frozen=True)
class LabelDirections:
    """A direction for each label, in the space of one run's codes at one step."""

    names: tuple[str, ...]  # K labels
    step: int  # of the checkpoint that the codes belong to
    source: str  # what they were learned from, in words
    mean: Codes  # (K, width) float32, differences of means; NaN where a label has too few examples
    normal: Codes  # (K, width) float32, normals of linear classifiers, scaled alike; NaN likewise
    # (K,) how well each classifier tells codes that it was not fitted to, 0.5 by guessing
    separation: NDArray[np.float64]

    def of(self, name: str, method: Method) -> Codes | None:
        """The direction (width,) of a label, or None where there were too few examples."""
        row: Codes = getattr(self, method)[self.names.index(name)]
        return None if np.isnan(row).any() else row


def learn(codes: Codes, labels: NDArray[np.uint8], names: tuple[str, ...], step: int, source: str) -> LabelDirections:
    """The directions of all labels (n, K) of codes (n, width)."""
    missing = np.full(codes.shape[1], np.nan, np.float32)
    means, normals, separations = [], [], []
    for column in labels.T:
        mean, fitted = mean_direction(codes, column), normal_direction(codes, column)
        means.append(missing if mean is None else mean)
        normals.append(missing if fitted is None else fitted.direction)
        separations.append(np.nan if fitted is None else fitted.separation)
    return LabelDirections(names, step, source, np.stack(means), np.stack(normals), np.array(separations))


def to_bytes(directions: LabelDirections) -> bytes:
    """Directions as the content of an .npz file; equal ones give equal bytes."""
    return to_npz({"format": np.array(FORMAT)} | {name: np.array(value) for name, value in vars(directions).items()})


def kept_of(run: RunFolder, step: int) -> LabelDirections | None:
    """The directions that a run keeps of this step; None where there are none, or the file is damaged."""
    try:
        file = read_npz(run.path / NAME)
        if int(file["format"]) != FORMAT or int(file["step"]) != step:
            return None
        names, source = tuple(map(str, file["names"])), str(file["source"])
        return LabelDirections(names, step, source, file["mean"], file["normal"], file["separation"])
    except DAMAGED_ARRAYS:
        return None


MOST = 12  # principal directions
MOST_CODES = 1024  # by which principal directions are found: four per latent dimension, within 256 and this


def map_file(run: RunFolder, step: int) -> Path | None:
    """The file of a run's map of test codes, where it is of this step.

    One is drawn when a training has ended; of another checkpoint, whose step run.json keeps, when somebody asks for it.
    """
    facts = run.read_facts()
    of = facts.get("drawn", max(run.checkpoints(), default=None))
    return run.pictures().get("map") if facts.get("state") == "finished" and step == of else None


def map_of(run: RunFolder, step: int) -> Arrays | None:
    """The arrays of that map; None where there is none, or its file is damaged."""
    try:
        arrays = run.arrays("map") if map_file(run, step) else None
    except DAMAGED_ARRAYS:
        return None
    return arrays if arrays is not None and {"points", "codes", "labels", "label_names"} <= set(arrays) else None


class Directions:
    """Directions in the noise of one trained model, each found when it is first asked for, the same ones every time.

    Test images are given by their codes (n, width), labels (n, K) and label_names, as the picture "map" holds them.
    """

    def __init__(
        self, subject: Subject, test_images: Arrays | None = None, label_directions: LabelDirections | None = None
    ) -> None:
        self.subject, shape = subject, (subject.generates.code.width,)
        self.test_images = test_images if test_images and test_images["codes"].shape[1:] == shape else None
        fits = label_directions is not None and label_directions.mean.shape[1:] == shape
        self.label_directions = label_directions if fits else None

    @cached_property
    def principal(self) -> Tensor:
        """(k, noise) orthonormal rows, k <= 12: along the first the picture changes most, on average.

        The singular vectors of the mean slope of the picture, E dG/dz. For z from N(0, 1) this is Cov(G(z), z) (Stein
        1981, "Estimation of the mean of a multivariate normal distribution", lemma 2): the slope of the straight line
        through pictures of random codes. Labels and other parts of the code are fitted beside the noise, so that what
        they change is not counted as its own. Haerkoenen et al. 2020 (GANSpace, arXiv:2004.02546), section 2.2, find
        theirs likewise by regression, between codes and the principal components of a layer; here the layer is the
        picture.
        """
        from sklearn.utils.extmath import svd_flip

        code = self.subject.generates.code
        count = min(MOST_CODES, max(256, 4 * code.width))
        drawn = self.subject.codes(count, Draw.DIRECTIONS)
        codes = drawn.numpy().astype(np.float64)
        pictures = self.subject.decode(drawn).reshape(count, -1).astype(np.float64)
        fitted = np.linalg.lstsq(codes - codes.mean(0), pictures - pictures.mean(0), rcond=None)[0]
        slope = fitted[: code.noise]
        _, vectors = np.linalg.eigh(slope @ slope.T)
        # A direction and its opposite are one: the largest number of each is made positive.
        _, principal = svd_flip(None, vectors[:, ::-1][:, :MOST].T, u_based_decision=False)
        return torch.from_numpy(principal.astype(np.float32))

    @cached_property
    def activity(self) -> tuple[str, NDArray[np.float32]] | None:
        """How much each latent dimension (noise,) says about test images, and in which measure; None if unknown.

        "KL" is in nats, where the model gives a distribution; else "spread", the deviation of the codes. A dimension
        near 0 carries nothing: its posterior is the prior.
        """
        if self.test_images is None:
            return None
        codes, kl = self.test_images["codes"], self.test_images.get("kl")
        return ("KL", kl) if kl is not None and kl.shape == codes.shape[1:] else ("spread", codes.std(0))

    @cached_property
    def attributes(self) -> dict[str, Tensor]:
        """Label -> (width,): from the mean code without the label to that with it, the direction of `simulacra edit`.

        Where the run keeps directions these are taken, else they are computed from the codes of test images. Labels
        that are part of the code have none: they are set.
        """
        rows: dict[str, NDArray[np.float32] | None] = {}
        if self.label_directions is not None:
            rows = {name: self.label_directions.of(name, "mean") for name in self.label_directions.names}
        elif self.test_images is not None and len(self.test_images["labels"]) == len(self.test_images["codes"]):
            columns = zip(self.test_images["label_names"].tolist(), self.test_images["labels"].T, strict=True)
            rows = {str(name): mean_direction(self.test_images["codes"], column) for name, column in columns}
        own = self.subject.recipe.data.labels if self.subject.generates.code.labels else ()
        return {name: torch.from_numpy(row) for name, row in rows.items() if row is not None and name not in own}
