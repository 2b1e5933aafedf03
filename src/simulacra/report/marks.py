"""Numbers on scales, as plain data that the template draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Mark:
    """One number on a scale.

    Attributes:
        name: what it is of.
        value: as text.
        place: on the scale, 0 to 100; None where there is no number.
        low: of the interval, on the scale, or None.
        high: of the interval, on the scale, or None.
        floor: on the scale, or None.
        detail: the interval, the floor, and how many images.
        alt: what the scale shows, for whoever cannot see it.
    """

    name: str
    value: str
    place: float | None
    low: float | None
    high: float | None
    floor: float | None
    detail: str
    alt: str


@dataclass(frozen=True)
class Score:
    """One metric: its numbers on one scale.

    Attributes:
        title: its name for people.
        better: lower, higher or neither.
        reading: how to read it.
        ends: of the scale, as text.
        marks: its numbers.
        summary: of the fold of `folded`.
        folded: further numbers, of single labels.
        verdict: what a comparison says of it.
    """

    title: str
    better: str
    reading: str
    ends: tuple[str, str]
    marks: Sequence[Mark]
    summary: str = ""
    folded: Sequence[Mark] = ()
    verdict: str = ""


@dataclass(frozen=True)
class Scores:
    """Metrics below one another."""

    caption: str
    scores: Sequence[Score]
    kind: ClassVar[str] = "scores"
