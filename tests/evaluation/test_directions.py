"""Directions in a code: found where they are known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from simulacra.evaluation.directions import Directions, learn
from simulacra.evaluation.subject import Subject

Make = Callable[..., Subject]


@pytest.fixture
def flat(subject: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[Tensor], Subject]:
    """flat(slope): a subject whose picture is linear in its noise (3), slope being (3, pixels)."""

    def make(slope: Tensor) -> Subject:
        one = subject("acgan")
        pixels = 8 * 8 * 3

        def decode(codes: Tensor) -> Tensor:
            # The labels change the picture far more than the noise, and must not count.
            return (codes[:, :3] @ slope + 0.5 * codes[:, 3:4]).reshape(-1, 3, 8, 8).expand(len(codes), 3, 8, 8)

        assert slope.shape == (3, pixels)
        monkeypatch.setattr(one.objective, "decode", decode)
        return one

    return make


def test_the_first_direction_is_the_one_that_changes_the_picture_most(flat: Any) -> None:
    ways = torch.linalg.qr(torch.tensor([[1.0, 2, 0], [0, 1, -1], [3, 0, 1]]))[0].T
    shapes = torch.linalg.qr(torch.randn(192, 3, generator=torch.Generator().manual_seed(0)))[0].T
    slope = ways.T @ torch.diag(torch.tensor([0.3, 0.9, 0.6])) @ shapes
    found = Directions(flat(slope)).turns
    assert torch.allclose(found @ found.T, torch.eye(3), atol=1e-5)
    overlap = (found @ ways.T).abs()
    assert torch.allclose(overlap, torch.eye(3)[[1, 2, 0]], atol=0.05), overlap
    assert all(row[row.abs().argmax()] > 0 for row in found)


def known(codes: Any, labels: Any, names: list[str]) -> dict[str, Any]:
    return {"codes": codes.astype(np.float32), "labels": labels.astype(np.uint8), "label_names": np.array(names)}


def test_an_attribute_takes_along_what_comes_with_it_in_the_data(subject: Make) -> None:
    random = np.random.default_rng(0)
    hat = random.integers(0, 2, 4000)
    beard = np.where(random.random(4000) < 0.9, hat, 1 - hat)  # who has a hat mostly has a beard
    codes = np.stack([2.0 * hat, -1.0 * beard, np.zeros(4000)], 1) + 0.1 * random.normal(size=(4000, 3))
    always = np.ones(4000)
    found = Directions(
        subject("gan"), known(codes, np.stack([hat, beard, always], 1), ["Hat", "Beard", "Face"])
    ).attributes
    assert set(found) == {"Hat", "Beard"}, "a label that all have has no direction"
    # Of those with a hat 9 in 10 have a beard, of those without 1 in 10; and the other way round.
    assert np.allclose(found["Hat"], [2, -0.8, 0], atol=0.1)
    assert np.allclose(found["Beard"], [1.6, -1, 0], atol=0.1)


def test_directions_that_are_kept_go_before_those_of_the_map(subject: Make) -> None:
    hat = np.arange(20) % 2
    of_map = known(np.stack([hat, 0 * hat, 0 * hat], 1), hat[:, None], ["Hat"])
    codes = np.stack([0 * hat, 3 * hat, 0 * hat], 1).astype(np.float32)
    rows = np.stack([hat, 0 * hat], 1).astype(np.uint8)
    kept = learn(codes, rows, ("Hat", "Never"), step=1, source="codes")
    one = subject("gan")
    found = Directions(one, of_map, kept).attributes
    assert {name: way.tolist() for name, way in found.items()} == {"Hat": [0, 3, 0]}
    assert Directions(one, of_map).attributes["Hat"].tolist() == [1, 0, 0]
    wider = learn(np.pad(codes, ((0, 0), (0, 1))), rows, ("Hat", "Never"), step=1, source="codes of another model")
    assert Directions(one, of_map, wider).attributes["Hat"].tolist() == [1, 0, 0]


def test_a_label_of_the_code_itself_is_set_and_has_no_direction(subject: Make) -> None:
    one = subject("acgan")
    width = one.generates.code.width
    codes, column = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32), np.arange(20) % 2
    kept = learn(codes, np.stack([column] * 2, 1).astype(np.uint8), ("Smiling", "Hat"), step=1, source="codes")
    assert one.recipe.data.labels[0] == "Smiling"
    assert set(Directions(one, None, kept).attributes) == {"Hat"}


def test_the_kl_or_else_the_spread_tells_which_numbers_carry_something(subject: Make) -> None:
    codes = np.random.default_rng(0).normal(size=(500, 3)) * [0.01, 2, 1]
    one, of_map = subject("vae"), known(codes, np.zeros((500, 0)), [])
    worth = Directions(one, of_map).worth
    assert worth is not None
    assert (worth[0], worth[1].argsort().tolist()) == ("spread", [0, 2, 1])
    nats = np.array([0.5, 0.1, 2], np.float32)
    worth = Directions(one, of_map | {"kl": nats}).worth
    assert worth is not None
    assert (worth[0], worth[1].tolist()) == ("KL", nats.tolist())


@pytest.mark.parametrize("codes", [np.zeros((5, 4)), np.zeros(5), np.zeros((0, 9))])
def test_codes_of_another_model_are_not_taken(codes: Any, subject: Make) -> None:
    directions = Directions(subject("gan"), known(codes, np.zeros((len(codes), 1)), ["Hat"]))
    assert directions.worth is None
    assert directions.attributes == {}
