"""Rows of evaluations.jsonl as scores: what was measured, under which conditions, and which way is better."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from simulacra.report.formats import number, plain
from simulacra.report.reading import Row
from simulacra.report.versus import Better, Interval
from simulacra.report.words import direction

SPLITS = ("test", "valid", "train")
CONDITIONS = ("extractor", "judge", "weights", "n", "real")  # must be equal where two numbers are compared
NAME_LIMIT = 60  # letters of a name out of a file


@dataclass(frozen=True)
class Score:
    """One number of a run.

    Attributes:
        metric: its name.
        label: of the attribute or class that it is about, behind that of a code if it tells of one; empty for all
            together.
        split: of the real images that it is about; empty where it is about samples alone.
        against: fingerprint of another data set that it was measured against; empty for the one trained on.
        conditions: what must be equal where two numbers are compared: extractor, judge, weights, n, real.
        step: updates that the model had had.
        found: the value with its interval; None where it is withheld.
        floor: what real images, or chance, get in the same place.
        better: where better numbers lie.
        why: it is withheld.
        evaluated: whether `simulacra evaluate` measured it, rather than the training on its way.
    """

    metric: str
    label: str
    split: str
    against: str
    conditions: dict[str, Any]
    step: int
    found: Interval | None
    floor: float | None
    better: Better
    why: str
    evaluated: bool

    @property
    def thing(self) -> tuple[str, str, str, str]:
        """What is measured, whatever the conditions."""
        return (self.metric, self.label, self.split, self.against)

    @property
    def applies(self) -> bool:
        """Whether a run of this kind can have such a number."""
        return not self.why.startswith("not applicable")


def newest(rows: Sequence[Row]) -> list[Score]:
    """The scores of a run at the newest step of each, in the order in which they first appear.

    Args:
        rows: of evaluations.jsonl, by step.
    """
    found: dict[tuple[Any, ...], Score] = {}
    for row in rows:
        one = score_of(row)
        found[(one.thing, tuple(map(str, one.conditions.values())))] = one
    last: dict[tuple[str, ...], int] = {}
    for one in found.values():
        last[one.thing] = max(one.step, last.get(one.thing, 0))
    return [one for one in found.values() if one.step == last[one.thing]]


def score_of(row: Row) -> Score:
    """One row as a score; what is no finite number counts as none."""
    metric, why = plain(row.get("metric") or "value", NAME_LIMIT), plain(row.get("why") or "")
    code, label, split, against = (
        plain(row.get(key) or "", NAME_LIMIT) for key in ("code", "label", "split", "against")
    )
    thing = ": ".join(filter(None, [code, label]))
    conditions = {key: row[key] for key in CONDITIONS if row.get(key) is not None}
    value, low, high = (_finite(row.get(key)) for key in ("value", "low", "high"))
    bounds = (low, high) if low is not None and high is not None else (None, None)
    found = None if value is None else Interval(value, *bounds)
    return Score(
        metric, thing, split, against, conditions, int(row.get("step") or 0), found, _finite(row.get("floor")),
        direction(row), why or ("" if found else "it is no number"), "seed" in row,
    )  # fmt: skip


def measured_with(conditions: Mapping[str, Any], weights: bool = False) -> list[str]:
    """What a number hangs on, in few words each.

    Args:
        conditions: of a score, or a row of evaluations.jsonl.
        weights: whether the kind of weights is named.
    """
    about = [f"n {number(conditions['n'])}"] if conditions.get("n") is not None else []
    about += [plain(conditions[key], 60) for key in ("extractor", "judge") if conditions.get(key) is not None]
    return about + ([f"{plain(conditions['weights'], 20)} weights"] if weights and conditions.get("weights") else [])


def both_weights(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether rows, or conditions of scores, are of both kinds of weights."""
    return len({str(row["weights"]) for row in rows if row.get("weights")}) > 1


def rank(split: str) -> int:
    """Order of splits: images kept aside first."""
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _finite(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if known else None
