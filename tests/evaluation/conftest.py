"""What is looked at in these tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.data.store import ImageStore, open_store
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.verbs.prepare import conditions

MakeRecipe = Callable[..., Recipe]
ATTRIBUTES = ("Bright_Top", "Bright_Left", "Coin")


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


@pytest.fixture
def seen(make_store: Callable[..., Path]) -> Callable[..., ImageStore]:
    """seen(exclusive=): 240 images of 8x8 whose labels can be seen, but for the attribute Coin, which is tossed."""

    def make(*, exclusive: bool = False, name: str = "seen", shape: tuple[int, int, int] = (8, 8, 3)) -> ImageStore:
        path = make_store(240, shape, ATTRIBUTES, exclusive, name=name, held_out=50)
        labels = np.load(path / "labels.npy")
        images = np.random.default_rng(1).integers(60, 140, (240, *shape), np.uint8)
        images[labels[:, 0] == 1, :4] += 100
        images[labels[:, 1] == 1, :, :4] += 60
        np.save(path / "images.npy", images)
        return open_store(path)

    return make
