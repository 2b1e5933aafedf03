"""Charts of intervals: every seed a dot, the mean a diamond, the interval a bar."""

import numpy as np

from simulacra.report.figures.intervals import Dots, intervals


def test_every_value_is_a_dot_and_the_interval_is_drawn() -> None:
    rows = [Dots("a", np.array([1.0, 2.0, 3.0]), 2.0, -0.5, 4.5), Dots("b", np.array([5.0]))]
    (axes,) = intervals(rows, title="Effect", x_name="nats", zero=True, margin=0.5).axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [[1.0, 2.0, 3.0], [5.0]]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "D"] == [[2.0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    low, high = axes.get_xlim()
    assert low <= -0.5
    assert high >= 5
    assert [low, high] == [axes.get_xticks()[0], axes.get_xticks()[-1]], "the axis ends at round numbers"
