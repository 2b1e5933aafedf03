"""Held-out images: what a family measures of them, with an interval, and the one number that selects a checkpoint."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError, RecipeError
from simulacra.estimates import Estimate
from simulacra.evaluation.context import FEWEST, Progress, features_of
from simulacra.evaluation.distances import kernel
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.evaluation.frechet import frechet
from simulacra.evaluation.subject import Subject
from simulacra.objectives import FAMILIES, Classifies, Encodes, Generates, Validates
from simulacra.recipe import Recipe
from simulacra.seeds import Draw, stream


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
    """What the family measures of each image of a split: metric -> (n,); empty if there is nothing to measure."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    objective = subject.objective
    if not isinstance(objective, Validates):
        return {}
    with objective.looking():
        for rows in subject.batches(split, limit):
            for name, values in objective.validate(subject.load(rows)).items():
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


Row = dict[str, Any]

SCORED = 1000  # samples, and real images at most: enough for the kernel distance, and little time at a checkpoint
DISTANCES = ("kernel_distance", "frechet_distance")
HIGHER = ("accuracy", "label_accuracy")  # where better numbers lie; of all others lower ones are better

# What a family must be able to do -> metrics it may be chosen by, the first by default; the first that fits counts. A
# VAE's samples are blurred from its first to its last step, so what it is trained to make small tells more of it.
SELECTIONS: tuple[tuple[tuple[type, ...], tuple[str, ...]], ...] = (
    ((Generates, Encodes), ("mse_plus_kl", "mse", *DISTANCES)),
    ((Generates, Classifies), (*DISTANCES, "label_accuracy")),
    ((Generates,), DISTANCES),
    ((Classifies,), ("loss", "accuracy")),
)


def metric_of(recipe: Recipe, wanted: str | None = None) -> str:
    """The metric that a run's checkpoints are chosen by.

    Args:
        recipe: whose family it has to fit.
        wanted: a metric in place of `every.select` and of the family's own.

    Raises:
        RecipeError: the family has no such metric.
    """
    family = recipe.objective.family
    fitting = (names for needs, names in SELECTIONS if all(issubclass(FAMILIES[family], need) for need in needs))
    known, wanted = next(fitting, ()), wanted or recipe.every.select
    if not known:
        raise RecipeError(f"no metric chooses between checkpoints of family {family}; leave every.score at 0")
    if wanted and wanted not in known:
        raise RecipeError(f"{wanted} cannot choose a checkpoint of family {family}; give one of: {', '.join(known)}")
    return wanted or known[0]


def require_valid(count: int, place: object) -> None:
    """Refuses a data set without images to choose by.

    Args:
        count: how many images the split "valid" has.
        place: the data set.

    Raises:
        DataError: too few.
    """
    if count < FEWEST:
        raise DataError(
            f'{place} has {count} images in the split "valid", by which a checkpoint is chosen; keep some '
            "training images aside for it: --set data.holdout=1000"
        )


def score(
    subject: Subject,
    metric: str,
    step: int,
    *,
    extractor: Extractor,
    weights: str,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Row:
    """One number of a model on the split "valid", as a row for evaluations.jsonl.

    Args:
        subject: the model, with a store whose valid split is not empty.
        metric: one that `metric_of` gave.
        step: the updates that the model has had.
        extractor: of the distances.
        weights: ema or raw, for the record.
        cache: folder of features; the user's cache folder by default.
        progress: told (done, total) while features are computed.
    """
    if metric in DISTANCES:
        return _distance(subject, metric, step, extractor, cache, progress) | {"weights": weights}
    values = per_image(subject, "valid")
    if metric == "mse_plus_kl":
        objective = subject.recipe.objective
        scale = np.prod(subject.recipe.data.shape) if getattr(objective, "reduction", "") == "sum" else 1
        width = getattr(objective, "latent", 1) if getattr(objective, "kl_reduction", "") == "mean" else 1
        values[metric] = values["mse"] * float(scale) + getattr(objective, "kl_weight", 1.0) / width * values["kl"]
    return row(metric, values[metric], "valid", step) | {"weights": weights}


def best_of(rows: Iterable[Row], metric: str, steps: Sequence[int]) -> Row | None:
    """The best of the rows of a metric on the split "valid", the earliest of equals.

    Args:
        rows: of evaluations.jsonl.
        metric: the one that decides.
        steps: checkpoints that may be chosen; the newest one of them that was scored says what can be compared.
    """
    found = [
        one
        for one in rows
        if one.get("metric") == metric and one.get("split") == "valid" and one.get("step") in steps
        if "weights" in one and "against" not in one and one.get("value") is not None
    ]
    if not found:
        return None
    newest = max(found, key=lambda one: int(one["step"]))
    same = [one for one in found if all(one.get(key) == newest.get(key) for key in ("n", "extractor", "weights"))]
    sign = -1 if metric in HIGHER else 1
    return min(sorted(same, key=lambda one: int(one["step"])), key=lambda one: sign * float(one["value"]))


def _distance(
    subject: Subject, metric: str, step: int, extractor: Extractor, cache: Path | None, progress: Progress | None
) -> Row:
    """How far samples are from valid images, beside what training images get in their place."""
    store = subject.store
    assert store is not None, "a checkpoint is scored beside its data"
    real, stand_in = (
        features_of(store, split, _drawn(store.rows(split), place), extractor, cache=cache, progress=progress)
        for place, split in enumerate(("valid", "train"))
    )
    made = extractor.vectors(subject.decode(subject.codes(SCORED, Draw.SCORED_SAMPLES, seed=0)), progress)
    one, floor = _measure(metric, real, made), _measure(metric, real, stand_in)
    numbers = {"metric": metric, "value": one.value, "low": one.low, "high": one.high, "floor": floor.value}
    return numbers | {"n": len(made), "split": "valid", "extractor": extractor.label, "step": step, "real": len(real)}


def _drawn(rows: np.ndarray[Any, np.dtype[np.int64]], place: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """At most SCORED of these rows, the same ones every time, in no order: blocks of them are of all classes."""
    return stream(0, Draw.REAL_IMAGES, 2 + place).permutation(rows)[:SCORED]


def _measure(metric: str, real: Vectors, made: Vectors) -> Estimate:
    return kernel(real, made) if metric == "kernel_distance" else Estimate(frechet(real, made))
