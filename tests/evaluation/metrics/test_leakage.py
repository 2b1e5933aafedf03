"""Leakage, corrections and information: cases worked by hand."""

from math import inf, isnan, log

import numpy as np
import pytest

from simulacra.evaluation.metrics import correction
from simulacra.evaluation.metrics.conditions import binned, chance_information, information
from simulacra.evaluation.metrics.leakage import crossed, effects, ratio, resampled, shares


def test_turning_on_counts_as_it_is_and_turning_off_with_its_sign_about() -> None:
    before = np.array([[0.1, 0.5], [0.9, 0.5]])
    after = np.array([[[0.8, 0.5], [0.2, 0.3]]])  # one label: on in the first image, off in the second
    moved = effects(before, after, np.array([[False], [True]]))
    assert moved.shape == (2, 1, 2)
    assert np.allclose(moved, [[[0.7, 0.0]], [[0.7, 0.2]]])


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[0.8, 0.0], [0.0, 0.6]], 0.0),
        ([[0.8, 0.2], [-0.1, 0.4]], 0.25),  # (0.2 + 0.1) / 2 over (0.8 + 0.4) / 2
        ([[1.0, 1.0, 0.0], [1.0, 1.0, 9.0]], 1.0),  # the third column is no asked label
        ([[0.5, 0.1, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.5]], 0.1),  # 0.3 / 6 over 1.5 / 3
        ([[0.0, 0.1], [0.1, 0.0]], inf),
    ],
)
def test_leakage_is_the_mean_off_the_diagonal_over_that_on_it(matrix, expected) -> None:
    assert ratio(np.array(matrix)) == pytest.approx(expected)


def test_one_label_alone_has_nothing_to_leak_into() -> None:
    assert isnan(ratio(np.array([[0.5]])))


def test_classes_are_crossed_and_each_row_shared_out() -> None:
    asked, told = np.eye(3, dtype=bool)[[0, 0, 0, 1]], np.eye(3, dtype=bool)[[0, 0, 2, 1]]
    cells = crossed(asked, told)
    assert cells.shape == (4, 3, 3)
    assert np.allclose(shares(cells.mean(0)), [[2 / 3, 0, 1 / 3], [0, 1, 0], [0, 0, 0]])


def test_an_interval_holds_the_value_narrows_with_n_and_repeats() -> None:
    values = np.random.default_rng(0).normal(1, 1, 1600)
    few, many = resampled(values[:100], float), resampled(values, float)
    assert many == resampled(values, float)
    for one, n in ((few, 100), (many, 1600)):
        assert one.low < one.value < one.high
        assert one.high - one.low == pytest.approx(2 * 1.96 / n**0.5, rel=0.15)


def test_a_number_that_is_not_finite_in_some_draw_has_no_interval() -> None:
    found = resampled(np.array([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]]), ratio)
    assert (found.value, found.low, found.high) == (1.0, None, None)


def attribute(samples: np.ndarray, real: np.ndarray) -> correction.Shares | None:
    (share,) = correction.attributes(samples[None], real[None])
    return share


def test_an_attribute_is_corrected_by_sensitivity_and_specificity() -> None:
    real = np.array([[90, 10], [20, 80]])  # specificity 0.9, sensitivity 0.8
    samples = np.array([[65, 35], [30, 70]])
    # On: (0.7 + 0.9 - 1) / 0.7 = 6/7 have it. Off: (0.35 - 0.1) / 0.7 = 5/14 have it, 9/14 do not.
    found = attribute(samples, real)
    assert found.values == pytest.approx((6 / 7 + 9 / 14) / 2)
    low, high = found.estimate.low, found.estimate.high
    assert 0.5 < low < found.values < high < 1


def test_a_perfect_judge_needs_no_correction_and_a_model_as_good_as_the_judge_is_perfect() -> None:
    sure, samples = np.array([[50, 0], [0, 50]]), np.array([[40, 10], [5, 45]])
    plain = attribute(samples, sure)
    assert plain.values == pytest.approx(0.85)
    real = np.array([[90, 10], [20, 80]])
    same = attribute(real, real)
    assert same.values == pytest.approx(1)


@pytest.mark.parametrize("real", [[[90, 10], [85, 15]], [[100, 0], [0, 0]], [[0, 100], [0, 50]]])
def test_a_judge_that_tells_nothing_apart_corrects_nothing(real) -> None:
    assert attribute(np.array([[5, 5], [5, 5]]), np.array(real)) is None


