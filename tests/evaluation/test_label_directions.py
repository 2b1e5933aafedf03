"""Directions, against cases worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from simulacra.evaluation.directions import (
    learn,
    mean_direction,
    moved,
    normal_direction,
    read,
    separation,
    share_left,
    to_bytes,
    without,
)

# Six codes at the corners of a box: the label is whether the first number is 4, the second number tells nothing.
CODES = np.array([[0, 0], [0, 2], [0, 4], [4, 0], [4, 2], [4, 4]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1], np.uint8)


def test_the_mean_direction_leads_from_one_mean_to_the_other() -> None:
    found = mean_direction(CODES, LABELS)
    assert found is not None
    assert found.tolist() == [4, 0]


def test_the_normal_stands_on_the_plane_between_the_groups_and_is_as_long_as_their_means_are_apart_along_it() -> None:
    found = normal_direction(CODES, LABELS)
    assert found is not None
    assert found.direction == pytest.approx([4, 0], abs=0.1)


def test_the_normal_leaves_out_what_only_comes_along_with_a_label() -> None:
    random = np.random.default_rng(0)
    along = random.normal(size=400)
    labels = (along + random.normal(size=400) * 0.3 > 0).astype(np.uint8)
    # The second number follows the first and tells nothing more: means differ in it, the normal does not point there.
    codes = np.stack([along, along + random.normal(size=400)], 1).astype(np.float32)
    mean, normal = mean_direction(codes, labels), normal_direction(codes, labels)
    assert mean is not None
    assert normal is not None
    assert abs(mean[1] / mean[0]) > 0.8
    assert abs(normal.direction[1] / normal.direction[0]) < 0.15
    assert normal.separation > 0.85
    unit = normal.direction / np.linalg.norm(normal.direction)
    assert normal.direction @ unit == pytest.approx(mean @ unit, rel=1e-5)


@pytest.mark.parametrize("labels", [[0] * 6, [1] * 6, [0, 0, 0, 0, 0, 1]])
def test_there_is_no_direction_where_a_group_has_no_two_codes(labels: list[int]) -> None:
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


def test_directions_are_kept_and_read_again(tmp_path: Path) -> None:
    rows = np.stack([LABELS, np.ones(6, np.uint8)], 1)
    found = learn(CODES, rows, ("Smiling", "Always"), step=7, source="six codes")
    path = tmp_path / "directions.npz"
    path.write_bytes(to_bytes(found))
    kept = read(path, 7)
    assert kept is not None
    assert (kept.names, kept.source) == (("Smiling", "Always"), "six codes")
    assert np.array_equal(kept.mean[0], [4, 0])
    assert kept.of("Always", "mean") is None
    assert read(path, 8) is None, "other weights, other codes"
    path.write_bytes(to_bytes(found)[:99])
    assert read(path, 7) is None
