"""Directions in a code: found where they are known. Directions, against cases worked by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from simulacra.evaluation.directions import (
    Directions,
    kept_of,
    learn,
    mean_direction,
    moved,
    normal_direction,
    separation,
    share_left,
    to_bytes,
    without,
)
from simulacra.evaluation.subject import Subject
from simulacra.runs import RunFolder

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


def test_the_first_direction_is_the_one_that_changes_the_picture_most(flat) -> None:
    ways = torch.linalg.qr(torch.tensor([[1.0, 2, 0], [0, 1, -1], [3, 0, 1]]))[0].T
    shapes = torch.linalg.qr(torch.randn(192, 3, generator=torch.Generator().manual_seed(0)))[0].T
    slope = ways.T @ torch.diag(torch.tensor([0.3, 0.9, 0.6])) @ shapes
    found = Directions(flat(slope)).principal
    assert torch.allclose(found @ found.T, torch.eye(3), atol=1e-5)
    overlap = (found @ ways.T).abs()
    assert torch.allclose(overlap, torch.eye(3)[[1, 2, 0]], atol=0.05), overlap
    assert all(row[row.abs().argmax()] > 0 for row in found)


def known(codes: Any, labels: Any, names: list[str]) -> dict[str, Any]:
    return {"codes": codes.astype(np.float32), "labels": labels.astype(np.uint8), "label_names": np.array(names)}


def test_an_attribute_takes_along_what_comes_with_it_in_the_data(subject) -> None:
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


def test_directions_that_are_kept_go_before_those_of_the_map(subject) -> None:
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


def test_a_label_of_the_code_itself_is_set_and_has_no_direction(subject) -> None:
    one = subject("acgan")
    width = one.generates.code.width
    codes, column = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32), np.arange(20) % 2
    kept = learn(codes, np.stack([column] * 2, 1).astype(np.uint8), ("Smiling", "Hat"), step=1, source="codes")
    assert one.recipe.data.labels[0] == "Smiling"
    assert set(Directions(one, None, kept).attributes) == {"Hat"}


def test_the_kl_or_else_the_spread_tells_which_numbers_carry_something(subject) -> None:
    codes = np.random.default_rng(0).normal(size=(500, 3)) * [0.01, 2, 1]
    one, of_map = subject("vae"), known(codes, np.zeros((500, 0)), [])
    activity = Directions(one, of_map).activity
    assert (activity[0], activity[1].argsort().tolist()) == ("spread", [0, 2, 1])
    nats = np.array([0.5, 0.1, 2], np.float32)
    activity = Directions(one, of_map | {"kl": nats}).activity
    assert (activity[0], activity[1].tolist()) == ("KL", nats.tolist())


@pytest.mark.parametrize("codes", [np.zeros((5, 4)), np.zeros(5), np.zeros((0, 9))])
def test_codes_of_another_model_are_not_taken(codes, subject) -> None:
    directions = Directions(subject("gan"), known(codes, np.zeros((len(codes), 1)), ["Hat"]))
    assert directions.activity is None
    assert directions.attributes == {}


# Six codes at the corners of a box: the label is whether the first number is 4, the second number tells nothing.
CODES = np.array([[0, 0], [0, 2], [0, 4], [4, 0], [4, 2], [4, 4]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1], np.uint8)


def test_the_mean_direction_leads_from_one_mean_to_the_other() -> None:
    found = mean_direction(CODES, LABELS)
    assert found.tolist() == [4, 0]


def test_the_normal_stands_on_the_plane_between_the_groups_and_is_as_long_as_their_means_are_apart_along_it() -> None:
    found = normal_direction(CODES, LABELS)
    assert found.direction == pytest.approx([4, 0], abs=0.1)


def test_the_normal_leaves_out_what_only_comes_along_with_a_label() -> None:
    random = np.random.default_rng(0)
    along = random.normal(size=400)
    labels = (along + random.normal(size=400) * 0.3 > 0).astype(np.uint8)
    # The second number follows the first and tells nothing more: means differ in it, the normal does not point there.
    codes = np.stack([along, along + random.normal(size=400)], 1).astype(np.float32)
    mean, normal = mean_direction(codes, labels), normal_direction(codes, labels)
    assert abs(mean[1] / mean[0]) > 0.8
    assert abs(normal.direction[1] / normal.direction[0]) < 0.15
    assert normal.separation > 0.85
    unit = normal.direction / np.linalg.norm(normal.direction)
    assert normal.direction @ unit == pytest.approx(mean @ unit, rel=1e-5)


@pytest.mark.parametrize("labels", [[0] * 6, [1] * 6, [0, 0, 0, 0, 0, 1]])
def test_there_is_no_direction_where_a_group_has_no_two_codes(labels) -> None:
    assert mean_direction(CODES, np.array(labels, np.uint8)) is None
    assert normal_direction(CODES, np.array(labels, np.uint8)) is None


def test_what_is_kept_is_taken_out_of_a_direction() -> None:
    assert without(np.float32([3, 4]), np.float32([[2, 0]])).tolist() == pytest.approx([0, 4])
    assert without(np.float32([3, 4]), np.float32([[1, 1]])).tolist() == pytest.approx([-0.5, 0.5])
    # Two that are not at right angles span the first two axes, so that only the third is left.
    both = np.float32([[1, 0, 0], [1, 1, 0]])
    assert without(np.float32([1, 2, 3]), both) == pytest.approx([0, 0, 3], abs=1e-6)
    assert without(np.float32([5, 7, 0]), both) == pytest.approx([0, 0, 0], abs=1e-5)


def test_taking_out_twice_the_same_is_taking_it_out_once() -> None:
    assert without(np.float32([3, 4]), np.float32([[2, 0], [4, 0]])).tolist() == pytest.approx([0, 4])


def test_the_share_that_is_left() -> None:
    assert share_left(np.float32([3, 4]), np.float32([0, 4])) == pytest.approx(0.8)
    assert share_left(np.float32([0, 0]), np.float32([0, 0])) == 0


def test_separation_is_the_mean_of_both_groups_shares() -> None:
    told, labels = np.array([1, 1, 1, 0, 0], np.uint8), np.array([1, 1, 0, 0, 0], np.uint8)
    assert separation(told, labels) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(separation(told[:2], labels[:2]))


def test_each_code_goes_its_own_way_by_each_strength() -> None:
    found = moved(np.float32([[1, 1], [2, 2]]), np.float32([[1, 0], [0, 1]]), (-1, 0, 2))
    assert found.tolist() == [[[0, 1], [1, 1], [3, 1]], [[2, 1], [2, 2], [2, 4]]]


def test_directions_are_kept_and_read_again(tmp_path) -> None:
    rows = np.stack([LABELS, np.ones(6, np.uint8)], 1)
    found = learn(CODES, rows, ("Smiling", "Always"), step=7, source="six codes")
    run, path = RunFolder(tmp_path), tmp_path / "directions.npz"
    path.write_bytes(to_bytes(found))
    kept = kept_of(run, 7)
    assert (kept.names, kept.source) == (("Smiling", "Always"), "six codes")
    assert np.array_equal(kept.mean[0], [4, 0])
    assert kept.of("Always", "mean") is None
    assert kept_of(run, 8) is None, "other weights, other codes"
    path.write_bytes(to_bytes(found)[:99])
    assert kept_of(run, 7) is None
