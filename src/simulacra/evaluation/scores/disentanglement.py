"""What each number of a code means: scores of codes beside the factors that the images were made of."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.disentanglement import (
    Factor,
    explain,
    factor_of,
    information,
    majority_votes,
    mutual_information_gap,
    separated_predictability,
)
from simulacra.evaluation.estimate import Estimate
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Better, Found, Group, row
from simulacra.objectives import Encodes
from simulacra.seeds import stream

METRICS: dict[str, Better] = {
    "mig": "higher",
    "sap": "higher",
    "factorvae_score": "higher",
    "dci_disentanglement": "higher",
    "dci_completeness": "higher",
    "dci_informativeness": "higher",
}
MOST, FEW = 2000, 1000  # images that are asked, and fewest held-out ones before training images are asked instead
BLOCKS = {"gaps": 10, "forests": 4}  # of the jackknife: forests take long
DRAW, SHUFFLE = 33, 34  # keys of the draws

Codes = NDArray[np.float32]
Scores = dict[str, float | None]


def lacks(material: Material) -> str | None:
    """It takes an encoder, and factors that are known and vary."""
    model, family = material.subject.objective, material.subject.recipe.objective.family
    if not isinstance(model, Encodes):
        return f"not applicable, family {family} has no encoder"
    if material.store.factors is None:
        return "not applicable, the factors behind these images are not known; made ones, like avatars, keep theirs"
    if len(varied(material)[2]) < 2:
        return "not applicable, fewer than two factors vary over these images"
    return None


def varied(material: Material) -> tuple[str, NDArray[np.int64], list[int]]:
    """A split, the first so many of its rows, and the places of factors that are not all alike over them.

    Factors are never shown in training, so training images may be asked as well; forests need many.
    """
    assert material.store.factors is not None, "there are factors"
    held_out = material.chosen.split
    split = held_out if len(material.store.rows(held_out)) >= FEW else "train"
    rows = material.store.rows(split)[:MOST]
    return split, rows, np.flatnonzero(np.ptp(material.store.factors[rows], axis=0) > 0).tolist()


def gaps(codes: Codes, factors: list[Factor], seed: int) -> Scores:
    """The scores that are quickly had."""
    return {
        "mig": float(mutual_information_gap(codes, factors).mean()),
        "sap": float(separated_predictability(codes, factors, stream(seed, DRAW, 0)).mean()),
        "factorvae_score": majority_votes(codes, factors, stream(seed, DRAW, 1)),
    }


def forests(codes: Codes, factors: list[Factor], seed: int) -> Scores:
    """Those that forests have to be grown for."""
    found = explain(codes, factors, stream(seed, DRAW, 2))
    return {
        "dci_disentanglement": found.disentanglement,
        "dci_completeness": found.completeness,
        "dci_informativeness": found.informativeness,
    }


def jackknife(
    score: Callable[[Codes, list[Factor]], Scores], codes: Codes, factors: list[Factor], blocks: int
) -> dict[str, Estimate | None]:
    """Scores with 95% intervals, from how they change when one block of images after another is left out.

    Tukey 1958: the squared standard error is (b - 1) / b times the sum of squared distances of the b scores from their
    mean.
    """
    whole, parts = score(codes, factors), np.arange(len(codes)) * blocks // len(codes)
    left = [score(codes[kept], [_some(one, kept) for one in factors]) for kept in (parts != b for b in range(blocks))]
    found: dict[str, Estimate | None] = {}
    for name, value in whole.items():
        others = np.array([part[name] for part in left], np.float64)  # None becomes nan
        margin = 1.96 * float(np.sqrt((blocks - 1) / blocks * np.square(others - others.mean()).sum()))
        known = value is not None and np.isfinite(margin)
        found[name] = None if value is None else Estimate(value, *((value - margin, value + margin) if known else ()))
    return found


def _some(factor: Factor, kept: NDArray[np.bool_]) -> Factor:
    return factor_of(factor.values[kept])


def measure(material: Material) -> Found:
    """Each score with its interval; the floor is what the same codes get beside the factors of other images."""
    store, found, seed = material.store, Found(), int(material.facts["seed"])
    assert store.factors is not None, "there are factors"
    split, rows, places = varied(material)
    names, codes = [store.factor_names[place] for place in places], material.subject.encode(material.store.pixels(rows))
    factors = [factor_of(store.factors[rows, place]) for place in places]
    shuffled = codes[stream(seed, SHUFFLE).permutation(len(codes))]
    progress = material.stage("asking what each number of the code means")
    for done, score in enumerate((gaps, forests)):
        progress(done, 2)
        estimates = jackknife(partial(score, seed=seed), codes, factors, BLOCKS[score.__name__])
        floors = score(shuffled, factors, seed)
        for name, one in estimates.items():
            more = {} if one else {"why": "withheld: fewer than two factors have a value that 32 images share"}
            found.rows.append(
                row(
                    material, name, one, split=split, n=len(rows), floor=floors[name],
                    factors=len(factors), **more,
                )
            )  # fmt: skip
    progress(2, 2)
    found.notes.append(f"disentanglement is of {len(names)} factors: {', '.join(names)}")
    if split == "train":
        found.notes.append(f"disentanglement is of training images, as fewer than {FEW:,} are held out")
    found.pictures["code-factors"] = {"shares": information(codes, factors), "factor_names": np.array(names)}
    return found


DISENTANGLEMENT = Group(METRICS, lacks, measure)
