"""Shares without the judge's errors: cases worked by hand, and intervals that hold the truth."""

import numpy as np
import pytest

from simulacra.evaluation.metrics import correction
from simulacra.evaluation.metrics.correction import Hits, Pairs

JUDGE = np.array([[90, 10], [20, 80]])  # specificity 0.9, sensitivity 0.8


def pairs(*counts: np.ndarray) -> Pairs:
    """Labels with these counts (2, 2), off and on, by predicted, in a column each."""
    cells = [np.repeat(np.arange(4), part.ravel()) for part in counts]
    columns = np.stack(cells, 1)
    return columns >= 2, columns % 2 == 1


def classes_of(counts: np.ndarray) -> Pairs:
    """Classes with these counts (K, K) by predicted one."""
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    one = np.eye(len(counts), dtype=bool)
    return one[cells // len(counts)], one[cells % len(counts)]


def attribute(samples: np.ndarray, real: np.ndarray) -> Hits | None:
    (hits,) = correction.attributes(pairs(samples), pairs(real))
    return hits


def test_an_attribute_is_corrected_by_sensitivity_and_specificity() -> None:
    # On: (0.7 + 0.9 - 1) / 0.7 = 6/7 have it. Off: (0.35 - 0.1) / 0.7 = 5/14 have it, 9/14 do not.
    found = attribute(np.array([[65, 35], [30, 70]]), JUDGE)
    assert found.shares.values == pytest.approx((6 / 7 + 9 / 14) / 2)
    estimate = found.shares.estimate
    assert 0.5 < estimate.low < estimate.value < estimate.high < 1
    assert found.chance == pytest.approx(0.5), "half of the samples should have it"


def test_a_share_is_cut_off_after_its_parts_are_added_up() -> None:
    # On: (0.1 + 0.9 - 1) / 0.7 = 0 have it, though 0.05 less are predicted than the judge claims of images without it:
    # (0.05 - 0.1) / 0.7 = -1/14. Off: (0.15 - 0.1) / 0.7 = 1/14 have it, 13/14 do not. The half of both is 3/7.
    found = attribute(np.array([[85, 15], [95, 5]]), JUDGE).shares
    assert found.values == pytest.approx((-1 / 14 + 13 / 14) / 2)
    low, high = found.estimate.low, found.estimate.high
    assert high - found.values == pytest.approx(found.values - low, rel=0.25), "room on both sides"


def test_a_perfect_judge_needs_no_correction_and_a_model_as_good_as_the_judge_is_perfect() -> None:
    plain = attribute(np.array([[40, 10], [5, 45]]), np.array([[50, 0], [0, 50]]))
    assert plain.shares.values == pytest.approx(0.85)
    same = attribute(JUDGE, JUDGE)
    assert same.shares.values == pytest.approx(1)
    assert same.shares.estimate.high == 1


@pytest.mark.parametrize("real", [[[90, 10], [85, 15]], [[100, 0], [0, 0]], [[0, 100], [0, 50]]])
def test_a_judge_that_tells_nothing_apart_corrects_nothing(real) -> None:
    assert attribute(np.array([[5, 5], [5, 5]]), np.array(real)) is None


def test_a_class_that_the_judge_never_names_is_not_corrected() -> None:
    real = np.array([[50, 0, 0], [0, 50, 0], [10, 10, 0]])
    assert correction.distinguished(real).tolist() == [True, True, False]
    found = correction.classes(classes_of(np.array([[20, 0, 0], [0, 20, 0], [10, 10, 0]])), classes_of(real))
    assert [one is None for one in found] == [False, False, True]


def test_an_attribute_that_the_judge_never_names_is_not_distinguished() -> None:
    real = np.array([[[980, 0], [20, 0]], [[90, 10], [20, 80]], [[100, 0], [0, 0]], [[90, 10], [85, 15]]])
    assert correction.distinguished(real).tolist() == [False, True, False, False]


def test_errors_of_labels_even_out_unless_they_are_of_the_same_images() -> None:
    random, samples = np.random.default_rng(0), np.array([[65, 35], [30, 70]])

    def spread(orders: list[np.ndarray]) -> float:
        """Of the mean of labels over that of one, where the images of each label come in one of these orders."""
        asked, real = (
            tuple(np.stack([part[order, 0] for order in orders], 1) for part in pairs(counts))
            for counts in (samples, JUDGE)
        )
        parts = [hits.shares for hits in correction.attributes(asked, real) if hits]
        return float(np.std(correction.together(parts, np.ones(4)).draws) / np.std(parts[0].draws))

    assert spread([np.arange(200)] * 4) == pytest.approx(1, abs=0.05)
    assert spread([random.permutation(200) for _ in range(4)]) == pytest.approx(1 / 2, abs=0.08), "as of four others"


def test_a_share_is_corrected_alike_whoever_asks() -> None:
    samples = np.array([[0, 0], [30, 70]])
    found = attribute(samples, JUDGE).shares
    shares = correction.corrected(np.array([[True]] * 70 + [[False]] * 30), JUDGE[None])
    assert found.values == pytest.approx(shares.values[0])
    assert found.estimate.low == pytest.approx(shares.limits[0][0], abs=0.02)
    # The same attribute as two classes.
    asked = correction.classes(classes_of(samples), classes_of(JUDGE))[1]
    assert asked.shares.values == pytest.approx(found.values)


def test_classes_are_unmixed() -> None:
    mixing = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
    for true in ([1, 0, 0], [0.5, 0.25, 0.25], [0, 0, 1]):
        assert np.allclose(correction.unmixed(np.array(true) @ mixing, mixing), true, atol=1e-6)
    more = correction.unmixed(np.array([1.0, 0, 0]), mixing)
    assert more == pytest.approx([9 / 7, -2 / 7, 0]), "than any class gives"


def test_each_class_asked_for_is_corrected_and_one_that_was_not_is_not() -> None:
    real = np.array([[80, 20, 0], [10, 90, 0], [0, 0, 50]])
    samples = classes_of(np.array([[80, 20, 0], [0, 0, 0], [100, 0, 100]]))
    first, none, third = correction.classes(samples, classes_of(real))
    assert none is None
    assert first.shares.values == pytest.approx(1, abs=1e-6)
    assert third.shares.values == pytest.approx(0.5, abs=0.05)
    assert third.chance == pytest.approx(1 / 3), "100 of 300 samples are of the third class"
    mean = correction.together([first.shares, third.shares], np.array([100.0, 200.0]))
    assert mean.values == pytest.approx((first.shares.values + 2 * third.shares.values) / 3)
    assert correction.classes(samples, classes_of(np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]]))) == [None] * 3


