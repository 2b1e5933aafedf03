"""The families, and how one is built from a recipe."""

from typing import Any

import torch
from torch import nn

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
    "outline",
    "summarize",
]

REMEDY = "change the networks, or drop the counts (--set 'expect={}')"


def build(recipe: Recipe) -> Objective:
    """An objective whose first weights depend on the recipe's seed alone.

    Raises:
        RecipeError: a size does not fit a network, labels are missing, or a published count is not met.
    """
    if not isinstance(recipe.data.labels, tuple):
        raise RecipeError('data.labels is "all", which depends on a data set; name the labels to build without one')
    torch.manual_seed(torch_seed(recipe.seed, Draw.WEIGHTS))
    objective: Objective = FAMILIES[recipe.objective.family](recipe, recipe.objective)
    _check(recipe, objective)
    return objective


def outline(recipe: Recipe) -> Objective:
    """The same on the meta device: shapes and counts without memory, for networks of any size.

    Raises:
        RecipeError: as `build`, or a network has more parameters than 64 bits can count.
    """
    try:
        with torch.device("meta"):
            return build(recipe)
    except (RuntimeError, TypeError) as error:
        if "overflow" not in str(error).lower():
            raise
        raise RecipeError("the networks would have more parameters than can be counted; make them smaller") from error


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


def _check(recipe: Recipe, objective: Objective) -> None:
    """Refuses networks whose counts are not those under [expect]."""
    summary = summarize(objective)
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
