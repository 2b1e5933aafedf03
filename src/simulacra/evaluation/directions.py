"""Directions in a code along which its picture changes in one telling way."""

import zipfile
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.evaluation.kept_directions import LabelDirections
from simulacra.evaluation.label_directions import mean_direction
from simulacra.evaluation.pictures.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.runs import RunFolder

DRAW = 35  # the key of the draw
MOST = 12  # principal directions
MOST_CODES = 1024  # by which principal directions are found: four for each number of a code, within 256 and this


def map_file(run: RunFolder, step: int) -> Path | None:
    """The file of a run's map of test codes, where it is of this step.

    One is drawn when a training has ended; of another checkpoint, whose step run.json keeps, when somebody asks for it.
    """
    facts = run.facts
    of = facts.get("drawn", max(run.checkpoints(), default=None))
    return run.pictures().get("map") if facts.get("state") == "finished" and step == of else None


def map_of(run: RunFolder, step: int) -> Arrays | None:
    """The arrays of that map; None where there is none, or its file is damaged."""
    try:
        found = run.arrays("map") if map_file(run, step) else None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return found if found is not None and {"points", "codes", "labels", "label_names"} <= set(found) else None


class Directions:
    """Directions in the noise of one trained model, each found when it is first asked for, the same ones every time.

    Args:
        subject: the model.
        known: codes (n, width), labels (n, K) and label_names of test images, as the picture "map" holds them, or None.
        kept: directions of labels that the run keeps, or None.
    """

    def __init__(self, subject: Subject, known: Arrays | None = None, kept: LabelDirections | None = None) -> None:
        self.subject = subject
        width = subject.generates.code.width
        fits = known is not None and known.get("codes", np.empty(0)).shape[1:] == (width,)
        self.known = known if fits else None
        self.kept = kept if kept is not None and kept.mean.shape[1:] == (width,) else None

    @cached_property
    def turns(self) -> Tensor:
        """(k, noise) orthonormal rows, k <= 12: along the first the picture changes most, on average.

        The singular vectors of the mean slope of the picture, E dG/dz. For z from N(0, 1) this is Cov(G(z), z) (Stein
        1981, "Estimation of the mean of a multivariate normal distribution", lemma 2): the slope of the straight line
        through pictures of random codes. Labels and other parts of the code are fitted beside the noise, so that what
        they change is not counted as its own. Haerkoenen et al. 2020 (GANSpace, arXiv:2004.02546), section 2.2, find
        theirs likewise by regression, between codes and the principal components of a layer; here the layer is the
        picture.
        """
        code = self.subject.generates.code
        count = min(MOST_CODES, max(256, 4 * code.width))
        drawn = self.subject.codes(count, DRAW)
        codes = drawn.numpy().astype(np.float64)
        pictures = self.subject.decode(drawn).reshape(count, -1).astype(np.float64)
        fitted = np.linalg.lstsq(codes - codes.mean(0), pictures - pictures.mean(0), rcond=None)[0]
        slope = fitted[: code.noise]
        _, vectors = np.linalg.eigh(slope @ slope.T)
        found = vectors[:, ::-1][:, :MOST].T
        # A direction and its opposite are one: the largest number of each is made positive.
        signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(1)])
        return torch.from_numpy((found * signs[:, None]).astype(np.float32))

    @cached_property
    def worth(self) -> tuple[str, NDArray[np.float32]] | None:
        """How much each number of the code (noise,) tells of test images, and what that is; None where nobody knows.

        "KL" is in nats, where the model gives a distribution; else "spread", the deviation of the codes. A number near
        0 carries nothing: its posterior is the prior.
        """
        if self.known is None:
            return None
        told = self.known.get("kl")
        if told is not None and told.shape == self.known["codes"].shape[1:]:
            return "KL", told
        return "spread", self.known["codes"].std(0)

    @cached_property
    def attributes(self) -> dict[str, Tensor]:
        """Label -> (width,): from the mean code without the label to that with it, the direction of `simulacra edit`.

        Where the run keeps directions these are taken, else they are found from the known codes. Labels that are part
        of the code have none: they are set.
        """
        found: dict[str, NDArray[np.float32] | None] = {}
        if self.kept is not None:
            found = {name: self.kept.of(name, "mean") for name in self.kept.names}
        elif self.known is not None and len(self.known.get("labels", ())) == len(self.known["codes"]):
            codes, names = self.known["codes"], self.known["label_names"].tolist()
            columns = zip(names, self.known["labels"].T, strict=True)
            found = {str(name): mean_direction(codes, column) for name, column in columns}
        own = self.subject.recipe.data.labels if self.subject.generates.code.labels else ()
        return {name: torch.from_numpy(row) for name, row in found.items() if row is not None and name not in own}
