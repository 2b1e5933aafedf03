"""Classifier: its losses by hand, an image at a time, and what smoothing does to the target."""

from collections.abc import Callable
from math import exp, log
from typing import Any

import pytest
import torch
from torch import tensor

from simulacra.data.batches import Batch
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.errors import RecipeError
from simulacra.objectives import build
from simulacra.objectives.losses import label_loss, label_losses
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_the_loss_of_classes_is_told_for_every_image() -> None:
    logits, labels = tensor([[0.0, 0.0], [1.0, 0.0]]), tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = [log(2), log(1 + exp(1))]
    assert label_losses(logits, labels, exclusive=True).tolist() == pytest.approx(expected)
    assert label_loss(logits, labels, exclusive=True).item() == pytest.approx(sum(expected) / 2)


def test_the_loss_of_attributes_is_told_for_every_image() -> None:
    logits, labels = tensor([[0.0, 2.0], [0.0, 0.0]]), tensor([[1.0, 1.0], [0.0, 1.0]])
    assert label_losses(logits, labels, exclusive=False).tolist() == pytest.approx(
        [(log(2) + log(1 + exp(-2))) / 2, log(2)]
    )


def test_smoothing_spreads_a_share_over_all_classes() -> None:
    logits, labels = tensor([[2.0, 0.0, 0.0, 0.0]]), tensor([[1.0, 0.0, 0.0, 0.0]])
    total = log(exp(2) + 3)
    expected = 0.9 * (total - 2) + 0.1 / 4 * ((total - 2) + 3 * total)
    assert label_losses(logits, labels, exclusive=True, smoothing=0.1).item() == pytest.approx(expected)


def test_smoothing_of_an_attribute_draws_its_target_to_the_middle() -> None:
    logits, labels = tensor([[2.0]]), tensor([[1.0]])
    expected = 0.95 * log(1 + exp(-2)) + 0.05 * log(1 + exp(2))
    assert label_losses(logits, labels, exclusive=False, smoothing=0.1).item() == pytest.approx(expected)


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_classifier_learns_what_can_be_told(exclusive: bool, tiny: MakeRecipe) -> None:
    changes = {"data.exclusive": exclusive, "networks.encoder.dropout": 0, "optimizer.lr": 1e-2}
    recipe = tiny("classifier", **changes)
    objective: Any = build(recipe)
    optimize = Optimizers(objective, recipe.optimizer, Devices("cpu", "float32"))
    labels = torch.eye(2).repeat(4, 1)
    batch = Batch((labels[:, :1, None, None] * 2 - 1).expand(8, 3, 8, 8).contiguous(), labels)
    rows = [objective.update(batch, step, optimize) for step in range(20)]
    assert rows[-1]["loss/train"] < rows[0]["loss/train"] / 2
    assert rows[-1]["accuracy/train"] == 1


def test_a_held_out_loss_is_never_smoothed(tiny: MakeRecipe) -> None:
    objective: Any = build(tiny("classifier", **{"objective.label_smoothing": 0.3}))
    batch = Batch(torch.rand(4, 3, 8, 8), torch.eye(2).repeat(2, 1))
    with objective.evaluating():
        values = objective.validate(batch)
        expected = label_losses(objective.logits(batch.images), batch.labels, exclusive=False)
    torch.testing.assert_close(values["loss"], expected)
    assert values["accuracy"].shape == (4,)


def test_a_classifier_needs_labels(tiny: MakeRecipe) -> None:
    with pytest.raises(RecipeError, match=r"needs data\.labels"):
        tiny("classifier", **{"data.labels": []})
