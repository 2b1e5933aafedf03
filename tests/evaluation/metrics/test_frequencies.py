"""How often labels and modes are shown: cases worked by hand."""

import numpy as np
import pytest

from simulacra.evaluation.metrics.correction import Shares, corrected
from simulacra.evaluation.metrics.frequencies import divergence, entropy, modes, rare_ratio


def said(yes: int, no: int) -> np.ndarray:
    return np.array([[True]] * yes + [[False]] * no)


def test_the_judge_s_errors_are_taken_out() -> None:
    # It finds 80 of 100 and wrongly claims 10 of 100: of a share p it says 0.8 p + 0.1 (1 - p), so 0.24 means 0.2.
    found = corrected(said(240, 760), np.array([[[900, 100], [200, 800]]]))
    assert found.values == pytest.approx([0.2])
    low, high = found.limits
    assert 0.1 < low[0] < 0.2 < high[0] < 0.3


def test_a_share_never_falls_below_nought() -> None:
    found = corrected(said(5, 95), np.array([[[900, 100], [200, 800]]]))
    assert found.values == pytest.approx([0])
    assert found.limits[0][0] == 0


def test_classes_that_are_taken_for_one_another_are_told_apart_again() -> None:
    confusion = np.array([[80, 20, 0], [10, 90, 0], [0, 0, 100]])
    true = np.array([0.5, 0.2, 0.3])
    told = (true @ (confusion / 100) * 1000).round().astype(int)
    verdicts = np.repeat(np.eye(3, dtype=bool), told, axis=0)
    assert corrected(verdicts, confusion).values == pytest.approx(true, abs=1e-6)


def test_the_interval_holds_the_truth_nineteen_times_of_twenty(monkeypatch) -> None:
    monkeypatch.setattr("simulacra.evaluation.metrics.correction.DRAWS", 200)
    held = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        known = draw.random(600) < 0.1
        told = draw.random(600) < np.where(known, 0.85, 0.02)
        confusion = np.array([[[np.sum((known == i) & (told == j)) for j in (0, 1)] for i in (0, 1)]])
        shown = draw.random((1000, 1)) < 0.06
        low, high = corrected(draw.random((1000, 1)) < np.where(shown, 0.85, 0.02), confusion).limits
        held += low[0] <= 0.06 <= high[0]
    assert 88 <= held <= 99


def of_three(*counts: int) -> Shares:
    """Shares of three labels among 1,000 samples, by a judge that never errs."""
    verdicts = np.arange(1000)[:, None] < np.array(counts)
    return corrected(verdicts, np.array([[[5000, 0], [0, 5000]]] * 3))


def test_rare_labels_that_are_half_as_common_have_half_the_ratio() -> None:
    data, rare = np.array([0.06, 0.04, 0.5]), np.array([True, True, False])
    one = rare_ratio(of_three(30, 20, 900), data, rare, 1000)
    assert one.value == pytest.approx(0.5, rel=0.02)
    assert one.low < 0.5 < one.high < 1
    assert rare_ratio(of_three(120, 20, 0), data, rare, 1000).value == pytest.approx(1, rel=0.02)


def test_a_rare_label_that_is_lost_counts_as_half_an_image() -> None:
    one = rare_ratio(of_three(60, 0, 0), np.array([0.06, 0.04, 0.5]), np.array([False, True, False]), 1000)
    assert one.value == pytest.approx(0.0005 / 0.0405)


def test_common_modes_are_counted_one_by_one_and_all_others_together() -> None:
    data = np.array([[0, 0]] * 90 + [[0, 1]] * 8 + [[1, 1]] * 2, bool)
    labels = np.array([[0, 0]] * 40 + [[1, 1]] * 5 + [[1, 0]] * 55, bool)
    counts, shares = modes(labels, data)  # 5 of 100 images are needed
    assert counts.tolist() == [40, 0, 60]
    assert shares == pytest.approx([0.9, 0.08, 0.02])


def test_entropy_of_even_and_of_single_modes() -> None:
    assert entropy(np.array([25, 25, 25, 25])).value == pytest.approx(np.log(4))
    assert entropy(np.array([100, 0])).value == 0


def test_divergence_is_nought_for_equal_shares_and_grows_with_what_is_missing() -> None:
    data = np.array([0.5, 0.25, 0.25])
    assert divergence(np.array([500, 250, 250]), data).value == pytest.approx(0, abs=1e-5)
    # Half an image is added to each: 0.5 log(0.5 / q1) + 2 * 0.25 log(0.25 / q) with these q.
    q = np.array([750.5, 250.5, 0.5]) / 1001.5
    expected = float((data * np.log(data / q)).sum())
    found = divergence(np.array([750, 250, 0]), data)
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high
