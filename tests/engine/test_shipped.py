"""A recipe that ships trains: at its full size, with a batch of two and one update."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.data.store import open_store
from simulacra.engine.loop import Training, train
from simulacra.recipe import load, shipped
from simulacra.workflow.preparing import fit


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_that_ships_trains(
    name: str, make_store: Callable[..., Path], make_training: Callable[..., Training]
) -> None:
    recipe = load(name, {"data.batch": 2, "steps": 1, "every.log": 1, "every.checkpoint": 1})
    labels = recipe.data.labels if isinstance(recipe.data.labels, tuple) else ("One", "Two", "Three")
    store = open_store(
        make_store(count=4, shape=recipe.data.shape, labels=labels, exclusive=recipe.data.exclusive, held_out=1)
    )
    training = make_training(fit(recipe, store), store, precision=recipe.precision)
    before = {key: value.clone() for key, value in training.objective.networks.named_parameters()}
    for _ in train(training):
        pass
    assert training.run.rows("metrics")[0]["step"] == 1
    training.run.checkpoints()[1].unlink()  # a third of a gigabyte, for some
    moved = {key for key, value in training.objective.networks.named_parameters() if not value.equal(before[key])}
    assert moved, "one update moves something"
