"""Conditions: whether samples obey their labels, what a label moves besides, and what unlabelled codes mean."""

from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.judge import Judge, counted
from simulacra.evaluation.metrics import correction, leakage
from simulacra.evaluation.metrics.base import Better, Found, Group, Row, row
from simulacra.evaluation.metrics.correction import Corrected
from simulacra.evaluation.metrics.leakage import Columns, Flags
from simulacra.objectives import Encodes, Generates
from simulacra.seeds import Draw, stream

NAME, CORRECTED = "condition_accuracy", "condition_accuracy_corrected"


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
            {} if raw else {"chance": chance_obedience(told[:, column], wanted[:, column], exclusive=judge.exclusive)}
        )
        rows.append(row(material, NAME, None if raw else Estimate.share(hit), **facts, **floored(floor, raw), **guess))
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


def chance_obedience(told: Flags, wanted: Flags, *, exclusive: bool) -> float:
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
        guesses = [chance_obedience(told[:, column], wanted[:, column], exclusive=False) for column in judged]
        facts["chance"] = sum(guesses) / len(judged)
        floor = float(judge.accuracy[judged].mean())
        return row(material, NAME, leakage.resampled(right, float), n=len(right), floor=floor, **facts)
    own = wanted[:, judged].any(1)
    facts["chance"] = float((told[own].mean(0) * wanted[own].mean(0)).sum())
    hits, known = told[own][wanted[own]], judge.confusion[judged]
    floor = float(known[np.arange(len(judged)), judged].sum() / known.sum())
    return row(material, NAME, Estimate.share(hits), n=len(hits), floor=floor, **facts)


Numbers = NDArray[np.int64]
Array = NDArray[np.float64]

SHUFFLES = 200


def information(a: Numbers, b: Numbers) -> Estimate:
    """Mutual information of two columns in nats, and its 95% interval.

    That of the shares in which pairs occur, less (cells in use - rows in use - columns in use + 1) / (2 n), by which it
    is too large on average: Miller 1955, as in Paninski 2003, Neural Computation 15(6), section 4.1. The interval is
    1.96 standard deviations of the mean of log p(a, b) / p(a) p(b).

    Args:
        a: (n,), 0 or more.
        b: (n,), 0 or more.

    Returns:
        0 where they are independent, the smaller of the two entropies where one decides the other; never below 0.
    """
    counts = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(counts, (a, b), 1)
    joint = counts / len(a)
    expected = joint.sum(1, keepdims=True) * joint.sum(0)
    used = joint > 0
    pointwise = np.log(joint[used] / expected[used])
    found = float((joint[used] * pointwise).sum())
    spread = float((joint[used] * np.square(pointwise - found)).sum()) ** 0.5
    surplus = (used.sum() - (counts.sum(1) > 0).sum() - (counts.sum(0) > 0).sum() + 1) / (2 * len(a))
    value, margin = max(0.0, found - float(surplus)), 1.96 * spread / len(a) ** 0.5
    return Estimate(value, max(0.0, value - margin), value + margin)


def chance_information(a: Numbers, b: Numbers) -> float:
    """What 19 of 20 shuffles of one column stay below: information that is not there."""
    random = stream(0, Draw.SHUFFLED_LABELS)
    return float(np.quantile([information(random.permutation(a), b).value for _ in range(SHUFFLES)], 0.95))


