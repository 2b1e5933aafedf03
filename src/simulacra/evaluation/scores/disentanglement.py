"""What each number of a code means: scores of codes beside the factors that the images were made of."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.disentanglement import (
    Factor,
    active,
    explain,
    factor_of,
    information,
    majority_votes,
    mutual_information_gap,
    separated_predictability,
)
from simulacra.evaluation.estimate import Estimate, t_quantile
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Better, Found, Group, row
from simulacra.objectives import Encodes
from simulacra.seeds import some, stream

METRICS: dict[str, Better] = {
    "mig": "higher",
    "sap": "higher",
    "factorvae_score": "higher",
    "dci_disentanglement": "higher",
    "dci_completeness": "higher",
    "dci_informativeness": "higher",
}
MOST, FEW = 2000, 1000  # images that are asked, and fewest held-out ones before training images are asked instead
SPLITS = {"gaps": 10, "forests": 4}  # into halves: forests take long
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
    """A split, so many of its rows, and the places of factors that are not all alike over them.

    Factors are never shown in training, so training images may be asked as well; forests need many.
    """
    assert material.store.factors is not None, "there are factors"
    held_out = material.chosen.split
    split = held_out if len(material.store.rows(held_out)) >= FEW else "train"
    rows = some(material.store.rows(split), MOST)
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


def halved(
    score: Callable[[Codes, list[Factor]], Scores], codes: Codes, factors: list[Factor], splits: int
) -> dict[str, Estimate | None]:
    """Scores with 95% intervals, from how those of two random halves of the images differ, over several splits.

    The squared standard error is the mean square of half the difference: McCarthy 1969, "Pseudo-replication: half
    samples". These scores jump, as bins, trees and votes choose between classes; a jackknife, which leaves out one
    block after another, takes jumps for more than they are (Shao and Wu 1989, "A general theory for jackknife variance
    estimation").
    """
    whole, random = score(codes, factors), stream(0, DRAW, 3)
    halves = [rows for _ in range(splits) for rows in np.array_split(random.permutation(len(codes)), 2)]
    parts = [score(codes[rows], [factor_of(one.values[rows]) for one in factors]) for rows in halves]
    found: dict[str, Estimate | None] = {}
    for name, value in whole.items():
        one, other = np.array([part[name] for part in parts], np.float64).reshape(splits, 2).T  # None becomes nan
        margin = t_quantile(splits) * float(np.sqrt(np.square((one - other) / 2).mean()))
        known = value is not None and np.isfinite(margin)
        found[name] = None if value is None else Estimate(value, *((value - margin, value + margin) if known else ()))
    return found


def measure(material: Material) -> Found:
    """Each score with its interval; the floor is what the same codes get beside the factors of other images."""
    store, found, seed = material.store, Found(), int(material.facts["seed"])
    assert store.factors is not None, "there are factors"
    split, rows, places = varied(material)
    names, codes = [store.factor_names[place] for place in places], material.subject.encode(material.store.pixels(rows))
    factors = [factor_of(store.factors[rows, place]) for place in places]
    shuffled = codes[stream(seed, SHUFFLE).permutation(len(codes))]
    progress = material.stage("asking what each number of the code means")
    why = (
        "fewer than two factors have a value that 32 images share"
        if active(codes).any()
        else "no number of the code changes with the image"
    )
    for done, score in enumerate((gaps, forests)):
        progress(done, 2)
        estimates = halved(partial(score, seed=seed), codes, factors, SPLITS[score.__name__])
        floors = score(shuffled, factors, seed)
        for name, one in estimates.items():
            more = {} if one else {"why": f"withheld: {why}"}
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
