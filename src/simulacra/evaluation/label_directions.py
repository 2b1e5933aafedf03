"""Directions of labels in the space of codes: pure functions on arrays.

A direction is a vector that takes a code without a label to one with it: a step of strength 1 leads as far along it as
the codes of the two groups are apart. It is the same whoever asks: an edit, the explorer, or a leakage matrix.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.float32]
Labels = NDArray[np.uint8]

FEWEST = 2  # codes of either group, for a direction
TESTED = 5  # every fifth code tests a classifier that is fitted to the others


class Fitted(NamedTuple):
    """A direction, and how well it tells the groups apart.

    Attributes:
        direction: (width,) float32.
        separation: mean of the shares of either group that lie on the right side, of codes that were not fitted; NaN if
            there are too few of them.
    """

    direction: Codes
    separation: float


def mean_direction(codes: Codes, labels: Labels | NDArray[np.bool_], fewest: int = FEWEST) -> Codes | None:
    """From the mean code without a label to the mean code with it, (width,) float32.

    Larsen et al. 2016, arXiv:1512.09300, section 4.1, "visual attribute vectors". What comes along with the label in
    the data comes along here too; `normal_direction` takes less of it, and `without` takes it out.

    Args:
        codes: (n, width).
        labels: (n,) in {0, 1}.
        fewest: codes that either group must have.

    Returns:
        None where either group has too few codes.
    """
    having = labels.astype(bool)
    if min(having.sum(), (~having).sum()) < fewest:
        return None
    difference: Codes = (codes[having].mean(0, dtype=np.float64) - codes[~having].mean(0, dtype=np.float64)).astype(
        np.float32
    )
    return difference


def normal_direction(codes: Codes, labels: Labels) -> Fitted | None:
    """Along the normal of the plane that tells codes with a label from those without, by logistic regression.

    Shen et al. 2020, InterFaceGAN, arXiv:1907.10786, section 3.1, who take a linear support vector machine. The unit
    normal is as long as the means of the groups are apart along it, so that strengths compare with `mean_direction`.

    Args:
        codes: (n, width).
        labels: (n,) in {0, 1}.

    Returns:
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
    found = np.asarray(unit * (unit @ means), np.float32)
    return Fitted(found, separation(plane.predict(scaled[tested]) if tested.any() else labels[:0], labels[tested]))


def separation(told: Labels, labels: Labels) -> float:
    """The mean of the shares of either group that are told rightly, 0.5 by guessing; NaN where a group is empty."""
    shares = [float((told[labels == group] == group).mean()) for group in (0, 1) if (labels == group).any()]
    return sum(shares) / 2 if len(shares) == 2 else float("nan")


def without(direction: Codes, others: Codes) -> Codes:
    """What is left of a direction (width,) when everything along others (m, width) is taken out.

    Shen et al. 2020, section 3.2, "conditional manipulation": moving along the rest leaves the others' scores as they
    are. Several others are taken out together, as directions that are not at right angles to one another.
    """
    span = np.asarray(others, np.float64).T
    weights = np.linalg.lstsq(span, np.asarray(direction, np.float64), rcond=None)[0]
    rest: Codes = (direction - span @ weights).astype(np.float32)
    return rest


def share_left(direction: Codes, rest: Codes) -> float:
    """How much of a direction's length is left, in [0, 1]."""
    length = float(np.linalg.norm(direction))
    return float(np.linalg.norm(rest)) / length if length else 0.0


def moved(codes: Codes, steps: Codes, strengths: tuple[float, ...]) -> Codes:
    """Codes (n, strengths, width): each code (n, width) moved by each strength along its own step (n, width)."""
    scale = np.asarray(strengths, np.float32)[None, :, None]
    found: Codes = codes[:, None] + scale * steps[:, None]
    return found
