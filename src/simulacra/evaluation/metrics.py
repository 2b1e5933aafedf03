"""What can be measured of held-out images, with an interval."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.estimate import Estimate
from simulacra.evaluation.subject import Subject


def held_out(subject: Subject, split: str, step: int, limit: int | None = None) -> list[dict[str, Any]]:
    """What the family measures of a split, each the mean over its images with a 95% interval.

    Args:
        subject: what is measured.
        split: train, valid or test; training images are as they are, never flipped or augmented.
        step: the updates that the objective has had, for the record.
        limit: so many images at most, drawn once and for all; all by default.

    Returns:
        Rows for evaluations.jsonl; none where the split is empty.
    """
    return [row(name, values, split, step) for name, values in per_image(subject, split, limit).items()]


def per_image(subject: Subject, split: str, limit: int | None = None) -> dict[str, NDArray[np.float32]]:
    """What the family measures of each image of a split: metric -> (n,); empty where the split is."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    with subject.objective.looking():
        for rows in subject.batches(split, limit):
            for name, values in subject.objective.validate(subject.load(rows)).items():
                parts.setdefault(name, []).append(values.float().cpu().numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}


def row(metric: str, values: NDArray[np.float32], split: str, step: int) -> dict[str, Any]:
    """A mean over images and its 95% interval."""
    one = Estimate.of(values)
    return {
        "metric": metric,
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "floor": None,
        "n": len(values),
        "split": split,
        "extractor": None,
        "step": step,
    }
