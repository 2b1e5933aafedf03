"""Conclusions rest on intervals of differences, checked against cases worked by hand or published."""

from math import sqrt

import numpy as np
import pytest

from simulacra.estimates import Estimate, against_best, difference, paired, welch


def share(hits: int, n: int) -> Estimate:
    return Estimate.share(np.arange(n) < hits)


def ends(found: Estimate | None) -> tuple[float, float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


def test_errors_of_a_difference_add_as_squares() -> None:
    found = difference(Estimate(10, 8, 12), Estimate(5, 3.5, 6.5))
    assert ends(found) == pytest.approx((5, 2.5, 7.5))


def test_each_side_of_an_interval_counts_where_it_faces_the_other_value() -> None:
    found = difference(Estimate(0.9, 0.8, 0.95), Estimate(0.5, 0.4, 0.6))
    assert ends(found) == pytest.approx((0.4, 0.4 - sqrt(0.02), 0.4 + sqrt(0.0125)))


def test_a_difference_of_shares_is_newcombe_s() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table II, first column, method 10: 56/70 - 48/80.
    assert ends(difference(share(56, 70), share(48, 80))) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_share_has_wilson_s_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3: 81/263 and 0/20.
    assert ends(share(81, 263)) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=5e-5)
    assert ends(share(0, 20)) == pytest.approx((0, 0, 0.1611), abs=5e-5)


def test_two_tests_at_once_ask_for_more() -> None:
    found = difference(Estimate(10, 8, 12), Estimate(5, 3.5, 6.5), tests=2)
    assert ends(found) == pytest.approx((5, 5 - 2.5 * 2.241403 / 1.959964, 5 + 2.5 * 2.241403 / 1.959964))


def test_a_mean_over_seeds_has_student_s_interval() -> None:
    assert ends(Estimate.of([1, 2, 3])) == pytest.approx((2, 2 - 4.302653 / sqrt(3), 2 + 4.302653 / sqrt(3)))
    assert Estimate.of([7.0]) == Estimate(7.0)


def test_welch_s_interval_has_as_many_degrees_of_freedom_as_the_spreads_allow() -> None:
    # Equal spreads, three each: 4 degrees of freedom, t = 2.776445.
    assert ends(welch([1, 2, 3], [11, 12, 13])) == pytest.approx((-10, -10 - 2.776445 * sqrt(2 / 3), -10 + 2.266957))
    # One side without spread: the 2 degrees of freedom of the other, t = 4.302653.
    assert ends(welch([5, 5, 5], [1, 2, 3])) == pytest.approx((3, 3 - 4.302653 / sqrt(3), 3 + 4.302653 / sqrt(3)))


def test_equal_seeds_are_compared_pair_by_pair() -> None:
    # Differences 1, 2 and 3, however far the seeds themselves lie apart.
    assert ends(paired([101, 52, 4], [100, 50, 1])) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138))


@pytest.mark.parametrize(
    "found",
    [
        difference(Estimate(1), Estimate(2, 1, 3)),
        difference(Estimate(1, 1, 1), Estimate(2, 2, 2)),
        welch([1.0], [2.0, 3.0]),
        welch([1.0, 1.0], [2.0, 2.0]),
        paired([1.0], [2.0]),
        paired([1.0, 2.0], [2.0, 3.0]),
    ],
)
def test_what_has_no_spread_is_not_tested(found) -> None:
    assert found is None


def test_the_best_and_all_that_may_be_as_good_lead() -> None:
    values = [Estimate(5, 4, 6), Estimate(1, 0.5, 1.5), Estimate(1.2, 0.7, 1.7)]

    def compare(a: int, b: int, tests: int) -> Estimate | None:
        assert tests == 2
        return difference(values[a], values[b], tests)

    lower = against_best([one.value for one in values], "lower", compare)
    assert (lower.best, lower.leading) == (1, (1, 2))
    assert lower.differences[1] is None
    assert lower.differences[0].value == 4
    higher = against_best([one.value for one in values], "higher", compare)
    assert (higher.best, higher.leading) == (0, (0,))


def test_of_equal_things_the_true_best_is_seldom_called_worse() -> None:
    """Four equal means: any fixed one of them is called worse in at most 5 of 100 trials."""
    random, wrong, trials = np.random.default_rng(0), 0, 600
    for row in random.normal(size=(trials, 4)):
        values = [Estimate(value, value - 1.959964, value + 1.959964) for value in row.tolist()]

        def compare(a: int, b: int, tests: int, values: list[Estimate] = values) -> Estimate | None:
            return difference(values[a], values[b], tests)

        found = against_best(row.tolist(), "higher", compare)
        wrong += 0 not in found.leading
    assert 0 < wrong <= 0.05 * trials
