"""Options of the families: each does what its name says, and two updates of each go through."""

from collections.abc import Callable
from math import exp, log
from typing import Any

import pytest
import torch
from torch import Tensor, nn, tensor

from simulacra.data.batches import Batch
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.errors import RecipeError
from simulacra.networks import initialize
from simulacra.objectives import build
from simulacra.objectives.augmentation import AUGMENTATIONS, augment, cutout, translation
from simulacra.objectives.losses import (
    GAN_LOSSES,
    LIKELIHOODS,
    discriminator_accuracy,
    kl_factor,
    relativistic_loss,
    squared_gradient,
    total_correlation,
)
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def images(labels: int = 0, count: int = 4) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(count, 3, 8, 8) * 2 - 1, torch.eye(max(labels, 1))[:, :labels].repeat(count, 1)[:count])


def updated(recipe: Recipe, updates: int = 2) -> tuple[Any, dict[str, Tensor]]:
    """An objective after so many updates, and what the last one reported."""
    objective = build(recipe)
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))
    for step in range(updates):
        torch.manual_seed(step)
        values = objective.update(images(len(recipe.data.labels)), step, optimize)
    return objective, values


def distance(one: Any, other: Any, network: str) -> float:
    pairs = zip(one.networks[network].parameters(), other.networks[network].parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gan", {"objective.loss": "minimax"}),
        ("gan", {"objective.loss": "least-squares", "objective.real_label": 0.9}),
        ("gan", {"objective.loss": "hinge"}),
        ("gan", {"objective.augment": ["color", "translation", "cutout"], "objective.weights": "he"}),
        ("gan", {"objective.joint": True}),
        ("r3gan", {"objective.r1_weight": 0, "objective.r2_weight": 0, "networks.discriminator.norm": "batch"}),
        ("r3gan", {"objective.r1_weight": 0, "objective.augment": ["color", "translation", "cutout"]}),
        ("r3gan", {"objective.r2_weight": 3, "objective.penalty_every": 2, "objective.weights": "normal"}),
        ("acgan", {"objective.augment": ["color", "translation", "cutout"]}),
        ("wgan", {"objective.augment": ["color", "translation", "cutout"], "objective.weights": "he"}),
        ("wgan", {"objective.lipschitz": "clipping", "objective.real_label": 0.9}),
        ("classifier", {"objective.augment": ["translation"], "objective.label_smoothing": 0.1}),
        ("vae", {"objective.kl_schedule": "linear", "objective.kl_steps": 4}),
        ("vae", {"objective.kl_schedule": "cyclical", "objective.kl_steps": 4, "objective.kl_rise": 1}),
        ("vae", {"objective.total_correlation_weight": 6}),
    ],
)
def test_two_updates_of_every_option_go_through(family: str, changes: dict[str, Any], tiny: MakeRecipe) -> None:
    objective, values = updated(tiny(family, **changes))
    assert all(value.isfinite() for value in values.values())
    assert all(value.isfinite().all() for value in objective.networks.parameters())


# --- adversarial losses


def test_least_squares_pulls_scores_to_1_and_0() -> None:
    on_real, on_fake = tensor([[2.0]]), tensor([[3.0]])
    loss = GAN_LOSSES["least-squares"]
    assert loss.discriminator(on_real, on_fake, 1.0).item() == (2 - 1) ** 2 / 2 + 3**2 / 2
    assert loss.discriminator(on_real, on_fake, 0.5).item() == 1.5**2 / 2 + 3**2 / 2
    assert loss.generator(on_fake).item() == (3 - 1) ** 2 / 2


def test_the_hinge_forgets_what_is_beyond_the_margin() -> None:
    on_real, on_fake = tensor([[2.0], [0.5]]), tensor([[-2.0], [0.5]])
    assert GAN_LOSSES["hinge"].discriminator(on_real, on_fake, 1.0).item() == (0 + 0.5) / 2 + (0 + 1.5) / 2
    assert GAN_LOSSES["hinge"].generator(on_fake).item() == 0.75


def test_relativistic_losses_compare_pairs_and_are_each_others_mirror() -> None:
    on_real, on_fake = tensor([[3.0]]), tensor([[1.0]])
    assert relativistic_loss(on_real, on_fake).item() == pytest.approx(log(1 + exp(-2)))
    assert relativistic_loss(on_fake, on_real).item() == pytest.approx(log(1 + exp(2)))
    shifted = relativistic_loss(on_real + 5, on_fake + 5)
    assert shifted.item() == pytest.approx(log(1 + exp(-2))), "only the difference counts"


