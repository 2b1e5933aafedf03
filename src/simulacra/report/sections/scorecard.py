"""The score card: every number of a run on a scale, with its interval, its floor, and which way is better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from simulacra.estimates import Estimate
from simulacra.report.formatting import MISSING, number, percent, plain
from simulacra.report.glossary import FLOOR, Words, of_metric
from simulacra.report.page import Block, Fold, Mark, Section
from simulacra.report.page import Score as Drawn
from simulacra.report.page import Scores as Drawings
from simulacra.report.record import Record, Score, both_weights, measured_with, newest, rank
from simulacra.report.sections.curves import evaluations, written


@dataclass(frozen=True)
class Scale:
    """Where numbers lie between two ends."""

    low: float
    high: float

    def place(self, value: float | None) -> float | None:
        """A number as percent of the way between the ends, never beyond them."""
        if value is None:
            return None
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def score_card(record: Record) -> Section | None:
    """All that was evaluated of a run, each at its newest step, and the tables of every evaluation behind a fold."""
    scores = [score for score in newest(record.evaluations) if score.applies]
    details = evaluations(record)
    if not scores or not details:
        return None
    about = partial(_about, step=record.step, weights=both_weights(one.conditions for one in scores))
    drawn = [
        _drawn(of_metric(name), [one for one in scores if one.metric == name], about)
        for name in dict.fromkeys(score.metric for score in scores)
    ]
    blocks: list[Block] = [Drawings(_caption(scores), drawn), Fold("All of it as tables", details)]
    return Section("Score card", blocks)


def _caption(scores: Sequence[Score]) -> str:
    parts = ["A dot is the value"]
    if any(one.found and one.found.low is not None for one in scores):
        parts.append("the bar through it is its 95% interval")
    if any(one.floor is not None for one in scores):
        parts.append(f"the dashed mark is the floor: {FLOOR}")
    return f"{'; '.join(parts)}. Values of one metric share a scale."


def _drawn(words: Words, scores: Sequence[Score], about: Callable[[Score], list[str]]) -> Drawn:
    """One metric: numbers about everything first, numbers of single labels behind a fold."""
    scale = scale_of(words, [(one.found, one.floor) for one in scores])
    whole = sorted((one for one in scores if not one.label), key=lambda one: rank(one.split))
    single = [one for one in scores if one.label]
    splits = len({one.split for one in single}) > 1
    alike = len({str(about(one)) for one in scores}) == 1
    reading = " ".join(filter(None, [words.reading, aside(about(scores[0])) if alike else ""]))
    named = [(_split(one), one) for one in whole]
    labelled = [(f"{one.label}{f', {one.split}' if splits else ''}", one) for one in single]
    marks, folded = (
        [_mark(name, one, words, scale, [] if alike else about(one)) for name, one in pairs]
        for pairs in (named, labelled)
    )
    summary = f"By label ({len({one.label for one in single})})" if single else ""
    return Drawn(words.title, scores[0].better, reading, ends(words, scale), marks, summary, folded)


def _split(score: Score) -> str:
    against = f", against {plain(score.against, 20)}" if score.against else ""
    return f"{score.split} images{against}" if score.split else f"samples alone{against}"


def _about(score: Score, step: int, weights: bool) -> list[str]:
    """Of how many images, with which extractor or judge; and when, where the run has gone on since."""
    when = [f"at update {number(score.step)}"] if score.step != step else []
    return [*measured_with(score.conditions, weights), *when]


def aside(parts: Sequence[str]) -> str:
    """Words in parentheses; nothing of none."""
    return f"({', '.join(parts)})" if parts else ""


def _mark(name: str, score: Score, words: Words, scale: Scale | None, about: Sequence[str]) -> Mark:
    if score.found is None:
        return Mark(name, MISSING, None, None, None, None, f"withheld: {score.why}", "")
    return mark(name, score.found, score.floor, words, scale, about)


def mark(
    name: str, found: Estimate, floor: float | None, words: Words, scale: Scale | None, about: Sequence[str] = ()
) -> Mark:
    """A number on a scale.

    Args:
        name: what it is of.
        found: value and interval.
        floor: or None.
        words: of its metric.
        scale: of all numbers beside it.
        about: what else is to be said of it, in few words each.
    """
    value = written(words, found.value)
    said = [] if found.low is None else [f"{written(words, found.low)} to {written(words, found.high)}"]
    if floor is not None:
        said.append(f"{beside(words, found, floor)} {written(words, floor)}")
    place = scale.place if scale else lambda value: None
    alt = f"{name}: {value}{''.join(f'; {part}' for part in said)}."
    return Mark(
        name,
        value,
        place(found.value),
        place(found.low),
        place(found.high),
        place(floor),
        " · ".join([*said, *about]),
        alt,
    )


def beside(words: Words, found: Estimate, floor: float) -> str:
    """How far a number is from its floor, in words."""
    gap = found.value - floor
    if found.low is not None and found.high is not None and found.low <= floor <= found.high:
        return "its interval reaches the floor,"
    size = f"{percent(abs(gap), 1).removesuffix('%')} points" if words.percent else number(abs(gap))
    return f"{size} {'above' if gap > 0 else 'below'} the floor,"


def scale_of(words: Words, numbers: Sequence[tuple[Estimate | None, float | None]]) -> Scale | None:
    """A scale on which numbers, intervals and floors find room; None where there is no number.

    Shares have all of 0 to 1. Others begin at 0 where there is a floor or a single number to be read by its size;
    several without a floor take all the room, so that their intervals can be told apart.
    """
    known = [
        value
        for found, floor in numbers
        if found
        for value in (found.value, found.low, found.high, floor)
        if value is not None
    ]
    if not known:
        return None
    low, high = min(known), max(known)
    values = [found for found, _ in numbers if found]
    if words.percent and all(0 <= found.value <= 1 for found in values):
        return Scale(0.0, 1.0)
    if len(values) == 1 or any(floor is not None for found, floor in numbers if found):
        low, high = min(0.0, low), max(0.0, high)
    room = 0.06 * (high - low) or 1.0
    return Scale(low - room if low else low, high + room if high or not low else high)


def ends(words: Words, scale: Scale | None) -> tuple[str, str]:
    """What is written at the ends of a scale."""
    if scale is None:
        return ("", "")
    low, high = (percent(end, 0) if words.percent else number(end) for end in (scale.low, scale.high))
    return (low, high)
