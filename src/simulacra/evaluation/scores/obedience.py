"""How often samples have the labels that they were asked to have, as the judge of the data set sees them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation import correction, leakage
from simulacra.evaluation.correction import Corrected
from simulacra.evaluation.distances import share
from simulacra.evaluation.judge import Judge, counted
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Row, row

NAME, CORRECTED = "condition_accuracy", "condition_accuracy_corrected"
Flags = NDArray[np.bool_]


def obeyed(material: Material, judge: Judge, asked: NDArray[np.int64]) -> list[Row]:
    """Two rows a label, as judged and corrected, and two for their means.

    Args:
        material: of a generator that is told labels.
        judge: of the data set.
        asked: columns of the judge's labels that the generator is told.
    """
    wanted = wishes(material, judge)
    told = judge.verdicts(material.samples, material.stage("judging samples"))
    counts = counted(wanted, told, exclusive=judge.exclusive)
    better = (correction.classes if judge.exclusive else correction.attributes)(counts, judge.confusion)
    rows: list[Row] = []
    judged: list[int] = []
    mended: dict[int, tuple[Corrected, int]] = {}
    for column in asked.tolist():
        hit = told[wanted[:, column], column] if judge.exclusive else told[:, column] == wanted[:, column]
        raw, corrected = withheld(judge, column, len(hit), better[column])
        facts: dict[str, Any] = {"label": judge.label_names[column], "n": len(hit)} | about(judge)
        floor = float(judge.accuracy[column])
        guess: dict[str, Any] = (
            {} if raw else {"chance": chance(told[:, column], wanted[:, column], exclusive=judge.exclusive)}
        )
        rows.append(row(material, NAME, None if raw else share(hit), **facts, **floored(floor, raw), **guess))
        fair = None if corrected else better[column]
        rows.append(row(material, CORRECTED, fair.estimate if fair else None, **facts, **floored(None, corrected)))
        judged += [] if raw else [column]
        mended |= {column: (fair, len(hit))} if fair else {}
    means = [mean(material, judge, told, wanted, judged)] if judged else []
    if mended:
        parts, sizes = zip(*mended.values(), strict=True)
        one = correction.together(list(parts), np.array(sizes, np.float64)).estimate
        means.append(row(material, CORRECTED, one, n=len(told), labels=len(parts), **about(judge)))
    return rows + means


def about(judge: Judge) -> dict[str, Any]:
    """Entries of every row: they are about samples, by a judge's word."""
    return {"split": None, "judge": judge.label}


def floored(floor: float | None, why: str | None) -> dict[str, Any]:
    """A floor, or why the number is withheld."""
    return {"why": why} if why else {"floor": floor}


def chance(told: Flags, wanted: Flags, *, exclusive: bool) -> float:
    """What a label (n,) would get if it had nothing to do with what was asked for, samples looking as they do.

    Of a class, the share of all samples that are told to be of it. Of an attribute, that of two independent draws being
    alike: where hats are rare, a generator without hats is right nearly always.
    """
    have, ask = float(told.mean()), float(wanted.mean())
    return have if exclusive else have * ask + (1 - have) * (1 - ask)


def wishes(material: Material, judge: Judge) -> Flags:
    """(n, J) which of the judge's labels each sample was asked to have; those that it was not told are off."""
    labels = material.subject.generates.code.labels_of(material.codes).numpy() > 0.5
    found = np.zeros((len(labels), len(judge.label_names)), bool)
    for place, name in enumerate(material.subject.recipe.data.labels):
        if name in judge.label_names:
            found[:, judge.label_names.index(name)] = labels[:, place]
    return found


def withheld(judge: Judge, column: int, n: int, better: Corrected | None) -> tuple[str | None, str | None]:
    """Why a label's share as judged, and its corrected one, are not told; None where they are."""
    if not judge.learned[column]:
        why = unlearned(judge, column)
        return why, why
    if not n:
        return "no sample was asked to have it", "no sample was asked to have it"
    return None, None if better else "the judge finds it in real images too seldom to be corrected for"


def unlearned(judge: Judge, column: int) -> str:
    """Why the judge's word on a label does not count."""
    area = float(judge.auc[column])
    if np.isnan(area):
        return "held-out images are all alike in it, so the judge could not be tested"
    return f"the judge did not learn it: area under the curve {area:.2f} on held-out images, chance is 0.5"


def mean(material: Material, judge: Judge, told: Flags, wanted: Flags, judged: list[int]) -> Row:
    """The mean over the labels that are judged; of classes, the share of all samples that were asked for one."""
    facts: dict[str, Any] = about(judge) | {"labels": len(judged)}
    if not judge.exclusive:
        right = (told == wanted)[:, judged].mean(1)
        guesses = [chance(told[:, column], wanted[:, column], exclusive=False) for column in judged]
        facts["chance"] = sum(guesses) / len(judged)
        floor = float(judge.accuracy[judged].mean())
        return row(material, NAME, leakage.resampled(right, float), n=len(right), floor=floor, **facts)
    own = wanted[:, judged].any(1)
    facts["chance"] = float((told[own].mean(0) * wanted[own].mean(0)).sum())
    hits, known = told[own][wanted[own]], judge.confusion[judged]
    floor = float(known[np.arange(len(judged)), judged].sum() / known.sum())
    return row(material, NAME, share(hits), n=len(hits), floor=floor, **facts)
