"""Runs as the columns of a comparison: each by itself, or trainings of one recipe with several seeds together."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from simulacra.errors import RunError, nearest
from simulacra.report.differences import Settings, compact, differing, dotted
from simulacra.report.formats import listed
from simulacra.report.reading import Record


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
