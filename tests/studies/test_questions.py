"""Questions against cases worked by hand, and against how often they err where the truth is known."""

import numpy as np
import pytest

from simulacra.studies import questions

# 1, 2, 3: mean 2, standard deviation 1, standard error 1/sqrt(3), t = 2 * sqrt(3) = 3.4641 with 2 degrees of freedom.
# For two degrees of freedom P(T > t) = 1/2 - t / (2 sqrt(t^2 + 2)) = 1/2 - 3.4641 / (2 sqrt(14)) = 0.037089.
CONTRAST = np.array([1.0, 2.0, 3.0])
P = 0.5 - 12**0.5 / (2 * 14**0.5)
# The 95% interval: t(0.975, 2) = 4.302653 standard errors of 0.577350.
MARGIN = 4.302653 / 3**0.5


def paired(contrast: np.ndarray) -> np.ndarray:
    reference = np.array([10.0, 30.0, 20.0, 50.0, 40.0])[: len(contrast)]
    return np.stack([reference, reference + contrast])


def test_better_by_hand() -> None:
    answer = questions.better(paired(CONTRAST), "higher")
    assert answer.p == pytest.approx(P, abs=1e-9)
    assert answer.p_against == pytest.approx(1 - P, abs=1e-9)
    assert (answer.effect.value, answer.effect.low, answer.effect.high) == pytest.approx(
        (2, 2 - MARGIN, 2 + MARGIN), abs=1e-5
    )
    assert answer.seeds == 3


def test_a_claim_without_a_direction_is_tested_on_both_sides_and_cannot_be_contradicted() -> None:
    answer = questions.better(paired(CONTRAST), "different")
    assert answer.p == pytest.approx(2 * P)
    assert answer.p_against == 1


def test_equal_by_hand() -> None:
    # Against a margin of 10: (2 + 10) and (10 - 2) over 0.57735: t = 20.785 and 13.856; the smaller one counts.
    answer = questions.equal(paired(CONTRAST), 10)
    t = 8 * 3**0.5
    assert answer.p == pytest.approx(0.5 - t / (2 * (t * t + 2) ** 0.5), rel=1e-6)
    assert answer.p < 0.05 < answer.p_against
    # Against a margin of 1 the difference of 2 is not inside, and with three seeds not certainly outside.
    answer = questions.equal(paired(CONTRAST), 1)
    assert answer.p > 0.5
    assert questions.verdicts([answer]) == ["undecided"]
    far = questions.equal(paired(CONTRAST + 100), 1)
    assert questions.verdicts([far]) == ["contradicted"]


def test_no_difference_found_is_not_equal() -> None:
    noisy = paired(np.array([-3.0, 0.0, 3.0]))
    assert questions.verdicts([questions.better(noisy, "different")]) == ["undecided"]
    assert questions.verdicts([questions.equal(noisy, 1.0)]) == ["undecided"]


def test_the_smallest_margin_is_confirmed_where_cases_are_equal() -> None:
    draws, confirmed = np.random.default_rng(3), 0
    for _ in range(300):
        contrast = draws.normal(0, 1, 6)
        margin = questions.equal(np.stack([np.zeros(6), contrast]), 1.0).detectable
        assert margin
        true = margin / float(contrast.std(ddof=1))  # in standard deviations: the same for all samples
        confirmed += questions.equal(np.stack([np.zeros(6), draws.normal(0, 1, 6)]), true).p < 0.05
    assert 0.7 < confirmed / 300 < 0.9


def test_trend_by_hand() -> None:
    # Slopes of three seeds: 1, 2 and 3 per step, so from the first to the last of three settings 2, 4 and 6.
    cases = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
    answer = questions.trend(cases, [0, 1, 2], "higher")
    assert answer.effect.value == pytest.approx(4)
    assert answer.p == pytest.approx(P, abs=1e-9)
    assert questions.trend(cases, [0, 1, 2], "lower").p_against == pytest.approx(P, abs=1e-9)


def test_trend_minds_where_the_settings_lie() -> None:
    # On 0, 1, 3 the values 0, 1, 3 are a line that changes by 3, and 0, 1.2, 3.6 one that changes by 3.6.
    cases = np.array([[0.0, 0.0], [1.0, 1.2], [3.0, 3.6]])
    assert questions.trend(cases, [0, 1, 3], "higher").effect.value == pytest.approx(3.3)


def test_page_by_hand() -> None:
    # One ordering of three in each of two seeds, both as claimed: 1 in 6 x 6.
    cases = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert questions.page(cases, "higher") == pytest.approx(1 / 36)
    assert questions.page(cases, "lower") == pytest.approx(1)


