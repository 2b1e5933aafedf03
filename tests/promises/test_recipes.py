"""Every recipe that ships can be read, built and counted, without a weight in memory.

A recipe that ships trains: at its full size, with a batch of two and one update.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from simulacra.data.resolve import fit
from simulacra.data.store import ImageStore, open_store
from simulacra.engine.loop import Training, train
from simulacra.objectives import Generates, Objective, build, summarize
from simulacra.recipe import Recipe, load, read_table, shipped, to_toml

SYSTEMS = {
    "celeba-vae-512",
    "celeba-dcgan-bn",
    "celeba-acgan",
    "celeba-vae-1024",
    "celeba-dcgan-k5",
    "celeba-acgan-k5",
    "celeba-vae-256-flat",
    "celeba-gan-upsample",
    "celeba-wgan",
    "celeba-wgan-gp",
    "celeba-acgan-upsample",
    "celeba-vae-100",
    "celeba-dcgan",
    "celeba-acgan-onehot",
    "celeba-infogan",
    "celeba-infogan-2x10",
    "fashion-dcgan",
    "fashion-vae-mlp",
    "fashion-vae-mlp-64",
    "fashion-classifier-mlp",
    "fashion-vae-mlp-pretrained",
}
OURS = {
    "celeba-r3gan",
    "celeba-beta-tc-vae",
    "celeba-vae-fast",
    "faces-acgan-fast",
    "avatars-infogan",
    "avatars-classifier",
    "fashion-vae",
    "fashion-acgan",
    "fashion-wgan-gp",
    "fashion-infogan",
    "fashion-classifier-mlp-tuned",
    "demo-vae",
    "demo-dcgan",
    "demo-acgan",
    "demo-wgan",
    "faces-fast",
    "garments-fast",
}


@lru_cache
def built(name: str) -> tuple[Recipe, Objective, dict[str, Any]]:
    """A recipe, its objective without a weight in memory, and the tables of its networks."""
    recipe = load(name)
    if recipe.data.labels == "all":
        recipe = recipe.with_changes({"data.labels": ["Smiling", "Male"]})
    with torch.device("meta"):
        objective = build(recipe)
    return recipe, objective, summarize(objective)


def test_the_published_systems_ship() -> None:
    assert set(shipped()) >= SYSTEMS | OURS


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_comes_back_from_toml_as_it_was(name: str) -> None:
    recipe = load(name)
    assert read_table(tomllib.loads(to_toml(recipe)), name, {}) == recipe


@pytest.mark.parametrize("name", shipped())
def test_a_header_gives_source_and_command(name: str) -> None:
    text = (resources.files("simulacra") / "recipes" / f"{name}.toml").read_text("utf-8")
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert re.search(r"arXiv:\d{4}\.\d{4,5}", "\n".join(header))
    assert f"# simulacra train {name} --data stores/{load(name).data.name}" in header


@pytest.mark.parametrize("name", shipped())
def test_the_networks_of_a_recipe_read_and_make_its_images(name: str) -> None:
    recipe, objective, summary = built(name)
    height, width, channels = recipe.data.shape
    seen = [network for network, shape in objective.inputs.items() if shape == (channels, height, width)]
    assert seen, "some network reads images"
    if isinstance(objective, Generates):
        assert objective.inputs[objective.maker] == (objective.code.width,)
        assert summary["networks"][objective.maker]["layers"][-1]["shape"] == [channels, height, width]


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_builds_and_so_meets_its_published_counts(name: str) -> None:
    recipe, _, summary = built(name)
    for player, count in recipe.expect.parameters.items():
        assert summary["players"][player]["parameters"] == count


@pytest.mark.parametrize(
    ("name", "player", "count"),
    [
        ("celeba-vae-512", "autoencoder", 7_677_792),
        ("celeba-dcgan-bn", "generator", 3_576_704),
        ("celeba-dcgan-bn", "discriminator", 2_765_696),
        ("celeba-acgan", "generator", 3_576_704),
        ("celeba-acgan", "discriminator", 2_772_864),
        ("celeba-dcgan", "generator", 3_576_704),
        ("celeba-dcgan", "discriminator", 2_765_568),
        ("fashion-dcgan", "generator", 791_776),
        ("fashion-dcgan", "discriminator", 691_680),
        ("fashion-vae-mlp", "autoencoder", 788_788),
        ("fashion-vae-mlp-pretrained", "autoencoder", 788_788),
        ("fashion-classifier-mlp", "classifier", 397_510),
        ("fashion-classifier-mlp-tuned", "classifier", 397_510),
    ],
)
def test_a_recipe_expects_what_was_published(name: str, player: str, count: int) -> None:
    assert load(name).expect.parameters[player] == count


def test_a_reshaped_code_is_as_wide_as_the_smallest_image() -> None:
    assert load("celeba-vae-1024").objective.latent == prod((64, 4, 4))


@pytest.mark.parametrize(
    ("name", "width"), [("celeba-infogan", 72), ("celeba-infogan-2x10", 72), ("celeba-acgan", 100)]
)
def test_a_code_is_as_wide_as_was_published(name: str, width: int) -> None:
    objective = built(name)[1]
    assert isinstance(objective, Generates)
    assert objective.code.width == width


@pytest.mark.parametrize("name", shipped())
def test_rows_are_logged_before_checkpoints(name: str) -> None:
    every = load(name).every
    assert every.checkpoint % every.log == 0


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
