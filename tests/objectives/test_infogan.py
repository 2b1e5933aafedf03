"""InfoGAN: whom the information moves, what it costs by hand, and how its code is laid out."""

from collections.abc import Callable
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor, tensor

from simulacra.data.batches import Batch
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.errors import RecipeError
from simulacra.objectives import build
from simulacra.objectives.code import Code
from simulacra.objectives.losses import categorical_loss, continuous_loss
from simulacra.recipe import Recipe
from simulacra.settings.objectives import CodeSettings

MakeRecipe = Callable[..., Recipe]


def images(count: int = 4) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(count, 3, 8, 8) * 2 - 1, torch.zeros(count, 0))


def code(**settings: object) -> Code:
    return Code(CodeSettings.model_validate({"noise": 3} | settings))


def test_the_code_is_noise_then_categories_then_continuous() -> None:
    layout = code(categorical=[3, 2], continuous=2)
    codes = layout.join(torch.zeros(1, 3), categories=tensor([[2, 0]]), continuous=tensor([[0.5, -0.5]]))
    assert layout.width == 3 + 3 + 2 + 2
    assert codes.tolist() == [[0, 0, 0, 0, 0, 1, 1, 0, 0.5, -0.5]]


def test_a_code_that_is_split_and_joined_is_what_it_was() -> None:
    layout = Code(CodeSettings(noise=3, labels="onehot", categorical=(3, 2), continuous=2), labels=2)
    codes = layout.draw(16, torch.randint(2, (16, 2)).float())
    parts = layout.split(codes)
    assert [part.shape for part in parts] == [(16, 3), (16, 2), (16, 2), (16, 2)]
    assert torch.equal(layout.join(*parts), codes)


def test_every_category_is_drawn_and_continuous_codes_fill_their_range() -> None:
    parts = code(categorical=[3, 2], continuous=1).split(code(categorical=[3, 2], continuous=1).draw(256))
    assert [sorted(column.unique().tolist()) for column in parts.categories.T] == [[0, 1, 2], [0, 1]]
    assert parts.continuous.abs().max() <= 1
    assert parts.continuous.std().item() == pytest.approx(3**-0.5, rel=0.15)


def test_codes_are_drawn_behind_the_noise_and_leave_it_as_it_was() -> None:
    plain = code().draw(5, generator=torch.Generator().manual_seed(0))
    coded = code(categorical=[3]).draw(5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(coded[:, :3], plain)


def test_the_categorical_loss_adds_the_codes_up() -> None:
    guesses = [tensor([[0.0, 0.0, 0.0]]), tensor([[log(3.0), 0.0]])]
    assert categorical_loss(guesses, tensor([[1, 0]])).item() == pytest.approx(log(3) - log(3 / 4))


def test_the_continuous_loss_is_half_the_squared_error_of_all_codes() -> None:
    assert continuous_loss(tensor([[1.0, 0.0], [0.0, 0.0]]), tensor([[0.0, 2.0], [0.0, 0.0]])).item() == 1.25


def stepped(objective: Any, recipe: Recipe) -> dict[str, set[str]]:
    """Player -> names of the networks that its step moved."""
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))
    moved: dict[str, set[str]] = {}

    def watch(player: str, loss: Tensor) -> None:
        before = {name: value.detach().clone() for name, value in objective.networks.named_parameters()}
        optimize(player, loss)
        changed = {
            name for name, value in objective.networks.named_parameters() if not torch.equal(value, before[name])
        }
        moved[player] = {name.split(".")[0] for name in changed}

    objective.update(images(), 0, watch)
    return moved


def test_recognition_moves_the_shared_trunk_and_its_own_head(tiny: MakeRecipe) -> None:
    recipe = tiny("infogan")
    assert stepped(build(recipe), recipe) == {
        "discriminator": {"discriminator", "source"},
        "generator": {"generator"},
        "recognition": {"discriminator", "recognition"},
    }


def test_a_trunk_that_recognition_must_not_train_is_moved_by_the_discriminator_alone(tiny: MakeRecipe) -> None:
    recipe = tiny("infogan", **{"objective.train_trunk": False})
    assert stepped(build(recipe), recipe) == {
        "discriminator": {"discriminator", "source"},
        "generator": {"generator"},
        "recognition": {"recognition"},
    }


def test_the_generator_is_taught_by_the_information_too(tiny: MakeRecipe) -> None:
    gradients = []
    for weight in (1.0, 3.0):
        recipe = tiny("infogan", **{"objective.categorical_weight": weight, "networks.discriminator.dropout": 0})
        objective = build(recipe)

        def keep(player: str, loss: Tensor, objective: Any = objective) -> None:
            if player == "generator":
                gradients.append(torch.autograd.grad(loss, objective.networks["generator"][1].weight)[0])

        torch.manual_seed(0)
        objective.update(images(), 0, keep)
    assert not torch.equal(*gradients)


def test_the_information_is_weighted_by_kind_of_code(tiny: MakeRecipe) -> None:
    weights = {"objective.categorical_weight": 2.0, "objective.continuous_weight": 0.5}
    objective: Any = build(tiny("infogan", **weights))
    losses: dict[str, Tensor] = {}
    values = objective.update(images(), 0, losses.__setitem__)
    expected = 2 * values["recognition/categorical"] + 0.5 * values["recognition/continuous"]
    assert losses["recognition"].item() == pytest.approx(expected.item())


def test_each_categorical_code_has_an_accuracy(tiny: MakeRecipe) -> None:
    objective = build(tiny("infogan"))
    values = objective.update(images(), 0, lambda player, loss: None)
    assert {name for name in values if name.startswith("code")} == {
        "code_accuracy/categorical_1",
        "code_accuracy/categorical_2",
    }


@pytest.mark.parametrize(
    ("codes", "missing"),
    [({"categorical": [], "continuous": 2}, "categorical"), ({"categorical": [4], "continuous": 0}, "continuous")],
)
def test_one_kind_of_code_is_enough(codes: dict[str, Any], missing: str, tiny: MakeRecipe) -> None:
    objective = build(tiny("infogan").with_changes({f"objective.code.{key}": value for key, value in codes.items()}))
    values = objective.update(images(), 0, lambda player, loss: None)
    assert f"recognition/{missing}" not in values
    assert sum(name.startswith("recognition/") for name in values) == 1


def test_no_code_at_all_is_refused(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"set objective\.code\.categorical"):
        tiny("infogan").with_changes({"objective.code.categorical": [], "objective.code.continuous": 0})


@pytest.mark.parametrize("family", ["gan", "acgan", "wgan"])
def test_a_family_that_learns_no_codes_refuses_them(family: str, tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="infogan"):
        tiny(family).with_changes({"objective.code.categorical": [10]})


def test_two_rounds_in_which_the_generator_learns_once(tiny: MakeRecipe) -> None:
    objective = build(tiny("infogan", **{"objective.discriminator_steps": 2}))
    turns: list[str] = []
    for step in range(2):
        objective.update(images(), step, lambda player, loss: turns.append(player))
    assert turns == ["discriminator", "generator", "recognition", "discriminator"]
