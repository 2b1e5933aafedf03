"""Directions of every label of a data set, as they are learnt once and kept in the run folder."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.label_directions import Codes, mean_direction, normal_direction
from simulacra.files import to_npy
from simulacra.runs import RunFolder

FORMAT = 1
NAME = "directions.npz"
Method = Literal["mean", "normal"]
METHODS: tuple[Method, ...] = ("mean", "normal")


@dataclass(frozen=True)
class LabelDirections:
    """A direction for each label, in the space of one run's codes at one step.

    Attributes:
        names: K labels.
        step: of the checkpoint that the codes belong to.
        source: what they were learnt from, in words.
        mean: (K, width) float32, differences of means; NaN where a label has too few examples.
        normal: (K, width) float32, normals of linear classifiers, scaled alike; NaN likewise.
        separation: (K,) how well each classifier tells codes that it was not fitted to, 0.5 by guessing.
    """

    names: tuple[str, ...]
    step: int
    source: str
    mean: Codes
    normal: Codes
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
    arrays = {
        "format": np.array(FORMAT),
        "names": np.array(directions.names),
        "step": np.array(directions.step),
        "source": np.array(directions.source),
        "mean": directions.mean,
        "normal": directions.normal,
        "separation": directions.separation,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), to_npy(array))
    return buffer.getvalue()


def kept_of(run: RunFolder, step: int) -> LabelDirections | None:
    """The directions that a run keeps of this step; None where `simulacra edit` has learnt none."""
    return read(run.path / NAME, step)


def read(path: Path, step: int) -> LabelDirections | None:
    """Directions of this step from a file, or None where there are none, or the file is of another step or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            if int(file["format"]) != FORMAT or int(file["step"]) != step:
                return None
            names = tuple(str(name) for name in file["names"])
            source = str(file["source"])
            return LabelDirections(names, step, source, file["mean"], file["normal"], file["separation"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
