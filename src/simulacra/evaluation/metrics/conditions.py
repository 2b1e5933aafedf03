"""Whether conditions are obeyed, what else they move, and what codes found by themselves mean, by the judge's word."""

from math import isfinite, nan
from typing import Any

import numpy as np

from simulacra.evaluation import leakage, turning
from simulacra.evaluation.estimate import Estimate
from simulacra.evaluation.judge import Judge
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Better, Found, Group, Row, row
from simulacra.evaluation.scores.meanings import meanings
from simulacra.evaluation.scores.obedience import obeyed, unlearned, wishes
from simulacra.evaluation.turning import Columns, Flags
from simulacra.objectives import Encodes, Generates

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
    turned = turning.by_label(material, asked) if by_label else turning.by_vector(material, asked)
    left = [judge.label_names[column] for column in asked.tolist() if column not in turned.asked]
    notes = [f"{name}: no attribute vector; too few training images have it, or lack it" for name in left]
    if not len(turned.asked):
        return Found(notes=notes)
    own = turned.asked[judge.learned[turned.asked]]
    others = [column for column in np.flatnonzero(judge.learned).tolist() if column not in own]
    columns = np.array([*own.tolist(), *others], np.int64)
    before, after = turning.seen(material, judge, turned)
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
        wanted, codes = turning.by_class_mean(material)
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
