"""Which numbers of several runs may be held against one another, and a sentence for each that may not."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.report.formats import listed, plain
from simulacra.report.reading import Record
from simulacra.report.scores import Score
from simulacra.report.versus import Better


@dataclass(frozen=True)
class Match:
    """One thing that was measured alike of at least two runs.

    Attributes:
        thing: metric, label, split, and what it was measured against.
        conditions: under which, as `Score` has them.
        better: where better numbers lie.
        scores: place of a run -> its score.
    """

    thing: tuple[str, str, str, str]
    conditions: dict[str, Any]
    better: Better
    scores: Mapping[int, Score]


def matches(
    records: Sequence[Record], scores: Sequence[Sequence[Score]], wanted: Sequence[str] = (), split: str | None = None
) -> tuple[list[Match], list[str]]:
    """What can be compared, and what is to be said of the rest.

    Args:
        records: the runs.
        scores: of each run.
        wanted: metrics; all by default.
        split: of the real images; by default test, or valid where no run has a number of test images.

    Returns:
        For each thing the conditions that most runs share, more images first; and sentences.
    """
    chosen = split or held_out(scores)
    things: dict[tuple[str, str, str, str], dict[str, dict[int, Score]]] = {}
    for place, of_run in enumerate(scores):
        for score in of_run:
            if score.found and score.split in ("", chosen) and (not wanted or score.metric in wanted):
                alike = str(sorted(_conditions(score, records[place]).items()))
                things.setdefault(score.thing, {}).setdefault(alike, {})[place] = score
    found, apart, lacking = [], dict[tuple[int, str], list[str]](), dict[int, list[Score]]()
    for thing, variants in things.items():
        together = max(variants.values(), key=lambda one: (len(one), _n(next(iter(one.values())))))
        first, names = next(iter(together.values())), {place for one in variants.values() for place in one}
        for place in range(len(records)):
            if place not in names:
                lacking.setdefault(place, []).append(first)
            elif place not in together:
                other = next(one[place] for one in variants.values() if place in one)
                why = _unlike(other, records[place], first, records[min(together)])
                apart.setdefault((place, why), []).append(thing[0])
        if len(together) > 1:
            conditions = _conditions(first, records[min(together)])
            found.append(Match(thing, conditions, first.better, together))
    notes = [
        f"{records[place].name}: {listed(list(dict.fromkeys(metrics)))} not compared, {why}"
        for (place, why), metrics in apart.items()
    ]
    return found, [*notes, *(_lacks(records[place], missing) for place, missing in lacking.items())]


def held_out(scores: Sequence[Sequence[Score]]) -> str:
    """The split that a comparison is about unless another one is asked for."""
    splits = {score.split for of_run in scores for score in of_run if score.found}
    return "valid" if "valid" in splits and "test" not in splits else "test"


def command(record: Record, like: Score | None = None) -> str:
    """The command that measures a run, as another number was measured."""
    words = ["simulacra", "evaluate", shlex.quote(str(record.folder.path))]
    if like is not None and like.evaluated:
        words += ["-n", str(like.conditions["n"])] if "n" in like.conditions else []
        extractor = plain(like.conditions.get("extractor") or "").partition(",")[0]
        words += ["--features", shlex.quote(extractor)] if extractor else []
        words += ["--against", "STORE"] if like.against else []
    return " ".join(words)


def _conditions(score: Score, record: Record) -> dict[str, Any]:
    """A score's conditions with the data set among them, unless it is about samples alone."""
    if score.against or not (score.split or "judge" in score.conditions):
        return score.conditions
    return score.conditions | {"data": record.fact("data", "fingerprint")}


def _unlike(score: Score, record: Record, other: Score, others: Record) -> str:
    """How two scores of one thing differ, with what to do about it."""
    mine, theirs = _conditions(score, record), _conditions(other, others)
    keys = [key for key in dict.fromkeys([*mine, *theirs]) if mine.get(key) != theirs.get(key)]
    if "data" in keys:
        return (
            f"it saw other data ({mine.get('data')}) than {others.name} ({theirs.get('data')}); "
            f"measure each against one store: {command(record)} --against STORE"
        )
    pairs = [f"{key} {_told(mine.get(key))} where {others.name} has {_told(theirs.get(key))}" for key in keys]
    return f"measured with {listed(pairs)}; measure it alike: {command(record, other)}"


def _told(value: Any) -> str:
    return "none" if value is None else plain(value, 60)


def _lacks(record: Record, missing: Sequence[Score]) -> str:
    """What a run has no number of, and the command that may give it."""
    names = list(dict.fromkeys(score.metric for score in missing))
    evaluated = next((score for score in missing if score.evaluated), None)
    remedy = f"; if it applies to such a run: {command(record, evaluated)}" if evaluated else ""
    return f"{record.name} has no {listed(names)}{remedy}"


def _n(score: Score) -> float:
    n = score.conditions.get("n")
    return float(n) if isinstance(n, int | float) else 0.0
