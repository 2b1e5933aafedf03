"""Recipes as dotted keys, and the keys in which several of them differ."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simulacra.recipe import Recipe, to_table
from simulacra.report.formats import MISSING, plain

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
