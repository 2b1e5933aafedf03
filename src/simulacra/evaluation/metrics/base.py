"""What a group of metrics is, and what it finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from simulacra.estimates import Estimate
from simulacra.evaluation.context import Material
from simulacra.evaluation.pictures import Arrays

Row = dict[str, Any]
Better = Literal["lower", "higher", "neither"]


@dataclass
class Found:
    """What a group measured.

    Attributes:
        rows: for evaluations.jsonl, made by `row`.
        notes: sentences that a person should read beside the numbers.
        pictures: name -> arrays, kept in the run folder under that name.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Arrays] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Metrics that are computed together.

    Attributes:
        metrics: name -> where better numbers lie.
        lacks: why these cannot be measured of a run, in words that end "not applicable, ..."; None where they can.
        measure: measures them.
    """

    metrics: Mapping[str, Better]
    lacks: Callable[[Material], str | None]
    measure: Callable[[Material], Found]


def row(
    material: Material,
    metric: str,
    one: Estimate | None,
    *,
    split: str | None,
    n: int,
    floor: float | None = None,
    extractor: str | None = None,
    **more: Any,
) -> Row:
    """A row for evaluations.jsonl.

    Args:
        material: what was measured; its facts join the row.
        metric: a name of the group.
        one: the number with its interval; None where it is withheld, which a note or an entry `why` explains.
        split: of the real images that it is about; None where it is about samples alone.
        n: how many images, or pairs, the number is a mean over or a distance of.
        floor: what real images, or chance, get in the same place.
        extractor: label of the features that it hangs on; None where it is about pixels or a judge.
        more: further entries: label, real, judge, why.
    """
    value, low, high = (one.value, one.low, one.high) if one else (None, None, None)
    facts = {key: fact for key, fact in material.facts.items() if key != "extractor"}
    numbers = {"metric": metric, "value": value, "low": low, "high": high, "floor": floor, "n": n, "split": split}
    return numbers | {"extractor": extractor} | facts | more


def missing(material: Material, metric: str, why: str) -> Row:
    """A row that names a metric without a value, for what a run or a data set cannot have."""
    return row(material, metric, None, split=None, n=0, why=why) | {"n": None}
