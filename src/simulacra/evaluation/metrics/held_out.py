"""Held-out images: what a family measures of them, with an interval, and the one number that selects a checkpoint."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.catalogue import METRICS, OF_LABELS
from simulacra.errors import RecipeError
from simulacra.estimates import Estimate
from simulacra.evaluation.context import RealImages
from simulacra.evaluation.distances import frechet, kernel
from simulacra.evaluation.features import Extractor, Vectors
from simulacra.evaluation.subject import Progress, Subject
from simulacra.measurements import Measurement
from simulacra.objectives import FAMILIES, Classifies, Encodes, Generates, Validates
from simulacra.recipe import Recipe
from simulacra.seeds import Draw, stream


def held_out(subject: Subject, split: str, step: int, limit: int | None = None) -> list[Measurement]:
    """What the family measures of a split, each the mean over its images with a 95% interval; none of an empty split.

    At most `limit` images are measured, drawn once and for all; all by default. Training images are as they are, never
    flipped or augmented. The step, of updates that the objective has had, is for the record.
    """
    return [
        Measurement(estimate=Estimate.of(values), step=step, n=len(values), **_about(subject, metric, split))
        for metric, values in per_image(subject, split, limit).items()
    ]


def _about(subject: Subject, metric: str, split: str) -> dict[str, Any]:
    """What a number is about: its metric, the split, and the split's images, with the labels that it depends on."""
    labels = tuple(subject.recipe.data.labels) if metric in OF_LABELS else ()
    data = subject.store.fingerprint_of([split], labels) if subject.store is not None else None
    return {"metric": metric, "split": split, "data": data}


def per_image(subject: Subject, split: str, limit: int | None = None) -> dict[str, NDArray[np.float32]]:
    """What the family measures of each image of a split: metric -> (n,); empty if there is nothing to measure."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    objective = subject.objective
    if not isinstance(objective, Validates):
        return {}
    with objective.evaluating():
        for rows in subject.batches(split, limit):
            for name, values in objective.validate(subject.load(rows)).items():
                parts.setdefault(name, []).append(values.float().cpu().numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}


SCORED = 1000  # samples, and real images at most: enough for the kernel distance, and little time at a checkpoint
DISTANCES = ("kernel_distance", "frechet_distance")

# What a family must be able to do -> metrics that may choose a checkpoint, the first by default; the first row that
# fits counts. A VAE's samples are blurred from its first to its last step, so the loss on held-out images says more.
SELECTIONS: tuple[tuple[tuple[type, ...], tuple[str, ...]], ...] = (
    ((Generates, Encodes), ("mse_plus_kl", "mse", *DISTANCES)),
    ((Generates, Classifies), (*DISTANCES, "label_accuracy")),
    ((Generates,), DISTANCES),
    ((Classifies,), ("loss", "accuracy")),
)


def metric_of(recipe: Recipe, wanted: str | None = None) -> str:
    """The metric that a run's checkpoints are chosen by: the wanted one, that of `every.select`, or the family's own.

    Raises:
        RecipeError: the family has no such metric.
    """
    family = recipe.objective.family
    fitting = (names for needs, names in SELECTIONS if all(issubclass(FAMILIES[family], need) for need in needs))
    metrics, wanted = next(fitting, ()), wanted or recipe.every.select
    if not metrics:
        raise RecipeError(f"no metric chooses between checkpoints of family {family}; leave every.score at 0")
    if wanted and wanted not in metrics:
        raise RecipeError(f"{wanted} cannot choose a checkpoint of family {family}; give one of: {', '.join(metrics)}")
    return wanted or metrics[0]


def score(
    subject: Subject, metric: str, *, extractor: Extractor, cache: Path | None = None, progress: Progress | None = None
) -> Measurement:
    """One number of a model on the split "valid" of its store, which is not empty, by a metric that `metric_of` gave.

    The extractor is for distances; features are kept in `cache`, the user's cache folder by default, and `progress`
    gets (done, total) while they are computed.
    """
    if metric in DISTANCES:
        return _distance(subject, metric, extractor, cache, progress)
    values = per_image(subject, "valid")
    if metric == "mse_plus_kl":
        objective = subject.recipe.objective
        scale = np.prod(subject.recipe.data.shape) if getattr(objective, "reduction", "") == "sum" else 1
        width = getattr(objective, "latent", 1) if getattr(objective, "kl_reduction", "") == "mean" else 1
        values[metric] = values["mse"] * float(scale) + getattr(objective, "kl_weight", 1.0) / width * values["kl"]
    about = _about(subject, metric, "valid") | {"step": subject.step, "weights": subject.weights}
    return Measurement(estimate=Estimate.of(values[metric]), n=len(values[metric]), **about)


def best_of(measurements: Iterable[Measurement], metric: str, steps: Sequence[int]) -> Measurement | None:
    """The best value of a metric on the split "valid", the earliest of equal ones.

    Only checkpoints of these steps may be chosen; the newest one of them that was scored says what can be compared.
    """
    scores = [
        (measurement.estimate.value, measurement)
        for measurement in sorted(measurements, key=lambda measurement: measurement.step)
        if (measurement.metric, measurement.split, measurement.against) == (metric, "valid", None)
        if measurement.estimate and measurement.weights and measurement.step in steps
    ]
    if not scores:
        return None
    _, newest = scores[-1]
    comparable = [
        (value, measurement)
        for value, measurement in scores
        if (measurement.key, measurement.n) == (newest.key, newest.n)
    ]
    sign = -1 if METRICS[metric].better == "higher" else 1
    return min(comparable, key=lambda pair: sign * pair[0])[1]


def _distance(
    subject: Subject, metric: str, extractor: Extractor, cache: Path | None, progress: Progress | None
) -> Measurement:
    """How far samples are from valid images, beside the distance of training images in their place."""
    store = subject.store
    assert store is not None, "a checkpoint is scored beside its data"
    real, reference = (
        RealImages(store, extractor, cache).features(split, _drawn(store.rows(split), index), progress)
        for index, split in enumerate(("valid", "train"))
    )
    generated = extractor.vectors(subject.decode(subject.codes(SCORED, Draw.SCORED_SAMPLES, seed=0)), progress)
    about = _about(subject, metric, "valid") | {"step": subject.step, "weights": subject.weights, "real": len(real)}
    about |= {"n": len(generated), "extractor": extractor.label}
    baseline = _measure(metric, real, reference).value
    return Measurement(estimate=_measure(metric, real, generated), baseline=baseline, **about)


def _drawn(rows: NDArray[np.int64], key: int) -> NDArray[np.int64]:
    """At most SCORED of these rows, the same ones every time, in random order: blocks of them are of all classes."""
    return stream(0, Draw.REAL_IMAGES, 2 + key).permutation(rows)[:SCORED]


def _measure(metric: str, real: Vectors, generated: Vectors) -> Estimate:
    return kernel(real, generated) if metric == "kernel_distance" else Estimate(frechet(real, generated))
