"""The density that a VAE's loss implies."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from simulacra.data.store import ImageStore
from simulacra.objectives import build
from simulacra.objectives.losses import kl_parts, kl_to_standard_normal, log_laplace, log_normal
from simulacra.objectives.vae import VAE
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_it_is_torchs_own_normal_and_laplace_density() -> None:
    output, images = torch.randn(2, 3, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    normal = torch.distributions.Normal(output, 0.35**0.5).log_prob(images).flatten(1).sum(1)
    laplace = torch.distributions.Laplace(output, 0.7).log_prob(images).flatten(1).sum(1)
    torch.testing.assert_close(log_normal(output, images, 0.7), normal)
    torch.testing.assert_close(log_laplace(output, images, 0.7), laplace)


def test_parts_of_the_kl_are_torchs_and_add_up() -> None:
    mean, logvar = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    q, prior = torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0, 1)
    torch.testing.assert_close(kl_parts(mean, logvar), torch.distributions.kl_divergence(q, prior))
    torch.testing.assert_close(kl_parts(mean, logvar).sum(1), kl_to_standard_normal(mean, logvar))


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("kl_reduction", ["sum", "mean"])
@pytest.mark.parametrize("likelihood", ["mse", "l1"])
def test_the_loss_is_proportional_to_the_negative_bound_up_to_a_constant(
    likelihood: Any, kl_reduction: str, reduction: Any, tiny: MakeRecipe, store: ImageStore
) -> None:
    changes = {"likelihood": likelihood, "reduction": reduction, "kl_reduction": kl_reduction, "kl_weight": 0.3}
    recipe = tiny("vae", **{f"objective.{key}": value for key, value in changes.items()})
    model = build(recipe)
    assert isinstance(model, VAE)
    images, codes = torch.rand(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))[0] * 2 - 1, torch.randn(6, 3)
    with model.evaluating():
        output = model.decode(codes)
        each = [model.log_likelihood(images[:1].expand(6, -1, -1, -1), codes)]
    error = (output - images[:1]).square() if likelihood == "mse" else (output - images[:1]).abs()
    parts = error.flatten(1).mean(1) if reduction == "mean" else error.flatten(1).sum(1)
    weight = 0.3 / (3 if kl_reduction == "mean" else 1)
    # Differences between codes: what is left of -log p(x|z) - error / weight is the same for all.
    rest = -each[0] - parts / weight
    torch.testing.assert_close(rest, rest[:1].expand(6), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    "changes", [{"objective.likelihood": "bce", "networks.decoder.output": "none"}, {"objective.kl_weight": 0.0}]
)
def test_cross_entropy_of_grey_values_and_a_loss_without_kl_imply_none(changes: Any, tiny: MakeRecipe) -> None:
    model = build(tiny("vae", **changes))
    assert isinstance(model, VAE)
    assert model.density is None


def test_the_density_is_told_with_its_width(tiny: MakeRecipe) -> None:
    model = build(tiny("vae", **{"objective.reduction": "sum", "objective.kl_weight": 0.5}))
    assert isinstance(model, VAE)
    assert model.density == "normal, variance 0.25"
