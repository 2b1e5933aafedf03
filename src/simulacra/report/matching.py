"""Which runs stand together in a comparison, where their recipes differ, and which of their numbers may be compared."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from simulacra.errors import RunError, nearest
from simulacra.estimates import Better
from simulacra.recipe import Recipe, to_table
from simulacra.report.formatting import MISSING, listed, plain
from simulacra.report.record import Record, Score


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


ASIDE = ("title", "expect", "every")  # what changes no weight of a training
Settings = dict[str, Any]  # dotted key -> value


def dotted(recipe: Recipe | None) -> Settings:
    """All that decides a training, by dotted key; empty where the recipe cannot be read."""
    if recipe is None:
        return {}
    return dict(leaves(to_table(recipe), without=ASIDE))


def leaves(table: Mapping[str, Any], above: str = "", without: Sequence[str] = ()) -> Iterable[tuple[str, Any]]:
    """(dotted key, value) of nested tables, without some of the outermost keys."""
    for key, value in table.items():
        if key in without:
            continue
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def differing(recipes: Sequence[Settings]) -> list[str]:
    """Keys whose values differ between recipes, in the order in which they first appear; a missing key differs."""
    keys = dict.fromkeys(key for settings in recipes for key in settings)
    return [key for key in keys if len({compact(settings.get(key)) for settings in recipes}) > 1]


def compact(value: Any) -> str:
    """A setting in few letters: 0.25, mse, [32,64], - where there is none."""
    if value is None:
        return MISSING
    return plain(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


@dataclass(frozen=True)
class Column:
    """One run, or one recipe trained with several seeds.

    Attributes:
        name: what it is called.
        places: of its runs among all, by seed.
        runs: their folders.
        seeds: theirs.
    """

    name: str
    places: tuple[int, ...]
    runs: tuple[str, ...]
    seeds: tuple[int, ...]


def single(records: Sequence[Record]) -> list[Column]:
    """Each run a column."""
    return [_column(record.name, [place], records) for place, record in enumerate(records)]


def grouped(records: Sequence[Record], key: str) -> list[Column]:
    """A column for each value of a key, of runs that differ in nothing but their seed.

    Args:
        records: two runs or more.
        key: dotted, like objective.kl_weight.

    Raises:
        RunError: no recipe has the key, it does not vary, or runs of one value differ in more than the seed.
    """
    recipes = [dotted(record.recipe) for record in records]
    vary = [name for name in differing(recipes) if name != "seed"]
    known = {name for recipe in recipes for name in recipe}
    vary_text = (
        f"; these differ between the runs: {', '.join(vary)}" if vary else "; the runs differ in their seed alone"
    )
    if key not in known:
        near = nearest(key, known) if get_close_matches(key, known, n=1) else ""
        raise RunError(f"--group-by {key}: no recipe of these runs has such a key{f'; {near}' if near else vary_text}")
    if key not in vary:
        what = (
            "the seed varies within a group, it makes none"
            if key == "seed"
            else (f"it is {compact(recipes[0].get(key))} in every run, so there is one group and nothing to compare")
        )
        raise RunError(f"--group-by {key}: {what}{vary_text}")
    places: dict[str, list[int]] = {}
    for place, recipe in enumerate(recipes):
        places.setdefault(compact(recipe.get(key)), []).append(place)
    for value, members in places.items():
        _check(key, value, [records[place] for place in members], [recipes[place] for place in members])
    last = key.rpartition(".")[2]
    ordered = sorted(places.items(), key=lambda item: _order(recipes[item[1][0]].get(key)))
    return [_column(f"{last}={value}", members, records) for value, members in ordered]


def _check(key: str, value: str, records: Sequence[Record], recipes: Sequence[Settings]) -> None:
    """Raises RunError unless these recipes differ in their seed, and in nothing else."""
    apart = [name for name in differing(recipes) if name != "seed"]
    if apart:
        names = f"{', '.join(apart[:3])}{', ...' if len(apart) > 3 else ''}"
        raise RunError(
            f"--group-by {key}: {listed([record.name for record in records])} have {key} = {value} but differ in "
            f"{names} too; runs of a group may differ in their seed alone, so leave some out or group by {apart[0]}"
        )
    seen: dict[object, str] = {}
    for record, recipe in zip(records, recipes, strict=True):
        if (seed := recipe.get("seed")) in seen:
            raise RunError(
                f"--group-by {key}: {seen[seed]} and {record.name} have one recipe and one seed ({seed}), so "
                "the second tells nothing new; leave one out"
            )
        seen[seed] = record.name


def _column(name: str, places: Sequence[int], records: Sequence[Record]) -> Column:
    def seed(place: int) -> int:
        recipe = records[place].recipe
        return recipe.seed if recipe else 0

    ordered = tuple(sorted(places, key=seed))
    return Column(name, ordered, tuple(str(records[place].folder.path) for place in ordered), tuple(map(seed, ordered)))


def _order(value: object) -> tuple[bool, float, str]:
    """Numbers by size, then words by letter."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not number, float(str(value)) if number else 0.0, compact(value))