def binned(values: NDArray[np.floating], ways: int = 10) -> Numbers:
    """Values (n,) by which of so many parts of equally many they fall into, from 0."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks * ways // len(values)


TOLD = 0.02  # nats from which a finding is worth a sentence, where the whole interval is above that and above chance
NAMED = 3  # labels in such a sentence
CLASS_SHARE, LIFT = 0.5, 2  # of a category's samples, and times the share of all, from which it is called by a class


def meanings(material: Material, judge: Judge) -> Found:
    """Mutual information of every code with every label that the judge learned, on samples."""
    codes = columns_of(material)
    verdicts = judge.verdicts(material.samples, material.stage("judging samples"))
    learned = np.flatnonzero(judge.learned)
    found, matrix = Found(), np.zeros((len(codes), len(learned)))
    for place, (name, column) in enumerate(codes.items()):
        rows = [_row(material, judge, name, judge.label_names[j], column, verdicts[:, j]) for j in learned.tolist()]
        matrix[place] = [one["value"] for one in rows]
        found.rows += rows
        if judge.exclusive and len(learned):
            found.rows.append(_row(material, judge, name, None, column, verdicts.argmax(1)))
        found.notes.append(sentence(name, rows))
        if judge.exclusive and name.startswith("categorical"):
            found.notes += categories(name, column, verdicts.argmax(1), judge.label_names)
    if len(learned):
        found.pictures["code-labels"] = {
            "matrix": matrix,
            "codes": np.array(list(codes)),
            "judged": np.array([judge.label_names[column] for column in learned]),
            "n": np.array(len(verdicts)),
        }
    return found


def columns_of(material: Material) -> dict[str, Numbers]:
    """Name of a code -> (n,) the samples' category, or which tenth of its range they are in."""
    parts = material.subject.generates.code.split(material.codes)
    found = {f"categorical {place + 1}": column.numpy() for place, column in enumerate(parts.categories.T)}
    for place, values in enumerate(parts.continuous.T):
        found[f"continuous {place + 1}"] = binned(values.numpy())
    return found


def _row(material: Material, judge: Judge, code: str, label: str | None, column: Numbers, verdicts: np.ndarray) -> Row:
    told = verdicts.astype(np.int64)
    facts = {"code": code, "judge": judge.label} | ({"label": label} if label is not None else {})
    return row(
        material,
        "code_information",
        information(column, told),
        split=None,
        n=len(told),
        floor=chance_information(column, told),
        **facts,
    )


def sentence(code: str, rows: list[Row]) -> str:
    """What a code found, of the rows of its labels."""
    told = [one for one in rows if one["low"] > max(TOLD, one["floor"])]
    if not told:
        return f"{code} found nothing that a label names"
    best = sorted(told, key=lambda one: -one["value"])
    named = ", ".join(f"{one['label']} ({one['value']:.2f} nats)" for one in best[:NAMED])
    more = f" and {len(best) - NAMED} more" if len(best) > NAMED else ""
    return f"{code} found {named}{more}"


def categories(code: str, column: Numbers, classes: Numbers, names: tuple[str, ...]) -> list[str]:
    """Which categories of a code are mostly of one class; none or one sentence."""
    called, overall = [], np.bincount(classes, minlength=len(names)) / len(classes)
    for category in np.unique(column).tolist():
        counts = np.bincount(classes[column == category], minlength=len(names))
        likeliest, share = int(counts.argmax()), counts.max() / counts.sum()
        if share >= max(CLASS_SHARE, min(LIFT * overall[likeliest], 1)):
            called.append(f"{category + 1} is {names[likeliest]} ({share:.0%})")
    return [f"{code}, its categories: {', '.join(called)}"] if called else []


METRICS: dict[str, Better] = {
    "condition_accuracy": "higher",
    "condition_accuracy_corrected": "higher",
    "leakage": "lower",
    "code_information": "higher",
}


def lacks(material: Material) -> str | None:
    """What is judged are images of a model that is told labels, that encodes, or that has codes of its own."""
    model, recipe = material.subject.objective, material.subject.recipe
    family = recipe.objective.family
    if not isinstance(model, Generates):
        return f"not applicable, family {family} makes no images"
    if not material.store.label_names:
        return "not applicable, the data set has no labels that a judge could learn"
    code = model.code
    if not (code.labels or code.categorical or code.continuous or isinstance(model, Encodes)):
        return f"not applicable, family {family} is told no label and has no codes that could mean one"
    if code.labels and recipe.data.exclusive != material.store.exclusive:
        return "not applicable, labels are classes in one of run and data set and attributes in the other"
    if code.labels and not set(recipe.data.labels) & set(material.store.label_names):
        return "not applicable, the data set has none of the labels that the model is told"
    return None