def test_early_not_late_needs_both_parts() -> None:
    early, late = paired(np.array([5.0, 6.0, 7.0])), paired(np.array([0.0, 0.2, -0.2]))
    assert questions.verdicts([questions.early_not_late(early, late, "higher")]) == ["supported"]
    # It helps early and just as much late: no interaction.
    assert questions.verdicts([questions.early_not_late(early, early + 0.0, "higher")]) == ["undecided"]
    # It harms early, and more so late.
    worse = paired(np.array([-9.0, -9.5, -9.2]))
    assert questions.verdicts([questions.early_not_late(-early, early, "higher")]) == ["contradicted"]
    assert questions.early_not_late(early, worse, "higher").effect.value == pytest.approx(6 + 27.7 / 3)


def test_ranking_counts_the_lead_over_the_best_other() -> None:
    scores = np.array([[3.0, 5.0, 7.0], [2.0, 1.0, 0.0], [1.0, 3.0, 4.0]])  # leads: 1, 2, 3
    answer = questions.ranking(scores, 0)
    assert answer.effect.value == pytest.approx(2)
    assert answer.p == pytest.approx(P, abs=1e-9)
    # Leads of the second: -1, -4, -7, so t = -4 / sqrt(3).
    assert questions.ranking(scores, 1).p_against == pytest.approx(0.5 - 4 / (2 * 22**0.5), abs=1e-9)


def test_holm_by_hand() -> None:
    # Smallest times 3, the next times 2, and never below what came before.
    assert questions.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert questions.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert questions.holm([0.02]) == [0.02]


def test_a_study_is_supported_by_all_its_measures_and_contradicted_by_one() -> None:
    assert questions.verdict(["supported", "supported"]) == "supported"
    assert questions.verdict(["supported", "undecided"]) == "undecided"
    assert questions.verdict(["supported", "contradicted"]) == "contradicted"


def test_seeds_that_agree_to_the_last_digit_are_judged_by_their_signs() -> None:
    answer = questions.within(np.full(3, 0.5), "higher")
    assert answer.p == 1 / 8
    assert answer.detectable is None
    nothing = questions.within(np.zeros(3), "higher")
    assert (nothing.p, nothing.p_against) == (1, 1)


@pytest.mark.parametrize("values", [[1.0], [], [1.0, float("nan")], [1.0, float("inf")]])
def test_what_cannot_be_judged_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two seeds"):
        questions.within(np.array(values), "higher")


def test_the_smallest_detectable_effect_is_found_in_eight_of_ten_studies() -> None:
    draws = np.random.default_rng(0)
    spread = np.array([-1.0, 0.0, 1.0, 0.5, -0.5])
    effect = questions.within(spread, "higher").detectable
    assert effect
    true = effect / float(spread.std(ddof=1))
    found = sum(questions.within(draws.normal(true, 1, 5), "higher").p < 0.05 for _ in range(500))
    assert 0.74 < found / 500 < 0.86


def test_a_claim_that_does_not_hold_is_supported_in_five_of_a_hundred_studies() -> None:
    draws = np.random.default_rng(1)
    wrong = sum(questions.within(draws.normal(0, 1, 4), "higher").p < 0.05 for _ in range(2000))
    assert 0.035 < wrong / 2000 < 0.065


def test_as_many_seeds_as_are_needed_find_the_effect_in_eight_of_ten_studies() -> None:
    draws, contrast = np.random.default_rng(0), np.array([1.0, 2.0, -1.0])
    needed = questions.within(contrast, "higher").needed
    assert needed == 34
    effect, spread = contrast.mean(), contrast.std(ddof=1)
    found = sum(questions.within(draws.normal(effect, spread, needed), "higher").p < 0.05 for _ in range(300))
    assert 0.7 < found / 300 < 0.9
    assert questions.within(contrast, "lower").needed == needed  # the opposite would be found
    assert (questions.within(contrast, "different").needed or 0) > needed


def test_an_effect_near_zero_takes_more_seeds_than_anybody_has() -> None:
    assert questions.within(np.array([1.0, -1.01]), "higher").needed is None


def test_a_margin_takes_seeds_by_how_far_the_difference_is_inside() -> None:
    contrast = np.array([3.0, -1.0, 0.5])
    near, far = (questions.equal(paired(contrast), margin).needed or 0 for margin in (2.0, 4.0))
    assert near > far > 2
