"""From a recipe to an objective: what is refused before a weight moves."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from simulacra.data.batches import Batch
from simulacra.errors import RecipeError
from simulacra.objectives import build, summarize
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_expected_parameters_that_are_met_pass(family: str, tiny: MakeRecipe) -> None:
    players = summarize(build(tiny(family)))["players"]
    build(tiny(family, **{"expect.parameters": {name: p["parameters"] for name, p in players.items()}}))


def test_expected_parameters_that_are_not_met_are_refused(family: str, tiny: MakeRecipe) -> None:
    player = next(iter(tiny(family).objective.players))
    with pytest.raises(RecipeError, match=rf"expect\.parameters\.{player} = 1,234: the networks have [\d,]+; change"):
        build(tiny(family, **{f"expect.parameters.{player}": 1234}))


def test_expected_layers_that_are_met_pass(tiny: MakeRecipe) -> None:
    build(tiny("gan", **{"expect.layers": {"source": [8 * 2 * 2]}}))


def test_expected_layers_that_are_not_met_are_refused(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"expect\.layers\.source = \[31\]: the layers have \[32\]; change"):
        build(tiny("gan", **{"expect.layers": {"source": [31]}}))


def test_expected_layers_of_a_network_that_is_not_there_are_refused(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"expect\.layers\.sourse: no such network; did you mean source"):
        build(tiny("gan", **{"expect.layers": {"sourse": [31]}}))


def test_all_labels_cannot_be_built_without_the_data(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="name the labels"):
        build(tiny("acgan", **{"data.labels": "all"}))


@pytest.mark.parametrize(
    ("family", "network", "size"), [("vae", "decoder", 9), ("gan", "generator", 10), ("acgan", "discriminator", 2)]
)
def test_a_size_that_does_not_fit_is_refused_with_sizes_that_do(
    family: str, network: str, size: int, tiny: MakeRecipe
) -> None:
    changes: dict[str, Any] = {"data.size": size}
    if network == "discriminator":
        changes["networks.generator"] = {"kind": "mlp", "widths": [4]}
    with pytest.raises(RecipeError, match=f"found {size}x{size}: use "):
        build(tiny(family, **changes))


def test_a_network_that_makes_images_is_refused_where_one_must_read_them(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="use kind"):
        build(tiny("gan", **{"networks.discriminator": {"kind": "upsample", "stem_channels": 4, "channels": [4]}}))
    with pytest.raises(RecipeError, match="use kind"):
        build(tiny("vae", **{"networks.decoder": {"kind": "convolution", "channels": [4]}}))


@pytest.mark.parametrize("size", ["16x8", "8x16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_may_be_grey_or_not_square(family: str, size: str, channels: int, tiny: MakeRecipe) -> None:
    recipe = tiny(family, **{"data.size": size, "data.channels": channels})
    width, height = map(int, size.split("x"))
    objective = build(recipe)
    images = torch.rand(2, channels, height, width)
    values = objective.update(Batch(images, torch.eye(2)[:, : len(recipe.data.labels)]), 0, lambda player, loss: None)
    assert all(value.isfinite() for value in values.values())


def test_a_bernoulli_decoder_gives_images_not_logits(tiny: MakeRecipe) -> None:
    recipe = tiny("vae", **{"objective.likelihood": "bce", "networks.decoder.output": "none"})
    objective = build(recipe)
    with objective.evaluating():
        images = objective.decode(100 * torch.randn(8, 3))  # type: ignore[attr-defined]
    assert images.min() >= -1
    assert images.max() <= 1


def test_a_bernoulli_likelihood_needs_a_decoder_of_logits(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="output"):
        build(tiny("vae", **{"objective.likelihood": "bce", "networks.decoder.output": "tanh"}))


def test_the_kl_of_the_loss_is_weighted_and_reduced_as_the_recipe_says(tiny: MakeRecipe) -> None:
    batch = Batch(torch.rand(4, 3, 8, 8) * 2 - 1, torch.zeros(4, 0))
    for reduction, width in (("sum", 1), ("mean", 3)):
        objective = build(tiny("vae", **{"objective.kl_weight": 0.5, "objective.kl_reduction": reduction}))
        values = objective.update(batch, 0, lambda player, loss: None)
        expected = values["reconstruction/train"] + 0.5 * values["kl/train"] / width
        assert values["loss/total"].item() == pytest.approx(expected.item())


def test_fake_images_get_the_labels_of_the_real_ones_beside_them(
    tiny: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective: Any = build(tiny("acgan"))
    labels, seen = torch.eye(2).repeat(2, 1), []
    decode = objective.decode
    monkeypatch.setattr(objective, "decode", lambda codes: (seen.append(codes), decode(codes))[1])
    objective.update(Batch(torch.zeros(4, 3, 8, 8), labels), 0, lambda player, loss: None)
    assert torch.equal(objective.code.labels_of(seen[0]), labels)
