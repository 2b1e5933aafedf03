"""Promises of line charts: any finite line can be drawn, names never touch, noise is smoothed."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from simulacra.report.figures import draw
from simulacra.report.figures.curves import Line, curves, is_noisy, lowest_percent, smooth, wants_logarithm

X = np.arange(1.0, 101.0)


def test_names_at_line_ends_never_touch() -> None:
    heights = (0.5, 0.5, 0.51, 1.0, 0.99)
    lines = [Line(f"line {index}", X, np.full(100, height)) for index, height in enumerate(heights)]
    figure = curves(lines, title="t", x_name="updates", y_name="y")
    figure.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    ordered = sorted(boxes.values(), key=lambda box: box.y0)
    assert len(ordered) == 5
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(ordered))
    assert boxes["line 3"].y0 > boxes["line 4"].y0


def test_a_running_mean_keeps_a_constant_and_does_not_fill_gaps() -> None:
    y = np.full(60, 2.0)
    y[20:30] = np.nan
    mean = smooth(y)
    assert np.isnan(mean[20:30]).all()
    np.testing.assert_allclose(mean[np.isfinite(y)], 2.0)


def test_only_noisy_lines_are_smoothed() -> None:
    random = np.random.default_rng(0)
    assert not is_noisy(np.exp(-X / 30))
    assert is_noisy(np.exp(-X / 30) + random.normal(0, 0.1, 100))
    assert not is_noisy(np.full(100, 3.0))


def test_values_over_decades_get_a_logarithmic_axis() -> None:
    assert wants_logarithm([Line("a", X, np.exp(-X / 10))])
    assert not wants_logarithm([Line("a", X, X - 50)])
    assert not wants_logarithm([Line("a", X, X + 10)])


def test_a_chart_of_high_shares_begins_near_them() -> None:
    x = np.arange(3.0)
    high, low = Line("a", x, np.array([0.83, 0.9, 0.95])), Line("b", x, np.array([0.4, 0.9, 0.95]))
    assert lowest_percent([high]) == pytest.approx(0.8)
    assert lowest_percent([high, low]) == 0
    assert lowest_percent([high], reference=0.5) == 0


@pytest.mark.parametrize("y", [np.zeros(100), np.full(100, -3.0), np.exp(-X / 5), np.where(X > 5, np.nan, X)])
def test_any_finite_line_can_be_drawn(y: np.ndarray) -> None:
    figure = curves([Line("a", X, y)], title="t", x_name="updates", y_name="y", top=("epochs", 7.0))
    assert b"nan" not in draw(figure).svg.lower()


def test_a_single_row_can_be_drawn() -> None:
    line = Line("a", np.array([0.0]), np.array([1.0]), np.array([0.5]), np.array([1.5]))
    assert draw(curves([line], title="t", x_name="updates", y_name="y")).png


def test_names_are_taken_literally(fake: Any) -> None:
    lines = [Line(name, X, X + index) for index, name in enumerate(fake.hostile)]
    texts = fake.words_in(draw(curves(lines, title=fake.hostile[1], x_name="updates", y_name="y")).svg)
    assert {"<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é back"} <= set(texts)
