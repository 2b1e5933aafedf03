"""Losses against values worked by hand."""

from collections.abc import Callable
from math import exp, log

import pytest
import torch
from torch import Tensor, tensor

from simulacra.objectives.losses import (
    GAN_LOSSES,
    fake_loss,
    kl_to_standard_normal,
    label_hits,
    label_loss,
    real_loss,
    reconstruction_error,
    relativistic_loss,
)


def image(*values: float) -> Tensor:
    """Images of one row of pixels each, one channel; two values an image."""
    return tensor(values).reshape(-1, 1, 1, 2)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_the_kl_of_a_standard_normal_is_zero() -> None:
    assert kl_to_standard_normal(torch.zeros(3, 5), torch.zeros(3, 5)).tolist() == [0.0, 0.0, 0.0]


def test_the_kl_is_summed_over_the_code_and_kept_apart_by_image() -> None:
    # KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - 1 - ln s^2) / 2
    mean, logvar = tensor([[2.0, 0.0], [0.0, 1.0]]), tensor([[0.0, log(4.0)], [0.0, 0.0]])
    expected = [(4 + 1 - 1 - 0) / 2 + (0 + 4 - 1 - log(4.0)) / 2, (1 + 1 - 1) / 2]
    assert kl_to_standard_normal(mean, logvar).tolist() == pytest.approx(expected)


def test_the_kl_is_what_torch_gives() -> None:
    mean, logvar = torch.randn(6, 4), torch.randn(6, 4)
    normal = torch.distributions.Normal
    known = torch.distributions.kl_divergence(normal(mean, (logvar / 2).exp()), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mean, logvar), known)


@pytest.mark.parametrize(
    ("likelihood", "reduction", "expected"),
    [
        ("mse", "mean", (0 + 4 + 1 + 0) / 4),
        ("mse", "sum", (4 + 1) / 2),
        ("l1", "mean", (2 + 1) / 4),
        ("l1", "sum", (2 + 1) / 2),
    ],
)
def test_an_error_is_reduced_over_an_image_and_averaged_over_images(
    likelihood: str, reduction: str, expected: float
) -> None:
    output, images = image(0.5, -1.0, 1.0, 0.0), image(0.5, 1.0, 0.0, 0.0)
    assert reconstruction_error(output, images, likelihood, reduction).item() == pytest.approx(expected)  # type: ignore[arg-type]


def test_the_bernoulli_error_takes_logits_and_images_rescaled_to_0_and_1() -> None:
    output, images = image(2.0, -1.0), image(1.0, -1.0)
    expected = -log(sigmoid(2.0)) - log(1 - sigmoid(-1.0))
    assert reconstruction_error(output, images, "bce", "sum").item() == pytest.approx(expected)
    assert reconstruction_error(output, images, "bce", "mean").item() == pytest.approx(expected / 2)
    grey = reconstruction_error(image(0.0, 0.0), image(0.0, 0.0), "bce", "mean").item()
    assert grey == pytest.approx(log(2)), "a grey pixel is 1/2, not 0"


def test_the_real_loss_is_minus_log_d() -> None:
    logits = tensor([[0.0], [2.0]])
    assert real_loss(logits).item() == pytest.approx((log(2) - log(sigmoid(2.0))) / 2)


def test_a_smoothed_target_costs_the_sure() -> None:
    logits = tensor([[2.0]])
    expected = -0.9 * log(sigmoid(2.0)) - 0.1 * log(1 - sigmoid(2.0))
    assert real_loss(logits, 0.9).item() == pytest.approx(expected)
    assert real_loss(tensor([[20.0]]), 0.9) > real_loss(tensor([[2.0]]), 0.9)


def test_the_fake_loss_is_minus_log_one_minus_d() -> None:
    assert fake_loss(tensor([[0.0], [2.0]])).item() == pytest.approx((log(2) - log(1 - sigmoid(2.0))) / 2)


