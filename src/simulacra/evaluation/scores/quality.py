"""How good and how varied samples are: distances between their features and those of real images."""

from simulacra.evaluation.distances import Estimate, frechet, kernel, neighbours
from simulacra.evaluation.features import Vectors
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Better, Found, Group, row
from simulacra.objectives import Generates

METRICS: dict[str, Better] = {
    "frechet_distance": "lower",
    "kernel_distance": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
}


def lacks(material: Material) -> str | None:
    """Only what makes images has samples."""
    if isinstance(material.subject.objective, Generates):
        return None
    return f"not applicable, family {material.subject.recipe.objective.family} makes no images"


def distances(real: Vectors, made: Vectors) -> dict[str, Estimate]:
    """Every number of METRICS for two sets of features.

    Args:
        real: (m, d) of real images.
        made: (n, d) of made images, or of real ones in their place.
    """
    found = {"frechet_distance": Estimate(frechet(real, made)), "kernel_distance": kernel(real, made)}
    return found | neighbours(real, made)


def measure(material: Material) -> Found:
    """Samples against held-out and against training images, beside the floor that other real images set."""
    found, made, stand_in = Found(), material.made, material.real("stand_in")
    for split, real in ((material.chosen.split, material.real("held_out")), ("train", material.real("train"))):
        floors = distances(real, stand_in)
        found.rows += [
            row(
                material, name, one, split=split, n=len(made), floor=floors[name].value,
                extractor=material.extractor.label, real=len(real),
            )
            for name, one in distances(real, made).items()
        ]  # fmt: skip
    if warning := caution(len(made), len(material.chosen.held_out), material.extractor.width):
        found.notes.append(warning)
    return found


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


QUALITY = Group(METRICS, lacks, measure)
