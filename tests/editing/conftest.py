"""An untrained model with its data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.data.store import open_store
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.verbs.prepare import conditions


@pytest.fixture
def subject(tiny: Callable[..., Any], make_store: Callable[..., Path]) -> Callable[..., Subject]:
    """subject(family, exclusive=, **changes): a model of first weights and a store of sixty images."""

    def make(family: str, *, exclusive: bool = False, **changes: Any) -> Subject:
        store = open_store(make_store(count=60, exclusive=exclusive))
        if exclusive:
            changes |= {"data.labels": list(store.label_names), "data.exclusive": True}
        recipe = tiny(family, **changes)
        objective = build(recipe)
        objective.networks.eval()
        return Subject(objective, recipe, conditions(recipe, store), store)

    return make
