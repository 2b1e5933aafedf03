"""The verbs `recipes` and `summary`: which recipes come with the package, and which networks a recipe builds."""

from typing import Any

from simulacra.recipe import Changes, load, shipped


def recipes() -> list[dict[str, str]]:
    """Name, family, data and title of every recipe that comes with the package."""
    loaded = {name: load(name) for name in shipped()}
    return [
        {"name": name, "family": recipe.objective.family, "data": recipe.data.name, "title": recipe.title}
        for name, recipe in loaded.items()
    ]


def summary(recipe: str, changes: Changes = ()) -> dict[str, Any]:
    """The layer tables and counts of a recipe's networks, as `objectives.summarize` gives them, and its name.

    Raises:
        RecipeError: there is no such recipe, or its networks cannot be.
    """
    from simulacra.objectives import outline, summarize  # a list of recipes needs no torch

    return {"recipe": recipe} | summarize(outline(load(recipe, changes)))
