"""Quality: distances between the features of samples and those of real images."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material, baselines_of
from simulacra.evaluation.distances import Cloud, kernel, nearer, neighbours
from simulacra.evaluation.features import Vectors
from simulacra.evaluation.frechet import Spread, frechet_pair
from simulacra.evaluation.metrics.base import Results
from simulacra.measurements import Measurement

MEMORISATION = "memorisation"
ENOUGH = 1.5  # times as many images as features, from which on the limit of the Frechet distance has little bias


class Points(NamedTuple):
    """One set of features, as the distances want it."""

    spread: Spread
    cloud: Cloud

    @classmethod
    def of(cls, features: Vectors | Cloud) -> "Points":
        """Features (n, d), or those of a Cloud."""
        cloud = features if isinstance(features, Cloud) else Cloud(features)
        return cls(Spread(cloud.features), cloud)


def distances(real: Points, generated: Points) -> dict[str, Estimate]:
    """Every metric of the group for two sets of features, but memorisation.

    Args:
        real: (m, d) of real images.
        generated: (n, d) of generated images, or of real ones in their place.
    """
    frechet, limit = frechet_pair(real.spread, generated.spread)
    scores = {"frechet_distance": frechet, "frechet_distance_unbiased": limit}
    scores["kernel_distance"] = kernel(real.cloud, generated.cloud)
    return scores | neighbours(real.cloud, generated.cloud)


def measure(material: Material) -> Results:
    """Samples against held-out and against training images, beside the baseline that other real images set."""
    chosen, generated = material.chosen, Points.of(material.features)
    held_out, train = Points.of(material.cloud("held_out")), Points.of(material.cloud("train"))
    results = Results()
    for split, real, rows in ((chosen.split, held_out, chosen.held_out), ("train", train, chosen.train)):
        material.stage(f"distances to {split} images")(0, 1)

        def score_reference(real: Points = real) -> dict[str, float]:
            scores = distances(real, Points.of(material.real_features("reference")))
            return {name: estimate.value for name, estimate in scores.items()}

        baselines = baselines_of(
            material.store, rows, chosen.reference, material.extractor, score_reference, material.cache
        )
        results.measurements += measurements(material, distances(real, generated), baselines, split)
    results.measurements += memorisation(material, train, held_out, generated)
    if warning := caution(len(material.features), len(chosen.held_out), material.extractor.width):
        results.notes.append(warning)
    return results


def measurements(
    material: Material, scores: Mapping[str, Estimate], baselines: Mapping[str, float], split: str
) -> list[Measurement]:
    """The scores beside their baselines."""
    return [
        material.measurement(
            name,
            estimate,
            split=split,
            n=len(material.features),
            baseline=baselines[name],
            extractor=material.extractor.label,
            real=len(material.chosen.held_out),
        )
        for name, estimate in scores.items()
    ]


def memorisation(material: Material, train: Points, held_out: Points, generated: Points) -> list[Measurement]:
    """Memorisation; its baseline is the score of further training images, which are as near to either set."""
    chosen, known = material.chosen, (train.cloud.features, held_out.cloud.features)

    def score_reference() -> dict[str, float]:
        return {MEMORISATION: nearer(*known, material.real_features("reference")).value}

    both = np.concatenate([chosen.train, chosen.held_out])
    baselines = baselines_of(
        material.store, both, chosen.reference, material.extractor, score_reference, material.cache
    )
    return measurements(material, {MEMORISATION: nearer(*known, generated.cloud.features)}, baselines, "train")


def caution(n: int, real: int, width: int) -> str | None:
    """A warning about a covariance of too few images, or None where there are enough."""
    fewest = min(n, real)
    if fewest > ENOUGH * width:
        return None
    if fewest > width:
        return (
            f"the smaller set has {fewest:,} images for {width:,} features: frechet_distance_unbiased is still biased "
            f"upwards below {ENOUGH * width:,.0f}; go by the kernel distance, which has no bias"
        )
    return (
        f"the smaller set has {fewest:,} images for {width:,} features: the Frechet distance is biased upwards and "
        "unreliable, frechet_distance_unbiased too; go by the kernel distance, which has no bias, and compare a "
        "Frechet distance only with its baseline and at the same n"
    )
