"""Disentanglement, by cases whose answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score

from simulacra.evaluation.metrics.disentanglement import (
    Factor,
    explain,
    factor_of,
    gaps,
    information,
    majority_votes,
    mutual_information_gap,
    separated_predictability,
    spread_of,
)

Array = NDArray[np.float64]


def grid(repeats: int = 40) -> Array:
    """Every combination of a factor of 4 classes and one of 5, evenly: (repeats * 20, 2)."""
    a, b = np.divmod(np.arange(20), 5)
    return np.tile(np.stack([a, b], 1), (repeats, 1)).astype(float)


def factors(values: Array) -> list[Factor]:
    return [factor_of(values[:, place]) for place in range(values.shape[1])]


def scores(codes: Array, values: Array) -> dict[str, float | None]:
    known = factors(values)
    explained = explain(codes, known, np.random.default_rng(0))
    return {
        "mig": float(mutual_information_gap(codes, known).mean()),
        "sap": float(separated_predictability(codes, known, np.random.default_rng(0)).mean()),
        "votes": majority_votes(codes, known, np.random.default_rng(0), size=20, votes=100),
        "disentanglement": explained["dci_disentanglement"],
        "completeness": explained["dci_completeness"],
        "informativeness": explained["dci_informativeness"],
    }


def noise(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).normal(size=shape)


def test_a_perfect_code_gets_one_everywhere_but_in_sap_where_guessing_counts() -> None:
    found = scores(grid(), grid())
    # The second best number knows nothing: it guesses one of 4 classes, or of 5.
    assert found.pop("sap") == pytest.approx(1 - (1 / 4 + 1 / 5) / 2, abs=0.03)
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=0.01)


def test_order_sign_and_scale_of_numbers_do_not_matter() -> None:
    values = grid()
    turned = values[:, ::-1] * [-3.0, 0.2] + 7
    assert scores(turned, values) == pytest.approx(scores(values, values), abs=0.01)


def test_a_dead_number_changes_nothing() -> None:
    values = grid()
    dead = np.column_stack([values, np.zeros(len(values)), 1e-3 * noise((len(values),))])
    with_dead, without = scores(dead, values), scores(values, values)
    assert with_dead == pytest.approx(without, abs=0.05)


def test_a_rotated_code_tells_as_much_but_no_number_means_one_thing() -> None:
    values = np.random.default_rng(0).uniform(size=(2000, 2))
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    straight, rotated = scores(values, values), scores(values @ turn, values)
    assert straight["mig"] > 0.8 > 0.1 > rotated["mig"]
    assert straight["sap"] > 0.95 > 0.1 > rotated["sap"]
    assert straight["disentanglement"] > 0.9 > 0.4 > rotated["disentanglement"]
    assert straight["completeness"] > 0.9 > 0.4 > rotated["completeness"]
    assert rotated["informativeness"] > 0.9


def test_a_number_that_is_there_twice_costs_completeness_and_the_gaps_not_disentanglement() -> None:
    values = grid()
    found = scores(np.column_stack([values, values]), values)
    assert found["mig"] == found["sap"] == 0
    assert found["disentanglement"] == pytest.approx(1, abs=0.01)
    assert found["completeness"] < 0.7
    assert found["votes"] == found["informativeness"] == 1


def test_codes_of_other_images_get_nothing_but_chance() -> None:
    values = grid()
    found = scores(noise((800, 4)), values)
    assert found["votes"] == pytest.approx(0.5, abs=0.25)
    del found["votes"]
    assert all(value < 0.15 for value in found.values())


def test_information_is_that_of_scikit_learn() -> None:
    values, codes = grid(5), noise((100, 3))
    known = factors(values)
    wide = (codes - codes.min(0)) / (codes.max(0) - codes.min(0))
    bins = np.minimum((wide * 20).astype(int), 19)
    for place, factor in enumerate(known):
        own = mutual_info_score(factor.classes, factor.classes)
        expected = [mutual_info_score(bins[:, number], factor.classes) / own for number in range(3)]
        assert information(codes, known)[:, place] == pytest.approx(expected)


def test_mig_of_one_bit_read_by_two_numbers() -> None:
    """v is one of 4 classes; z1 tells it wholly, log 4 of log 4; z2 tells its upper half, log 2 of log 4: gap 1/2."""
    v = np.tile(np.arange(4.0), 10)
    codes = np.column_stack([v, v >= 2])
    assert information(codes, [factor_of(v)])[:, 0] == pytest.approx([1, 0.5])
    assert mutual_information_gap(codes, [factor_of(v)]) == pytest.approx([0.5])


def test_sap_of_a_line_is_the_gap_of_squared_correlations() -> None:
    v = np.array([-1.5, -0.5, 0.5, 1.5] * 30)
    other = np.array([-1.0, 1.0, -1.0, 1.0] * 30)  # covariance with v: 0.5, variances 1.25 and 1
    found = separated_predictability(np.column_stack([v, other]), [factor_of(v)], np.random.default_rng(0))
    assert found == pytest.approx([1 - 0.25 / 1.25])


def test_sap_counts_rare_classes_as_much_as_common_ones() -> None:
    """One class of 99 in 100: to name it always is 0.5 of the balanced accuracy, not 0.99."""
    v = np.zeros(2000)
    v[::100] = 1
    found = separated_predictability(np.column_stack([v, np.zeros(2000)]), [factor_of(v)], np.random.default_rng(0))
    assert found == pytest.approx([0.5])


def test_entropies_of_importance_by_hand() -> None:
    """Row 1 serves both of two factors evenly (1 - 1 = 0), row 2 serves one (1); they hold 1/2 and 1/2 of all."""
    disentanglement, completeness = spread_of(np.array([[0.5, 0.5], [0.0, 1.0]]) / [[0.5, 1.5]] * 0.75)
    table = np.array([[1.0, 1 / 3], [0.0, 2 / 3]]) * 0.75
    assert spread_of(table) == pytest.approx((disentanglement, completeness))
    share = np.array([0.75, 0.25])  # row 1: 1 to 1/3
    first = 1 + (share * np.log2(share)).sum()
    assert disentanglement == pytest.approx((4 / 3 * first + 2 / 3) / 2)
    share = np.array([1 / 3, 2 / 3])  # column 2
    assert completeness == pytest.approx((1 + 1 + (share * np.log2(share)).sum()) / 2)
    assert spread_of(np.zeros((2, 2))) == (0, 0)


def test_gaps_of_a_single_number_are_what_it_tells() -> None:
    assert gaps(np.array([[0.3, 0.7]])) == pytest.approx([0.3, 0.7])
    assert gaps(np.array([[0.3, 0.7], [0.5, 0.1], [0.4, 0.2]])) == pytest.approx([0.1, 0.5])


def test_votes_need_two_factors_with_enough_images_of_a_class() -> None:
    values = grid(1)
    assert majority_votes(values, factors(values), np.random.default_rng(0), size=10) is None
    assert majority_votes(np.zeros((800, 2)), factors(grid()), np.random.default_rng(0)) is None


def test_votes_cannot_all_be_right_where_one_number_serves_two_factors() -> None:
    values = grid()
    joined = np.column_stack([values.sum(1), np.zeros(len(values))])
    assert majority_votes(joined, factors(values), np.random.default_rng(0), votes=400) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("values", "classes", "discrete"),
    [
        ([3, 1, 3, 7], [1, 0, 1, 2], True),
        (np.arange(100) / 10, np.arange(100) // 10, False),
        (np.arange(100), np.arange(100) // 10, False),
        ([0.5, 0.25, 0.5, 0.5], [1, 0, 1, 1], False),
    ],
)
def test_whole_numbers_are_classes_unless_they_are_many(values, classes, discrete) -> None:
    found = factor_of(np.asarray(values, float))
    assert found.discrete == discrete
    assert found.classes.tolist() == list(classes)
