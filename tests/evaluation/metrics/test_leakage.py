"""Leakage and information: cases worked by hand."""

from math import inf, isnan, log

import numpy as np
import pytest

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
