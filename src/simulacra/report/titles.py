"""Titles: what a run is called above its report, card and page, by what it is; and the recipe that it came from."""

from collections.abc import Mapping
from functools import cache
from pathlib import PurePath
from typing import Any

from simulacra.errors import SimulacraError
from simulacra.recipe import Recipe, leaves, load, shipped, to_table
from simulacra.report.formatting import image_shape, listed, number, plain, without_home
from simulacra.report.glossary import of_family

Facts = Mapping[str, Any]  # what run.json says
Change = tuple[str, Any, Any]  # dotted key of a recipe, its value in the run, its value in the shipped recipe

TITLE_LIMIT = 200
NAME_LIMIT = 60  # letters of the name of a data set, a label or a recipe
MOST_LABELS = 6  # that a title names
MOST_CHANGES = 4  # that a line names
NO_SETTINGS = ("title", "expect", "data.name", "data.source")  # what no training depends on, or what a title says


def title_of(recipe: Recipe, facts: Facts) -> str:
    """What was trained: `ACGAN of my_photos, 64×64 colour, 3 labels: Male, Smiling, Young`.

    The title of its recipe is not taken: that one says what the recipe was written for.

    Args:
        recipe: of the run, resolved.
        facts: what run.json says; without a data card, the data is called as in the recipe.
    """
    labels = _labels(recipe) if recipe.objective.labelled else ""
    return ", ".join(filter(None, [short_title(recipe, facts), image_shape(recipe.data.shape), labels]))


def short_title(recipe: Recipe, facts: Facts) -> str:
    """Family and data alone: `ACGAN of my_photos`."""
    return f"{short_family(recipe.objective.family)} of {data_name(recipe, facts)}"


def short_family(family: str) -> str:
    """The family as one word: `VAE`, `ACGAN`, `Classifier`."""
    name = of_family(family)
    short = name[name.rfind("(") + 1 : -1] if name.endswith(")") else name
    return short[:1].upper() + short[1:]


def data_name(recipe: Recipe, facts: Facts) -> str:
    """What the data set is called: by its own title, else by its file or folder, else as the recipe calls it."""
    data = facts.get("data")
    card = data.get("card") if isinstance(data, dict) else None
    card = card if isinstance(card, dict) else {}
    path = PurePath(recipe.data.source.path).name if recipe.data.source else ""
    names = (card.get("title"), card.get("source"), path, recipe.data.name)
    return next(name for name in (plain(name or "", NAME_LIMIT) for name in names) if name)


def _labels(recipe: Recipe) -> str:
    """The labels that the model was trained with: `3 labels: Male, Smiling, Young`."""
    names = [plain(name, NAME_LIMIT) for name in recipe.data.labels]
    kind = "class" if recipe.data.exclusive else "label"
    kind += "" if len(names) == 1 else "es" if recipe.data.exclusive else "s"
    if len(names) <= MOST_LABELS:
        return f"{len(names)} {kind}: {', '.join(names)}"
    return f"{len(names)} {kind}: {', '.join(names[: MOST_LABELS - 2])} and {len(names) - MOST_LABELS + 2} more"


def recipe_line(recipe: Recipe, facts: Facts) -> str:
    """The recipe that a run came from, and what was changed: `Recipe faces-fast, changed: steps = 500`."""
    name = facts.get("recipe_name")
    if not isinstance(name, str) or not name:
        return f"Recipe: {plain(recipe.title, TITLE_LIMIT)}"
    if name not in shipped():
        return f"Recipe {plain(PurePath(name).name, NAME_LIMIT)} ({plain(recipe.title, TITLE_LIMIT)})"
    changes = [f"{plain(key, NAME_LIMIT)} = {setting(value)}" for key, value, _ in changes_of(recipe, facts)]
    if not changes:
        return f"Recipe {name}, unchanged"
    more = len(changes) - MOST_CHANGES
    shown = [*changes[:MOST_CHANGES], f"{more} more"] if more > 1 else changes
    return f"Recipe {name}, changed: {listed(shown)}"


def changes_of(recipe: Recipe, facts: Facts) -> list[Change]:
    """Every setting that differs from the shipped recipe of the run's name; none where it came from another file.

    All labels of the data are no change where the recipe takes "all"; labels chosen out of them are one.
    """
    there = _shipped_settings(str(facts.get("recipe_name")))
    if not there:
        return []
    here = dict(leaves(to_table(recipe)))
    skipped = set(NO_SETTINGS)
    if there.get("data.labels") == "all":
        skipped.add("data.exclusive")
        if here.get("data.labels") == _labels_of_the_data(facts):
            skipped.add("data.labels")
    return [
        (key, here.get(key), there.get(key))
        for key in here | there
        if here.get(key) != there.get(key) and not any(f"{key}.".startswith(f"{name}.") for name in skipped)
    ]


def _labels_of_the_data(facts: Facts) -> Any:
    """The names of all labels of the data set, as run.json has them; None where it has none."""
    data = facts.get("data")
    return data.get("label_names") if isinstance(data, dict) else None


@cache
def _shipped_settings(name: str) -> dict[str, Any]:
    """Dotted key -> value of a shipped recipe; none where there is no such recipe."""
    try:
        return dict(leaves(to_table(load(name)))) if name in shipped() else {}
    except SimulacraError:
        return {}


def setting(value: Any, limit: int = NAME_LIMIT) -> str:
    """A setting as a person would write it, with thousands apart."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, tuple | list):
        return ", ".join(setting(entry, limit) for entry in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{plain(key)} = {setting(entry, limit)}" for key, entry in value.items()) or "none"
    return "none" if value is None else plain(without_home(str(value)), limit)
