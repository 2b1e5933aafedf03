"""The families, and how one is built from a recipe."""

from copy import deepcopy
from math import prod
from typing import Any

import torch
from torch import nn

from simulacra.data.batches import memory
from simulacra.errors import RecipeError, nearest
from simulacra.networks import layer_table
from simulacra.objectives.acgan import ACGAN
from simulacra.objectives.base import Classifies, Encodes, Generates, Infers, Objective, Optimize, Validates
from simulacra.objectives.classifier import Classifier
from simulacra.objectives.gan import GAN
from simulacra.objectives.infogan import InfoGAN
from simulacra.objectives.r3gan import R3GAN
from simulacra.objectives.vae import VAE
from simulacra.objectives.wgan import WGAN
from simulacra.recipe import Recipe
from simulacra.seeds import Draw, torch_seed
from simulacra.settings.training import DataSettings

FAMILIES: dict[str, Any] = {
    "vae": VAE,
    "gan": GAN,
    "r3gan": R3GAN,
    "acgan": ACGAN,
    "wgan": WGAN,
    "infogan": InfoGAN,
    "classifier": Classifier,
}

__all__ = [
    "FAMILIES",
    "Classifies",
    "Encodes",
    "Generates",
    "Infers",
    "Objective",
    "Optimize",
    "Validates",
    "build",
    "check",
    "outline",
    "summarize",
]

FLOAT_BYTES = 4  # of a number in a network
REMEDY = "change the networks, or drop the counts (--set 'expect={}')"


def build(recipe: Recipe) -> Objective:
    """An objective whose first weights depend on the recipe's seed alone. Raises RecipeError: as `outline`."""
    outline(recipe)
    torch.manual_seed(torch_seed(recipe.seed, Draw.WEIGHTS))
    objective: Objective = FAMILIES[recipe.objective.family](recipe, recipe.objective)
    return objective


def outline(recipe: Recipe) -> dict[str, Any]:
    """What `summarize` says of a recipe's networks, without memory for them, however large they are.

    Raises:
        RecipeError: a size does not fit a network, labels are missing, a published count is not met, or a network has
            more parameters than 64 bits can count.
    """
    if not isinstance(recipe.data.labels, tuple):
        raise RecipeError(
            'data.labels is "all", which depends on a data set; name the labels to build without one: '
            """--set 'data.labels=["Smiling"]'"""
        )
    try:
        summary = _networks_alone(recipe)
    except (RuntimeError, TypeError) as error:
        if "overflow" not in str(error).lower():
            raise
        raise RecipeError("the networks would have more parameters than can be counted; make them smaller") from error
    _meet_expectations(recipe, summary)
    return summary


_outlines: dict[tuple[Any, str], dict[str, Any]] = {}


def _networks_alone(recipe: Recipe) -> dict[str, Any]:
    """What `summarize` says of a recipe's networks, worked out once for all recipes that differ in nothing else."""
    data = DataSettings(
        name="",
        size=recipe.data.size,
        channels=recipe.data.channels,
        labels=recipe.data.labels,
        exclusive=recipe.data.exclusive,
    )
    alone = Recipe(title="", steps=1, data=data, objective=recipe.objective, networks=recipe.networks)
    family = FAMILIES[recipe.objective.family]
    key = family, alone.model_dump_json()
    if key not in _outlines:
        with torch.device("meta"):
            _outlines[key] = summarize(family(alone, alone.objective))
    return deepcopy(_outlines[key])


def check(recipe: Recipe, world: int = 1) -> None:
    """Checks that a recipe can be trained on this machine, which takes no memory itself.

    Args:
        recipe: where its labels are still "all", the size of a batch alone is checked.
        world: how many processes share a batch.

    Raises:
        RecipeError: as `outline`; weights or a batch alone are larger than memory; or a process has a single image, and
            a network a batch norm where maps are of 1x1, so that it has one value to take its statistics over.
    """
    batch, numbers = recipe.data.batch, {}
    numbers[f"data.batch = {batch}: a batch takes"] = batch * prod(recipe.data.shape)
    networks: dict[str, Any] = {}
    if isinstance(recipe.data.labels, tuple):
        summary = outline(recipe)
        networks, numbers["the networks take"] = summary["networks"], summary["parameters"]
    available = memory()
    for what, count in numbers.items():
        if FLOAT_BYTES * count > available:
            sizes = f"{FLOAT_BYTES * count / 2**30:,.0f} GB, and this machine has {available / 2**30:,.0f} GB of memory"
            raise RecipeError(f"{what} {sizes}; choose smaller numbers")
    if batch // world > 1 or (recipe.sync_batch_norm and batch > 1):
        return
    for name, network in networks.items():
        for row in network["layers"]:
            if row["layer"].startswith("BatchNorm") and prod(row["shape"][1:]) == 1:
                raise RecipeError(
                    f"data.batch = {batch}: the batch norm of {name} at 1x1 takes two images per process; "
                    f"set data.batch={2 * world}"
                )


def summarize(objective: Objective) -> dict[str, Any]:
    """The layer tables and counts of an objective's networks, as JSON values.

    Returns:
        {"networks": {NAME: {"parameters", "layers": [{"layer", "shape", "parameters"}]}},
        "players": {NAME: {"parameters", "networks"}}, "parameters"}; a player counts the networks that it moves.
    """
    networks: dict[str, Any] = {}
    for name, network in objective.networks.items():
        assert isinstance(network, nn.Sequential), "networks are tables"
        layers = [
            {"layer": row.layer, "shape": list(row.shape), "parameters": row.parameters}
            for row in layer_table(network, *objective.inputs[name])
        ]
        networks[name] = {"parameters": sum(p.numel() for p in network.parameters()), "layers": layers}
    players = {
        player: {"parameters": sum(networks[name]["parameters"] for name in names), "networks": list(names)}
        for player, names in objective.players.items()
    }
    return {"networks": networks, "players": players, "parameters": sum(n["parameters"] for n in networks.values())}


def _meet_expectations(recipe: Recipe, summary: dict[str, Any]) -> None:
    """Refuses networks whose counts are not those under [expect]."""
    for player, count in recipe.expect.parameters.items():
        counted = summary["players"][player]["parameters"]
        if counted != count:
            raise RecipeError(f"expect.parameters.{player} = {count:,}: the networks have {counted:,}; {REMEDY}")
    for name, counts in recipe.expect.layers.items():
        if name not in summary["networks"]:
            raise RecipeError(f"expect.layers.{name}: no such network; {nearest(name, summary['networks'])}")
        layers = tuple(row["parameters"] for row in summary["networks"][name]["layers"] if row["parameters"])
        if layers != counts:
            raise RecipeError(f"expect.layers.{name} = {list(counts)}: the layers have {list(layers)}; {REMEDY}")
