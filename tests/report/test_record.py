"""The numbers of a run: the newest ones, those that were measured alike; texts and arrays as they may be shown."""

from typing import Any

import numpy as np
import pytest

from simulacra.measurements import Measurement
from simulacra.report.record import (
    Unreadable,
    apart,
    image_pairs,
    images,
    method,
    names,
    names_of,
    newest,
    numbers,
    read,
    scalar,
    series_of,
    text,
)


def rows(*changes: dict[str, Any]) -> list[Measurement]:
    row = {"metric": "recall", "split": "test", "value": 0.5, "n": 500, "step": 1}
    return [Measurement.from_json(row | change) for change in changes]


def test_a_subject_is_shown_at_its_newest_step_under_each_of_its_conditions() -> None:
    measured = rows({}, {"step": 2}, {"step": 2, "n": 900}, {"n": 100}, {"split": "train"})
    assert [(row.split, row.step, row.n) for row in newest(measured)] == [
        ("test", 2, 500),
        ("test", 2, 900),
        ("train", 1, 500),
    ]


def test_rows_of_two_codes_are_two_numbers() -> None:
    assert [row.code for row in newest(rows({"code": "a"}, {"code": "b"}))] == ["a", "b"]


def test_numbers_of_another_n_are_another_series() -> None:
    series = series_of(rows({"step": 1}, {"step": 2}, {"step": 2, "n": 2000}))
    assert [[row.step for row in numbers] for numbers in series] == [[1, 2], [2]]
    assert names_of(series) == [["n 500"], ["n 2,000"]]
    assert names_of(series[:1]) == [[]], "nothing to tell it apart from"


def test_a_method_names_the_weights_where_it_is_asked_to() -> None:
    (row,) = rows({"extractor": "vgg", "judge": "judge 1", "weights": "averaged"})
    assert method(row.conditions) == ["n 500", "vgg", "judge 1"]
    assert method(row.conditions, weights=True) == ["n 500", "vgg", "judge 1", "EMA weights"]


def test_texts_of_evaluations_are_safe_to_show(fake, run) -> None:
    for name in (*fake.hostile, "\u202e"):
        run.append("evaluations", {"metric": name, "label": name, "value": 1.0, "step": 1, "why": name})
    evaluations = read(run, "run").evaluations
    texts = [text for row in evaluations for text in (row.metric, row.label, row.why) if text]
    assert all(text.isprintable() and len(text) <= 400 for text in texts)
    assert max(len(row.label or "") for row in evaluations) <= 60
    assert [row.metric for row in evaluations][-1] == "value", "nothing printable is left of the name"


def test_numbers_have_the_shape_that_is_asked_for() -> None:
    arrays = {"shares": np.ones((3, 2), np.float32)}
    assert numbers(arrays, "shares", (None, 2)).dtype == np.float64
    with pytest.raises(Unreadable, match=r"it has no array 'shares' of any × 5 numbers"):
        numbers(arrays, "shares", (None, 5))


@pytest.mark.parametrize("array", [np.zeros((0, 2)), np.array([["a", "b"]]), np.zeros(2), np.array([[np.inf, 0]])])
def test_what_holds_no_finite_numbers_is_refused(array) -> None:
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


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([0, 168, 840, 1000, 1679, 1705], [0, 168, 840, 1000, 1705]),
        ([0, 168, 840, 1000, 1508], [0, 168, 840, 1000, 1508]),
        ([0, 1, 2, 4, 1000], [0, 1, 2, 4, 1000]),
        ([0, 980, 990, 1000], [0, 1000]),
        ([990, 1000], [990, 1000]),
        ([7], [7]),
        ([], []),
    ],
)
def test_a_snapshot_that_hardly_differs_from_the_next_one_is_left_out(steps, kept) -> None:
    assert [steps[index] for index in apart(steps, range(len(steps)))] == kept