@pytest.mark.parametrize(("loss", "boundary"), [("hinge", 0.0), ("least-squares", 0.5)])
def test_an_image_counts_as_real_above_a_score(loss: str, boundary: float) -> None:
    scores = tensor([[boundary + 0.1], [boundary - 0.1], [boundary - 0.2], [boundary - 0.3]])
    accuracy = discriminator_accuracy(scores, scores, GAN_LOSSES[loss].boundary)
    assert [value.item() for value in accuracy.values()] == [0.25, 0.75]


def test_a_relativistic_accuracy_depends_on_differences_of_scores_alone(
    tiny: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective: Any = build(tiny("r3gan", **{"networks.discriminator.dropout": 0}))
    score, curves = objective.score, []
    for shift in (0.0, 5.0):
        monkeypatch.setattr(objective, "score", lambda images, shift=shift: score(images) + shift)
        torch.manual_seed(0)
        values = objective.update(images(), 0, lambda player, loss: None)
        curves.append([values["accuracy/real"].item(), values["accuracy/fake"].item()])
    assert curves[0] == curves[1]
    assert max(curves[0]) > 0


def test_a_squared_gradient_is_that_of_each_image() -> None:
    points = tensor([[1.0, 2.0], [0.0, 3.0]]).reshape(2, 1, 1, 2).requires_grad_()
    scores = points.flatten(1).square().sum(1, keepdim=True) / 2  # gradient x
    assert squared_gradient(scores, points).item() == (1 + 4 + 9) / 2


def test_penalties_are_halved_weighted_and_due_in_every_nth_update(tiny: MakeRecipe) -> None:
    changes = {"objective.r1_weight": 3, "objective.r2_weight": 5, "networks.discriminator.dropout": 0}
    every = {"objective.penalty_every": 2}
    objective = build(tiny("r3gan", **changes, **every))
    losses: dict[str, Tensor] = {}
    values = objective.update(images(), 0, losses.__setitem__)
    extra = losses["discriminator"] - values["loss/discriminator"]
    assert extra.item() == pytest.approx((3 * values["penalty/r1"] + 5 * values["penalty/r2"]).item())
    assert not any(name.startswith("penalty") for name in objective.update(images(), 1, losses.__setitem__))


def test_a_penalised_discriminator_has_no_batch_norm(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"networks\.discriminator\.norm"):
        build(tiny("r3gan", **{"networks.discriminator.norm": "batch"}))


def test_a_loss_without_targets_refuses_smoothing(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="no target to smooth"):
        build(tiny("gan", **{"objective.loss": "hinge", "objective.real_label": 0.9}))


@pytest.mark.parametrize(
    ("family", "key", "name", "allowed"),
    [
        ("gan", "objective.loss", "wasserstein", GAN_LOSSES),
        ("vae", "objective.likelihood", "poisson", LIKELIHOODS),
    ],
)
def test_a_loss_that_is_not_there_is_refused_with_those_that_are(
    family: str, key: str, name: str, allowed: dict[str, Any], tiny: MakeRecipe
) -> None:
    with pytest.raises(RecipeError, match=f"^{key} = '{name}': input should be ") as refused:
        build(tiny(family, **{key: name}))
    assert all(repr(loss) in str(refused.value) for loss in allowed)


# --- joint and separate updates


def test_a_joint_update_moves_d_as_a_separate_one_and_g_by_the_d_before(tiny: MakeRecipe) -> None:
    still = {"networks.discriminator.dropout": 0, "optimizer.name": "sgd", "optimizer.lr": 0.5}
    joint, _ = updated(tiny("gan", **still, **{"objective.joint": True}), 1)
    separate, _ = updated(tiny("gan", **still), 1)
    assert distance(joint, separate, "discriminator") < 1e-6
    assert distance(joint, separate, "generator") > 1e-6


@pytest.mark.parametrize(("joint", "passes"), [(True, 2), (False, 3)])
def test_in_a_joint_update_both_players_learn_from_one_pass_of_d_over_the_fakes(
    joint: bool, passes: int, tiny: MakeRecipe
) -> None:
    objective, seen = build(tiny("gan", **{"objective.joint": joint})), []
    objective.networks["discriminator"].register_forward_hook(lambda *_: seen.append(1))
    objective.update(images(), 0, lambda player, loss, retain_graph=False: None)
    assert len(seen) == passes


def test_a_joint_update_has_no_second_round_for_d(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match="joint"):
        tiny("gan", **{"objective.joint": True, "objective.discriminator_steps": 2})


# --- KL: schedules and total correlation


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1, 1]),
        ("linear", [0, 0.25, 0.5, 0.75, 1, 1]),
        ("cyclical", [0, 0.5, 1, 1, 0, 0.5]),
    ],
)
def test_the_kl_weight_follows_its_schedule(schedule: Any, expected: list[float]) -> None:
    assert [kl_factor(step, schedule, 4, 0.5) for step in range(6)] == expected


