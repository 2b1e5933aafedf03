"""A recipe that ships trains: at its full size, with a batch of two and one update."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulacra.data.store import ImageStore, open_store
from simulacra.engine.loop import Training, train
from simulacra.recipe import Recipe, load, shipped
from simulacra.verbs.prepare import fit

SHORT = {"data.batch": 2, "data.holdout": 0, "steps": 1, "every.log": 1, "every.checkpoint": 1}


def relabelled(store: ImageStore, recipe: Recipe) -> ImageStore:
    """The same images with the labels that a recipe takes, each image in the first class."""
    labels = np.zeros((len(store.images), len(recipe.data.labels)), np.uint8)
    labels[:, 0] = 1
    return replace(store, labels=labels, label_names=tuple(recipe.data.labels), exclusive=recipe.data.exclusive)


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_that_ships_trains(
    name: str,
    make_store: Callable[..., Path],
    make_training: Callable[..., Training],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = load(name, SHORT)
    labels = recipe.data.labels if isinstance(recipe.data.labels, tuple) else ("One", "Two", "Three")
    store = open_store(
        make_store(count=4, shape=recipe.data.shape, labels=labels, exclusive=recipe.data.exclusive, held_out=1)
    )
    if recipe.start:  # from the run of another recipe, whose name its folder bears
        monkeypatch.chdir(tmp_path)
        Path("runs").mkdir()
        source = load(Path(recipe.start.run).name, SHORT)
        first = make_training(source, relabelled(store, source), recipe.start.run)
        for _ in train(first):
            pass
        first.run.write_recipe(source)
        first.run.write_facts({})
    training = make_training(fit(recipe, store), store, precision=recipe.precision)
    before = {key: value.clone() for key, value in training.objective.networks.named_parameters()}
    for _ in train(training):
        pass
    assert training.run.rows("metrics")[0]["step"] == 1
    training.run.checkpoints()[1].unlink()  # a third of a gigabyte, for some
    moved = {key for key, value in training.objective.networks.named_parameters() if not value.equal(before[key])}
    assert moved, "one update moves something"
