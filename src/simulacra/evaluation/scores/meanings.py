"""What the codes of a model that was told no labels have found: how much each tells of each judged label."""

import numpy as np

from simulacra.evaluation.information import Numbers, binned, chance, information
from simulacra.evaluation.judge import Judge
from simulacra.evaluation.material import Material
from simulacra.evaluation.scores.base import Found, Row, row

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
        material, "code_information", information(column, told), split=None, n=len(told), floor=chance(column, told),
        **facts,
    )  # fmt: skip


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
