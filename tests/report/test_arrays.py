"""Arrays of a picture's file are checked before they are shown."""

import numpy as np
import pytest

from simulacra.report.arrays import Unreadable, image_pairs, images, names, numbers, scalar, text


def test_numbers_have_the_shape_that_is_asked_for() -> None:
    arrays = {"shares": np.ones((3, 2), np.float32)}
    assert numbers(arrays, "shares", (None, 2)).dtype == np.float64
    with pytest.raises(Unreadable, match=r"it has no array 'shares' of any × 5 numbers"):
        numbers(arrays, "shares", (None, 5))


@pytest.mark.parametrize("array", [np.zeros((0, 2)), np.array([["a", "b"]]), np.zeros(2), np.array([[np.inf, 0]])])
def test_what_holds_no_finite_numbers_is_refused(array: np.ndarray) -> None:
    with pytest.raises(Unreadable, match="'shares'"):
        numbers({"shares": array}, "shares", (None, None))


def test_images_are_uint8_of_one_or_three_channels() -> None:
    arrays = {"a": np.zeros((2, 4, 4, 3), np.uint8), "b": np.zeros((2, 4, 4, 2), np.uint8), "c": np.zeros((2, 4, 4, 3))}
    assert images(arrays, "a").shape == (2, 4, 4, 3)
    for key in ("b", "c", "d"):
        with pytest.raises(Unreadable, match=f"{key}"):
            images(arrays, key)
    with pytest.raises(Unreadable, match="'b' is uint8"):
        image_pairs(arrays, "a", "b")


def test_names_that_are_missing_are_numbered() -> None:
    assert names({"labels": np.array(["Hat", ""])}, "labels", 2) == ["Hat", "label 2"]
    assert names({}, "labels", 2) == ["label 1", "label 2"]


def test_single_values_are_read_or_missing() -> None:
    arrays = {"step": np.array(3), "end": np.array(np.inf), "flag": np.array(True), "name": np.array("a\x07 b")}
    assert [scalar(arrays, key) for key in ("step", "end", "flag", "name", "none")] == [3, None, 1, None, None]
    assert (text(arrays, "name"), text(arrays, "none")) == ("a b", "")