@pytest.mark.parametrize(
    ("frequency", "obeys", "sensitivity", "specificity"),
    [
        (0.48, 0.0, 0.7, 0.65),  # a model that takes no notice, a poor judge: parts lie beyond 0 and 1
        (0.48, 0.0, 0.95, 0.9),
        (0.3, 0.5, 0.9, 0.9),
        (0.06, 0.3, 0.8, 0.98),  # a rare label
    ],
)
def test_intervals_hold_the_truth_19_times_of_20(frequency, obeys, sensitivity, specificity, monkeypatch) -> None:
    """1,000 data sets at once, each in a column: 600 images test the judge, 1,000 samples are judged."""
    monkeypatch.setattr(correction, "DRAWS", 200)
    random = np.random.default_rng(0)

    def drawn(count: int) -> np.ndarray:
        return random.random((count, 1000)) < frequency

    def judged(labels: np.ndarray) -> np.ndarray:
        return random.random(labels.shape) < np.where(labels, sensitivity, 1 - specificity)

    true, wanted = drawn(600), drawn(1000)
    shown = np.where(random.random(wanted.shape) < obeys, wanted, drawn(1000))
    found = correction.attributes((wanted, judged(shown)), (true, judged(true)))
    truth = obeys + (1 - obeys) * (frequency**2 + (1 - frequency) ** 2)
    estimates = [hits.shares.estimate for hits in found if hits]
    assert len(estimates) > 900
    assert 0.92 <= np.mean([one.low <= truth <= one.high for one in estimates]) <= 0.98
