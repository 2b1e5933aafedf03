"""How good and how varied samples are: distances between their features and those of real images."""

from typing import Any, Literal

from simulacra.evaluation.distances import Estimate, frechet, kernel, neighbours
from simulacra.evaluation.features import Vectors

# What is measured, and where better numbers lie.
DIRECTIONS: dict[str, Literal["lower", "higher"]] = {
    "frechet_distance": "lower",
    "kernel_distance": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
}


def distances(real: Vectors, made: Vectors) -> dict[str, Estimate]:
    """Every number of DIRECTIONS for two sets of features.

    Args:
        real: (m, d) of real images.
        made: (n, d) of made images, or of real ones in their place.
    """
    found = {"frechet_distance": Estimate(frechet(real, made)), "kernel_distance": kernel(real, made)}
    return found | neighbours(real, made)


def score(real: Vectors, made: Vectors, stand_in: Vectors, **facts: Any) -> list[dict[str, Any]]:
    """Rows for evaluations.jsonl: each number with its interval, and the floor that real images set.

    Args:
        real: (m, d) features of real images.
        made: (n, d) features of samples.
        stand_in: (n, d) features of other real images; what they get in the place of samples is the floor.
        facts: further entries of every row: split, extractor, step.
    """
    reached, floors = distances(real, made), distances(real, stand_in)
    return [
        {"metric": name, "value": one.value, "low": one.low, "high": one.high, "floor": floors[name].value}
        | {"n": len(made), "real": len(real)}
        | facts
        for name, one in reached.items()
    ]


def caution(n: int, real: int, width: int) -> str | None:
    """What to say of a covariance from too few images, or None where there are enough."""
    fewest = min(n, real)
    if fewest > width:
        return None
    return (
        f"the smaller set has {fewest:,} images for {width:,} features: the Frechet distance is biased upwards and "
        "unreliable; go by the kernel distance, which is not, and compare a Frechet distance only with its floor and "
        "at the same n"
    )
