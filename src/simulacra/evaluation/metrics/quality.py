"""Quality: distances between the features of samples and those of real images."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from simulacra.catalogue import caution
from simulacra.estimates import Estimate
from simulacra.evaluation.context import NO_HELD_OUT, Material, Results, Rows
from simulacra.evaluation.distances import Cloud, frechet_pair, kernel, nearer, neighbours
from simulacra.measurements import Measurement

MEMORISATION = "memorisation"
NEIGHBOURS = ("precision", "recall", "coverage")
NOTHING = 0.01  # of them, below which features say nothing, though real images have more
TEXTURED = "efficientnet-lite0"  # the extractor that takes faint noise in drawn pictures for texture
Score = Callable[[Cloud], dict[str, Estimate]]


def distances(real: Cloud, generated: Cloud) -> dict[str, Estimate]:
    """Every metric of the group but memorisation, of real images (m, d) and samples, or a reference, (n, d)."""
    frechet, limit = frechet_pair(real, generated)
    scores = {"frechet_distance": frechet, "frechet_distance_unbiased": limit}
    scores["kernel_distance"] = kernel(real, generated)
    return scores | neighbours(real, generated)


def measure(material: Material) -> Results:
    """Samples against held-out and against training images, beside the baseline that other real images set.

    The baseline of memorisation is the score of further training images, which are as near to either set.
    """
    chosen, generated = material.chosen, Cloud(material.features)
    held_out, train = material.cloud("held_out"), material.cloud("train")
    results = Results()
    scorings: list[tuple[str, Rows, Score]] = [("train", chosen.train, partial(distances, train))]
    if chosen.split == "train":
        results.measurements.append(material.measurement(MEMORISATION, None, why=NO_HELD_OUT))
    else:
        both = np.concatenate([chosen.train, chosen.held_out])
        scorings.insert(0, (chosen.split, chosen.held_out, partial(distances, held_out)))
        scorings.append(("train", both, partial(memorisation, train, held_out)))
    for split, rows, score in scorings:
        material.stage(f"distances to {split} images")(0, 1)

        def score_reference(score: Score = score) -> dict[str, float]:
            scores = score(Cloud(material.real_features("reference")))
            return {name: estimate.value for name, estimate in scores.items()}

        baselines = material.real.baselines(rows, chosen.reference, score_reference)
        about = {"n": material.count, "real": len(chosen.held_out), "extractor": material.extractor.label}
        about["details"] = {"features": material.extractor.width}
        results.measurements += material.measurements(score(generated), baselines, split=split, **about)
    if warning := caution(material.count, len(chosen.held_out), material.extractor.width):
        results.notes.append(warning)
    if material.extractor.name == TEXTURED and sees_nothing(results.measurements):
        results.notes.append(
            f"{', '.join(NEIGHBOURS)} are 0, as usual for drawn pictures and young models, whose faint noise these "
            "features take for texture: go by the distances, or measure with --features random-vgg as well"
        )
    return results


def sees_nothing(measurements: Sequence[Measurement]) -> bool:
    """Whether features find no sample near real images, nor the other way, though real images lie near each other."""
    pairs = [(row.estimate, row.baseline) for row in measurements if row.metric in NEIGHBOURS]
    known = [(estimate.value, baseline) for estimate, baseline in pairs if estimate and baseline is not None]
    return bool(known) and all(value < NOTHING < baseline for value, baseline in known)


def memorisation(train: Cloud, held_out: Cloud, generated: Cloud) -> dict[str, Estimate]:
    """The share of vectors that are nearer to training than to held-out ones."""
    return {MEMORISATION: nearer(train.features, held_out.features, generated.features)}