def measure(material: Material) -> Found:
    """Obedience and leakage of labels that are told, leakage of attribute vectors, information in codes."""
    judge, model, found = material.judge, material.subject.generates, Found()
    assert judge is not None, "a data set with labels has a judge"
    names = judge.label_names
    unknown = np.flatnonzero(~judge.learned)
    found.notes += [f"{names[column]}: not judged; {unlearned(judge, column)}" for column in unknown.tolist()]
    told = set(material.subject.recipe.data.labels) if model.code.labels else set(names)
    asked = np.array([column for column, name in enumerate(names) if name in told], np.int64)
    if model.code.labels:
        found.rows += obeyed(material, judge, asked)
    if model.code.labels or isinstance(model, Encodes):
        _add(found, _crossed(material, judge) if judge.exclusive else _turned(material, judge, asked))
    if model.code.categorical or model.code.continuous:
        _add(found, meanings(material, judge))
    return found


def _turned(material: Material, judge: Judge, asked: Columns) -> Found:
    """By how much each judged attribute moves when an asked one is turned."""
    by_label = bool(material.subject.generates.code.labels)
    learned = asked[judge.learned[asked]]
    asked = np.concatenate([learned, asked[~judge.learned[asked]]]) if by_label else learned
    turned = leakage.by_label(material, asked) if by_label else leakage.by_vector(material, asked)
    left = [judge.label_names[column] for column in asked.tolist() if column not in turned.asked]
    notes = [f"{name}: no attribute vector; too few training images have it, or lack it" for name in left]
    if not len(turned.asked):
        return Found(notes=notes)
    own = turned.asked[judge.learned[turned.asked]]
    others = [column for column in np.flatnonzero(judge.learned).tolist() if column not in own]
    columns = np.array([*own.tolist(), *others], np.int64)
    before, after = leakage.seen(material, judge, turned)
    moved = leakage.effects(before[:, columns], after[:, :, columns], turned.labels)
    picture = {
        "matrix": moved.mean(0),
        "absolute": np.abs(moved).mean(0),
        "asked": np.array([judge.label_names[column] for column in turned.asked]),
        "judged": np.array([judge.label_names[column] for column in columns]),
        "exclusive": np.array(False),
        "vectors": np.array(not by_label),
        "n": np.array(len(moved)),
    }
    found = Found(notes=notes, pictures={"leakage": picture})
    if len(own) < 2:
        found.notes.append("leakage: fewer than two labels are asked and judged, so none can leak into another")
        return found
    one = leakage.resampled(moved[:, : len(own)], leakage.ratio)
    facts = {"n": len(moved), "judge": judge.label, "labels": len(own)}
    found.rows.append(_leak(material, one, None if by_label else material.chosen.split, facts))
    return found


def _crossed(material: Material, judge: Judge) -> Found:
    """Which classes samples of each asked class are told to be of."""
    by_label = bool(material.subject.generates.code.labels)
    wanted: Flags
    if by_label:
        wanted, images, split = wishes(material, judge), material.samples, None
    else:
        wanted, codes = leakage.by_class_mean(material)
        images, split = material.subject.decode(codes), material.chosen.split
    if not wanted.any():
        return Found(notes=["leakage: no class has enough images to be asked for"])
    told = judge.verdicts(images)
    cells = leakage.crossed(wanted, told)
    picture = {
        "matrix": leakage.shares(cells.mean(0)),
        "asked": np.array(judge.label_names),
        "judged": np.array(judge.label_names),
        "exclusive": np.array(True),
        "vectors": np.array(not by_label),
        "n": np.array(len(cells)),
    }
    one = leakage.resampled(cells, lambda mean: leakage.ratio(leakage.shares(mean)))
    floor = leakage.ratio(leakage.shares(judge.confusion))
    facts = {"n": len(cells), "judge": judge.label, "labels": len(judge.label_names)}
    return Found([_leak(material, one, split, facts, floor)], pictures={"leakage": picture})


def _leak(material: Material, one: Estimate, split: str | None, facts: dict[str, Any], floor: float = nan) -> Row:
    """The row of leakage, withheld where no label moves itself, so that there is nothing to compare others with."""
    if not isfinite(one.value):
        return row(material, "leakage", None, split=split, why="no label that is turned moves at all", **facts)
    return row(material, "leakage", one, split=split, floor=floor if isfinite(floor) else None, **facts)


def _add(whole: Found, part: Found) -> None:
    whole.rows += part.rows
    whole.notes += part.notes
    whole.pictures |= part.pictures


CONDITIONS = Group(METRICS, lacks, measure)