def test_a_class_that_the_judge_never_names_is_not_corrected() -> None:
    real = np.array([[50, 0, 0], [0, 50, 0], [10, 10, 0]])
    assert correction.distinguished(real).tolist() == [True, True, False]
    found = correction.classes(np.array([[20, 0, 0], [0, 20, 0], [10, 10, 0]]), real)
    assert [one is None for one in found] == [False, False, True]


def test_an_attribute_that_the_judge_never_names_is_not_distinguished() -> None:
    real = np.array([[[980, 0], [20, 0]], [[90, 10], [20, 80]], [[100, 0], [0, 0]], [[90, 10], [85, 15]]])
    assert correction.distinguished(real).tolist() == [False, True, False, False]


def test_errors_of_several_attributes_even_out() -> None:
    real, samples = np.array([[90, 10], [20, 80]]), np.array([[65, 35], [30, 70]])
    parts = correction.attributes(np.stack([samples] * 4), np.stack([real] * 4))
    one, *others = [part for part in parts if part is not None]
    assert len(others) == 3
    spread = np.std(correction.together([one, *others], np.ones(4)).draws) / np.std(one.draws)
    assert spread == pytest.approx(1 / 2, abs=0.05), "as of four that have nothing to do with one another"


def test_a_share_is_corrected_alike_whoever_asks() -> None:
    real = np.array([[90, 10], [20, 80]])
    found = attribute(np.array([[0, 0], [30, 70]]), real)
    shares = correction.corrected(np.array([[True]] * 70 + [[False]] * 30), real[None])
    assert found.values == pytest.approx(shares.values[0])
    assert found.estimate.low == pytest.approx(shares.limits[0][0], abs=0.02)
    # The same attribute as two classes.
    asked = correction.classes(np.array([[0, 0], [30, 70]]), real)[1]
    assert asked.values == pytest.approx(found.values)


def test_classes_are_unmixed() -> None:
    mixing = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
    for true in ([1, 0, 0], [0.5, 0.25, 0.25], [0, 0, 1]):
        assert np.allclose(correction.unmixed(np.array(true) @ mixing, mixing), true, atol=1e-6)
    found = correction.unmixed(np.array([1.0, 0, 0]), mixing)  # more than any class gives: held in bounds
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(1)


def test_each_class_asked_for_is_corrected_and_one_that_was_not_is_not() -> None:
    real = np.array([[80, 20, 0], [10, 90, 0], [0, 0, 50]])
    samples = np.array([[80, 20, 0], [0, 0, 0], [100, 0, 100]])
    first, none, third = correction.classes(samples, real)
    assert none is None
    assert first.values == pytest.approx(1, abs=1e-6)
    assert third.values == pytest.approx(0.5, abs=0.05)
    mean = correction.together([first, third], np.array([100.0, 200.0]))
    assert mean.values == pytest.approx((first.values + 2 * third.values) / 3)
    assert correction.classes(samples, np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]])) == [None] * 3


def test_information_is_an_entropy_where_one_decides_the_other_and_nothing_where_none_does() -> None:
    a = np.arange(1000) % 4
    assert information(a, a % 2).value == pytest.approx(log(2), abs=0.002)
    # 4 cells in use, 4 rows, 2 columns: (4 - 4 - 2 + 1) / 2000 is added
    assert information(a, a % 2).value == pytest.approx(log(2) + 1 / 2000)
    assert information(a, np.zeros(1000, int)).value == 0
    independent = information(a, np.arange(1000) // 4 % 2)
    assert independent.value == 0


def test_information_of_a_table_worked_by_hand() -> None:
    # 30 pairs (0, 0), 10 (0, 1), 10 (1, 0), 30 (1, 1): 0.75 log 1.5 + 0.25 log 0.5, less 1 / 160.
    a, b = np.repeat([0, 0, 1, 1], [30, 10, 10, 30]), np.repeat([0, 1, 0, 1], [30, 10, 10, 30])
    found = information(a, b)
    assert found.value == pytest.approx(0.75 * log(1.5) + 0.25 * log(0.5) - 1 / 160)
    assert 0 < found.low < found.value < found.high


def test_chance_is_above_what_noise_gives_and_below_what_is_there() -> None:
    random = np.random.default_rng(0)
    a = random.integers(0, 10, 500)
    noise, told = random.integers(0, 2, 500), (a < 5).astype(int)
    assert 0 < chance_information(a, noise) < 0.02
    assert information(a, told).value > 30 * chance_information(a, told)
    assert chance_information(a, noise) == chance_information(a, noise)


def test_values_are_binned_into_equally_many() -> None:
    found = binned(np.random.default_rng(0).normal(size=100))
    assert np.bincount(found).tolist() == [10] * 10
    assert binned(np.array([0.3, -1.0, 2.0]), 3).tolist() == [1, 0, 2]
