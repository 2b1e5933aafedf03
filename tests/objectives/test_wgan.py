"""Wasserstein GAN: the penalty by hand, the bounds of clipping, and whose turn it is."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from simulacra.data.batches import Batch
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.errors import RecipeError
from simulacra.objectives import build
from simulacra.objectives.losses import gradient_penalty
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def images(count: int = 4) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(count, 3, 8, 8) * 2 - 1, torch.zeros(count, 0))


def prepared(recipe: Recipe) -> tuple[Any, Optimizers]:
    objective = build(recipe)
    return objective, Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))


def linear(*weights: float) -> nn.Module:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(len(weights), 1))
    critic[1].weight.data = torch.tensor([weights])
    return critic


@pytest.mark.parametrize(("weights", "expected"), [((3.0, 4.0), 16.0), ((0.6, 0.8), 0.0), ((0.0, 0.5), 0.25)])
def test_the_penalty_of_a_linear_critic_is_how_far_its_slope_is_from_1(
    weights: tuple[float, float], expected: float
) -> None:
    real, fake = torch.randn(5, 1, 1, 2), torch.randn(5, 1, 1, 2)
    assert gradient_penalty(linear(*weights), real, fake).item() == pytest.approx(expected, abs=1e-6)


def test_the_penalty_of_a_quadratic_critic_is_taken_between_real_and_fake_images() -> None:
    seen: list[Tensor] = []

    def critic(points: Tensor) -> Tensor:
        seen.append(points.detach())
        return points.flatten(1).square().sum(1, keepdim=True)  # gradient 2x, whose length is 2|x|

    real, fake = torch.ones(64, 1, 1, 1), torch.full((64, 1, 1, 1), 3.0)
    penalty = gradient_penalty(critic, real, fake)
    (points,) = seen
    assert penalty.item() == pytest.approx((2 * points.abs() - 1).square().mean().item())
    assert points.min() >= 1
    assert points.max() <= 3
    assert len(points.unique()) == 64, "every image has a share of its own"
    assert points.mean().item() == pytest.approx(2, abs=0.3)


def test_a_critic_without_slope_has_a_penalty_with_finite_gradients() -> None:
    critic = linear(0.0, 0.0)
    penalty = gradient_penalty(critic, torch.randn(3, 1, 1, 2), torch.randn(3, 1, 1, 2))
    penalty.backward()
    assert penalty.item() == 1
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


def test_the_penalty_pulls_the_slope_towards_1() -> None:
    critic = linear(3.0, 4.0)
    gradient_penalty(critic, torch.randn(3, 1, 1, 2), torch.randn(3, 1, 1, 2)).backward()
    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    torch.testing.assert_close(critic.get_parameter("1.weight").grad, torch.tensor([[4.8, 6.4]]))


def test_clipping_bounds_the_critic_and_nothing_else(tiny: MakeRecipe) -> None:
    recipe = tiny("wgan", **{"objective.lipschitz": "clipping", "objective.clip": 0.005, "optimizer.lr": 0.1})
    objective, optimize = prepared(recipe)
    for step in range(2):
        objective.update(images(), step, optimize)
        largest = {
            name: max(p.abs().max().item() for p in network.parameters())
            for name, network in objective.networks.items()
        }
        assert largest["critic"] <= 0.005
        assert largest["source"] <= 0.005
        assert largest["generator"] > 0.005


def test_clipping_takes_a_critic_with_batch_norm_and_a_penalty_refuses_it(tiny: MakeRecipe) -> None:
    changes = {"networks.critic.norm": "batch"}
    build(tiny("wgan", **changes, **{"objective.lipschitz": "clipping"}))
    with pytest.raises(RecipeError, match=r'set networks\.critic\.norm = "none"'):
        build(tiny("wgan", **changes))


def test_smoothing_scales_the_real_term_of_a_clipped_critic(tiny: MakeRecipe) -> None:
    changes = {"objective.lipschitz": "clipping", "networks.critic.dropout": 0}
    objective, _ = prepared(tiny("wgan", **changes, **{"objective.real_label": 0.9}))
    on_real = objective.score(images().images).mean().item()
    values = objective.update(images(), 0, lambda player, loss: None)
    assert values["loss/critic"].item() == pytest.approx(-values["distance/estimate"].item() + 0.1 * on_real)


def test_smoothing_is_refused_beside_a_penalty_that_does_not_bound_it(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="clipping"):
        tiny("wgan", **{"objective.real_label": 0.9})


def test_the_critic_learns_in_every_round_and_the_generator_in_every_nth(tiny: MakeRecipe) -> None:
    objective, _ = prepared(tiny("wgan", **{"objective.critic_steps": 3}))
    turns: list[str] = []
    for step in range(4):
        objective.update(images(), step, lambda player, loss: turns.append(player))
    assert turns == ["critic", "generator", "critic", "critic", "critic", "generator"]


def test_the_losses_are_the_gap_the_penalty_and_the_generators_side(tiny: MakeRecipe) -> None:
    objective, _ = prepared(tiny("wgan", **{"networks.critic.dropout": 0, "objective.penalty_weight": 7}))
    values = objective.update(images(), 0, lambda player, loss: None)
    distance, penalty = values["distance/estimate"], values["penalty/gradient"]
    assert values["loss/critic"].item() == pytest.approx((7 * penalty - distance).item())
    on_real = objective.score(images().images).mean()
    assert values["loss/generator"].item() == pytest.approx((distance - on_real).item(), abs=1e-6)
