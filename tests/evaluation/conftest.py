"""What is looked at in these tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.data.store import open_store
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.verbs.prepare import conditions

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def subject(tiny: MakeRecipe, make_store: Callable[..., Path]) -> Callable[..., Subject]:
    """An untrained model of a family with data of eight test images."""

    def make(family: str, *, exclusive: bool = False, **changes: Any) -> Subject:
        store = open_store(make_store(count=30, held_out=8, exclusive=exclusive))
        if exclusive and tiny(family).objective.labelled:
            changes |= {"data.labels": list(store.label_names), "data.exclusive": True}
        recipe = tiny(family, **changes)
        return Subject(build(recipe), recipe, conditions(recipe, store), store)

    return make
