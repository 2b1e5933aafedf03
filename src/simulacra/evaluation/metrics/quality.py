"""How good and how varied samples are: distances between their features and those of real images."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material, floors_of
from simulacra.evaluation.distances import Cloud, kernel, nearer, neighbours
from simulacra.evaluation.features import Vectors
from simulacra.evaluation.frechet import Spread, frechet_pair
from simulacra.evaluation.metrics.base import Better, Found, Group, Row, row
from simulacra.objectives import Generates

MEMORISATION = "memorisation"
METRICS: dict[str, Better] = {
    "frechet_distance": "lower",
    "frechet_distance_unbiased": "lower",
    "kernel_distance": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    MEMORISATION: "lower",
}
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


def lacks(material: Material) -> str | None:
    """Only what makes images has samples."""
    if isinstance(material.subject.objective, Generates):
        return None
    return f"not applicable, family {material.subject.recipe.objective.family} makes no images"


def distances(real: Points, made: Points) -> dict[str, Estimate]:
    """Every number of METRICS for two sets of features, but memorisation.

    Args:
        real: (m, d) of real images.
        made: (n, d) of made images, or of real ones in their place.
    """
    frechet, limit = frechet_pair(real.spread, made.spread)
    found = {"frechet_distance": frechet, "frechet_distance_unbiased": limit}
    return found | {"kernel_distance": kernel(real.cloud, made.cloud)} | neighbours(real.cloud, made.cloud)


def measure(material: Material) -> Found:
    """Samples against held-out and against training images, beside the floor that other real images set."""
    chosen, made = material.chosen, Points.of(material.made)
    held_out, train = Points.of(material.cloud("held_out")), Points.of(material.cloud("train"))
    found = Found()
    for split, real, rows in ((chosen.split, held_out, chosen.held_out), ("train", train, chosen.train)):
        material.stage(f"distances to {split} images")(0, 1)

        def stand_in(real: Points = real) -> dict[str, float]:
            scored = distances(real, Points.of(material.real("stand_in")))
            return {name: one.value for name, one in scored.items()}

        floors = floors_of(material.store, rows, chosen.stand_in, material.extractor, stand_in, material.cache)
        found.rows += told(material, distances(real, made), floors, split)
    found.rows += copied(material, train, held_out, made)
    if warning := caution(len(material.made), len(chosen.held_out), material.extractor.width):
        found.notes.append(warning)
    return found


def told(material: Material, scores: dict[str, Estimate], floors: Mapping[str, float], split: str) -> list[Row]:
    """Rows of these scores."""
    return [
        row(
            material,
            name,
            one,
            split=split,
            n=len(material.made),
            floor=floors[name],
            extractor=material.extractor.label,
            real=len(material.chosen.held_out),
        )
        for name, one in scores.items()
    ]


def copied(material: Material, train: Points, held_out: Points, made: Points) -> list[Row]:
    """The row of memorisation; its floor is what further training images get, whose nearest is either alike."""
    chosen, known = material.chosen, (train.cloud.features, held_out.cloud.features)

    def stand_in() -> dict[str, float]:
        return {MEMORISATION: nearer(*known, material.real("stand_in")).value}

    both = np.concatenate([chosen.train, chosen.held_out])
    floors = floors_of(material.store, both, chosen.stand_in, material.extractor, stand_in, material.cache)
    return told(material, {MEMORISATION: nearer(*known, made.cloud.features)}, floors, "train")


def caution(n: int, real: int, width: int) -> str | None:
    """What to say of a covariance from too few images, or None where there are enough."""
    fewest = min(n, real)
    if fewest > ENOUGH * width:
        return None
    if fewest > width:
        return (
            f"the smaller set has {fewest:,} images for {width:,} features: frechet_distance_unbiased is still biased "
            f"upwards below {ENOUGH * width:,.0f}; go by the kernel distance, which is not"
        )
    return (
        f"the smaller set has {fewest:,} images for {width:,} features: the Frechet distance is biased upwards and "
        "unreliable, frechet_distance_unbiased too; go by the kernel distance, which is not, and compare a Frechet "
        "distance only with its floor and at the same n"
    )


QUALITY = Group(METRICS, lacks, measure)