def test_the_scheduled_weight_stands_in_the_loss_and_on_the_curves(tiny: MakeRecipe) -> None:
    objective = build(
        tiny("vae", **{"objective.kl_weight": 2, "objective.kl_schedule": "linear", "objective.kl_steps": 4})
    )
    values = objective.update(images(), 1, lambda player, loss: None)
    assert values["kl_weight/used"].item() == 0.5
    expected = values["reconstruction/train"] + 0.5 * values["kl/train"]
    assert values["loss/total"].item() == pytest.approx(expected.item())


def test_a_schedule_needs_a_length(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"set objective\.kl_steps"):
        tiny("vae", **{"objective.kl_schedule": "linear"})


def test_the_total_correlation_of_one_number_is_zero() -> None:
    codes = torch.randn(16, 1)
    assert total_correlation(codes, codes, torch.zeros(16, 1)).item() == pytest.approx(0, abs=1e-5)


def test_two_equal_numbers_have_the_total_correlation_of_one() -> None:
    # Narrow posteriors far apart: log q(z) = log 1/n + 2 log peak, each log q(z_d) = log 1/n + log peak.
    places = torch.arange(8.0)[:, None].repeat(1, 2) * 100
    assert total_correlation(places, places, torch.zeros(8, 2)).item() == pytest.approx(log(8), abs=1e-4)


def test_independent_numbers_have_hardly_any_total_correlation() -> None:
    grid = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)) * 100
    assert total_correlation(grid, grid, torch.zeros(16, 2)).item() == pytest.approx(0, abs=1e-4)


def test_beta_weighs_the_total_correlation_within_the_kl(tiny: MakeRecipe) -> None:
    objective = build(tiny("vae", **{"objective.kl_weight": 0.5, "objective.total_correlation_weight": 6}))
    values = objective.update(images(), 0, lambda player, loss: None)
    expected = values["reconstruction/train"] + 0.5 * (values["kl/train"] + 5 * values["total_correlation/train"])
    assert values["loss/total"].item() == pytest.approx(expected.item())


# --- augmentation


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("shape", [(6, 3, 8, 8), (6, 1, 8, 12)])
def test_a_change_keeps_the_shape_differs_by_image_and_lets_gradients_through(name: Any, shape: Any) -> None:
    torch.manual_seed(0)
    one = (torch.rand(1, *shape[1:]) * 2 - 1).expand(shape).clone().requires_grad_()
    changed = augment(one, [name])
    assert changed.shape == shape
    assert len(changed.detach().flatten(1).unique(dim=0)) > 1
    (gradient,) = torch.autograd.grad(changed.square().sum(), one, create_graph=True)
    assert gradient.abs().sum() > 0
    assert gradient.requires_grad, "penalties differentiate twice"


def test_no_change_leaves_images_alone() -> None:
    batch = torch.rand(2, 3, 8, 8)
    assert augment(batch, []) is batch


def test_a_change_follows_from_the_seed() -> None:
    batch, names = torch.rand(4, 3, 8, 8), tuple(AUGMENTATIONS)
    torch.manual_seed(3)
    one = augment(batch, names)
    torch.manual_seed(3)
    assert torch.equal(one, augment(batch, names))


def test_a_translation_moves_by_at_most_an_eighth_and_repeats_the_border() -> None:
    torch.manual_seed(0)
    places = torch.arange(16.0).expand(32, 1, 16, 16)
    moved = translation(places) - places
    assert moved.abs().max() == 2
    inner = moved[:, 0, 8, 2:14]
    assert (inner == inner[:, :1]).all(), "the whole image moves by the same"
    assert set(inner[:, 0].tolist()) == {-2, -1, 0, 1, 2}
    assert translation(places).min() == 0


def test_a_cutout_is_a_rectangle_of_at_most_half_of_each_side() -> None:
    torch.manual_seed(0)
    holes = cutout(torch.ones(64, 3, 8, 6)) == 0
    assert (holes[:, :1] == holes).all()
    high, wide = holes[:, 0].any(2).sum(1), holes[:, 0].any(1).sum(1)
    assert high.max() == 4
    assert wide.max() == 3
    assert torch.equal(holes[:, 0].sum((1, 2)), high * wide)


# --- first weights


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(16, 64, 4, 2, 1), (16, 16, 16)),
        (nn.ConvTranspose2d(64, 64, 4, 2, 1), (64, 8, 8)),
        (nn.Linear(256, 256), (256,)),
    ],
)
def test_he_weights_keep_the_size_of_signals_behind_a_relu(layer: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    initialize(layer, "he")
    with torch.no_grad():
        outputs = layer(torch.randn(32, *shape).relu())
    middle = outputs[..., 2:-2, 2:-2] if outputs.ndim == 4 else outputs
    assert middle.square().mean().item() == pytest.approx(1, rel=0.15)
