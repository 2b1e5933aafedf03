"""One optimiser a player."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import OPTIMIZERS, Optimizers
from simulacra.objectives import build
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_every_optimizer_of_the_settings_is_there(tiny: MakeRecipe) -> None:
    annotation: Any = type(tiny("gan").optimizer).model_fields["name"].annotation
    assert set(OPTIMIZERS) == set(annotation.__args__)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_goes_downhill(name: str, tiny: MakeRecipe) -> None:
    recipe = tiny("vae", **{"optimizer.name": name, "optimizer.lr": 1e-2})
    objective = build(recipe)
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))

    def size() -> torch.Tensor:
        return torch.stack([parameter.square().sum() for parameter in objective.networks.parameters()]).sum()

    before = size().item()
    for _ in range(5):
        optimize("autoencoder", size())
    assert size().item() < before


def test_a_player_may_have_its_own_numbers(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.lr": 1e-3, "optimizer.generator": {"lr": 5e-4, "betas": [0.5, 0.9]}})
    optimizers = Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32")).optimizers
    groups = {player: optimizer.param_groups[0] for player, optimizer in optimizers.items()}
    assert (groups["generator"]["lr"], groups["generator"]["betas"]) == (5e-4, (0.5, 0.9))
    assert (groups["discriminator"]["lr"], groups["discriminator"]["betas"]) == (1e-3, (0.9, 0.999))


def test_a_player_may_have_its_own_algorithm(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.generator.name": "sgd", "optimizer.generator.momentum": 0.5})
    optimizers = Optimizers(build(recipe), recipe.optimizer, Devices("cpu", "float32")).optimizers
    assert isinstance(optimizers["generator"], torch.optim.SGD)
    assert isinstance(optimizers["discriminator"], torch.optim.Adam)