def test_the_two_losses_of_a_generator() -> None:
    logits = tensor([[-3.0]])
    assert GAN_LOSSES["non-saturating"].generator(logits).item() == pytest.approx(-log(sigmoid(-3.0)))
    assert GAN_LOSSES["minimax"].generator(logits).item() == pytest.approx(log(1 - sigmoid(-3.0)))


@pytest.mark.parametrize("kind", ["non-saturating", "minimax"])
def test_either_loss_of_a_generator_rewards_a_fooled_discriminator(kind: str) -> None:
    logits = tensor([[0.5]], requires_grad=True)
    GAN_LOSSES[kind].generator(logits).backward()
    assert logits.grad is not None
    assert logits.grad.item() < 0


def test_the_label_loss_of_classes_is_one_cross_entropy() -> None:
    logits, labels = tensor([[1.0, 2.0, 0.0]]), tensor([[0.0, 1.0, 0.0]])
    expected = -log(exp(2) / (exp(1) + exp(2) + exp(0)))
    assert label_loss(logits, labels, exclusive=True).item() == pytest.approx(expected)


def test_the_label_loss_of_attributes_is_the_mean_of_one_binary_each() -> None:
    logits, labels = tensor([[1.0, -2.0]]), tensor([[1.0, 1.0]])
    expected = (-log(sigmoid(1.0)) - log(sigmoid(-2.0))) / 2
    assert label_loss(logits, labels, exclusive=False).item() == pytest.approx(expected)


def test_label_hits_count_classes_whole_and_attributes_by_share() -> None:
    logits, labels = tensor([[3.0, 1.0], [-1.0, -2.0]]), tensor([[1.0, 0.0], [0.0, 1.0]])
    assert label_hits(logits, labels, exclusive=True).tolist() == [1.0, 0.0]
    assert label_hits(logits, labels, exclusive=False).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_loss_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = tensor([[9.5], [-9.5]], dtype=dtype)
    losses = [real_loss(logits), fake_loss(logits), relativistic_loss(logits, -logits)]
    losses += [
        part
        for loss in GAN_LOSSES.values()
        for part in (loss.discriminator(logits, logits, 1.0), loss.generator(logits))
    ]
    losses += [label_loss(logits, torch.ones(2, 1), exclusive=kind) for kind in (True, False)]
    losses += [kl_to_standard_normal(logits, logits).mean()]
    losses += [reconstruction_error(logits.reshape(1, 1, 1, 2), image(0.0, 0.0), k, "sum") for k in ("mse", "bce")]
    assert {loss.dtype for loss in losses} == {torch.float32}


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_a_loss_of_a_certain_discriminator_is_finite(logit: float) -> None:
    logits = tensor([[logit]])
    losses = (real_loss(logits), fake_loss(logits), GAN_LOSSES["minimax"].generator(logits))
    assert all(loss.isfinite() for loss in losses)


def test_two_processes_of_half_a_batch_give_the_losses_of_one_with_the_whole() -> None:
    logits, labels, images = torch.randn(8, 2), torch.eye(2).repeat(4, 1), torch.rand(8, 1, 1, 2)
    losses: dict[str, Callable[[slice], Tensor]] = {
        "real": lambda s: real_loss(logits[s], 0.9),
        "fake": lambda s: fake_loss(logits[s]),
        "generator": lambda s: GAN_LOSSES["non-saturating"].generator(logits[s]),
        "classes": lambda s: label_loss(logits[s], labels[s], exclusive=True),
        "attributes": lambda s: label_loss(logits[s], labels[s], exclusive=False),
        "kl": lambda s: kl_to_standard_normal(logits[s], logits[s]).mean(),
        "sum": lambda s: reconstruction_error(logits.reshape(8, 1, 1, 2)[s], images[s], "mse", "sum"),
        "mean": lambda s: reconstruction_error(logits.reshape(8, 1, 1, 2)[s], images[s], "bce", "mean"),
    }
    for name, loss in losses.items():
        halves = (loss(slice(0, None, 2)) + loss(slice(1, None, 2))) / 2
        torch.testing.assert_close(halves, loss(slice(None)), msg=name)
