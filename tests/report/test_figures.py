"""Promises of figures: names are taken literally, every cell is named, large ones stay readable."""

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from simulacra.report.figures import VARIABLES, draw, inline, round_ticks
from simulacra.report.figures.charts import code_map, heat_map, label_maps, share_pairs
from simulacra.report.figures.curves import Line, curves, is_noisy, limits, lowest_percent, smooth, wants_logarithm


def test_an_inline_figure_takes_on_the_page_s_colours_and_meets_no_other_s_ids() -> None:
    x = np.arange(1.0, 101.0)
    svg = draw(curves([Line("a", x, x)], title="t", x_name="updates", y_name="y")).svg
    element = inline(svg, "one", "a <title>")
    root = ElementTree.fromstring(element)
    assert root.attrib["aria-label"] == "a <title>"
    assert "http" not in element
    assert not [colour for colour in VARIABLES if f": {colour}" in element]
    ids = {node.attrib["id"] for node in root.iter() if "id" in node.attrib}
    assert ids
    assert all(name.startswith("one-") for name in ids)


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


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0, 2107, (0, 2400)),
        (0, 1, (0, 1)),
        (0, 0.0973, (0, 0.1)),
        (-3.2, 41, (-10, 50)),
        (5, 5, (5, 10)),
        (0, 2, (0, 2)),
    ],
)
def test_an_axis_ends_at_round_numbers_that_enclose_its_values(low, high, ends) -> None:
    ticks = round_ticks(low, high, whole=high > 100 or high == 2)
    assert (ticks[0], ticks[-1]) == pytest.approx(ends)
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
    assert len(ticks) <= 8


@pytest.mark.parametrize("values", [np.exp(-X / 10), 1e-4 * X + 3, np.where(X < 50, 0.2, 0.9), -X])
def test_every_chart_covers_its_values_and_ends_at_a_tick(values) -> None:
    line = Line("a", X, values, values - 0.1, values + 0.1)
    axes = curves([line], title="t", x_name="updates", y_name="y").axes[0]
    for (low, high), ticks, shown in (
        (axes.get_xlim(), axes.get_xticks(), X),
        (axes.get_ylim(), axes.get_yticks(), np.r_[values, values + 0.1]),
    ):
        assert low <= shown.min()
        assert high >= shown.max()
        assert np.isclose(ticks, low).any()
        assert np.isclose(ticks, high).any()


def test_ticks_of_shares_are_not_rounded() -> None:
    x = np.arange(3.0)
    line = Line("a", x, np.array([0.91, 0.94, 0.96]))
    axes = curves([line], title="t", x_name="updates", y_name="y", percent=True).axes[0]
    texts = [float(text.get_text().removesuffix("%")) / 100 for text in axes.get_yticklabels()]
    assert texts == pytest.approx(list(axes.get_yticks()))
    assert 0.925 in texts


def test_a_spike_that_would_flatten_all_other_values_leaves_the_chart_and_is_counted() -> None:
    y = np.sin(np.arange(300.0))
    y[7] = 1e6
    low, high, outside = limits([Line("a", np.arange(300.0), y)])
    assert -1 <= low < high <= 1
    assert outside >= 1
    assert limits([Line("a", X, X)]) == (X.min(), X.max(), 0)


def test_a_line_keeps_its_place_in_the_palette_where_it_stands_alone() -> None:
    x = np.arange(3.0)
    lines = [Line("a", x, x, place=0), Line("b", x, x, place=1)]
    both = curves(lines, title="t", x_name="x", y_name="y").axes[0].lines
    alone = curves(lines[1:], title="t", x_name="x", y_name="y").axes[0].lines
    assert both[1].get_color() == alone[0].get_color() != both[0].get_color()


@pytest.mark.parametrize("y", [np.zeros(100), np.full(100, -3.0), np.exp(-X / 5), np.where(X > 5, np.nan, X)])
def test_any_finite_line_can_be_drawn(y) -> None:
    figure = curves([Line("a", X, y)], title="t", x_name="updates", y_name="y", top=("epochs", 7.0))
    assert b"nan" not in draw(figure).svg.lower()


def test_a_single_row_can_be_drawn() -> None:
    line = Line("a", np.array([0.0]), np.array([1.0]), np.array([0.5]), np.array([1.5]))
    assert draw(curves([line], title="t", x_name="updates", y_name="y")).png


def test_names_are_taken_literally(fake) -> None:
    lines = [Line(name, X, X + index) for index, name in enumerate(fake.hostile)]
    texts = fake.words_in(draw(curves(lines, title=fake.hostile[1], x_name="updates", y_name="y")).svg)
    assert {"<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é back"} <= set(texts)


def drawn(values: np.ndarray, **changes: Any) -> Figure:
    """A heat map with rows and columns `name 0`, `name 1` and so on."""
    rows, columns = ([f"name {index}" for index in range(count)] for count in values.shape)
    texts = {"title": "t", "axes": ("x", "y"), "unit": "u"}
    return heat_map(values, rows, columns, **texts | changes)


def test_small_maps_have_numbers_and_large_ones_all_their_names(fake) -> None:
    random = np.random.default_rng(0)
    assert len(fake.words_in(draw(drawn(random.uniform(size=(12, 12)))).svg)) >= 12 * 12 + 24
    texts = fake.words_in(draw(drawn(random.uniform(size=(40, 40)), framed=40)).svg)
    assert sum(text.startswith("name ") for text in texts) == 80
    assert len(texts) < 100, "cells of forty rows are too small for numbers"


def test_numbers_are_written_where_the_longest_fits_into_its_cell(fake) -> None:
    values = 100 * np.random.default_rng(0).uniform(0.1, 0.9, size=(24, 3))
    assert len(fake.words_in(draw(drawn(values, form="{:.0f}")).svg)) >= 24 * 3 + 27
    assert len(fake.words_in(draw(drawn(values, form="{:.3f}")).svg)) < 24 * 3


@pytest.mark.parametrize("shape", [(2, 2), (8, 3), (24, 12)])
def test_a_title_is_not_cut_off_above_a_narrow_map(shape) -> None:
    title = "What switching on one label changes"
    figure = drawn(np.ones(shape), title=title)
    figure.draw_without_rendering()
    assert figure.axes[0].get_title(loc="left").replace("\n", " ") == title
    shown = [
        text for text in figure.axes[0].get_children() if getattr(text, "get_text", str)().split() == title.split()
    ]
    assert [text.get_window_extent().x1 <= figure.bbox.x1 for text in shown] == [True]


def test_more_and_less_have_colours_of_their_own_and_no_change_is_pale() -> None:
    image = drawn(np.array([[1.0, 0.0, -1.0]]), signed=True).axes[0].images[0]
    more, same, less = (image.cmap(image.norm(value))[:3] for value in (1.0, 0.0, -1.0))
    assert more[2] > more[0], "blue"
    assert less[0] > less[2], "vermilion"
    assert min(same) > 0.95


def test_a_map_of_zeros_and_of_one_cell_can_be_drawn() -> None:
    assert draw(drawn(np.zeros((1, 1)), signed=True)).png
    assert draw(drawn(np.zeros((2, 3)))).png


@pytest.mark.parametrize("value", [0.0, 0.1, 0.38, 0.62, 1.0])
def test_equal_shares_can_be_drawn(value, fake) -> None:
    same = np.full(10, value)
    figure = share_pairs(list("abcdefghij"), same, same, (same, same), title="t", keys=("one", "other"))
    marks = [text for text in fake.words_in(draw(figure).svg) if text.endswith("%")]
    assert len(marks) >= 2, "the axis has two ends"
    ends = [float(mark.removesuffix("%")) / 100 for mark in marks]
    assert min(ends) <= max(value, 0.002)
    assert max(ends) >= min(value, 0.998)


def points(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)


def pictures_in(svg: bytes) -> int:
    return sum(element.tag.endswith("}image") for element in ElementTree.fromstring(svg).iter())


def test_keys_of_maps_keep_names_that_begin_with_an_underscore(fake) -> None:
    left = points(50)[:, 0] < 0
    svg = draw(code_map(points(50), [("_hidden", left), ("$y$", ~left)], title="t")).svg
    assert {"_hidden", "$y$"} <= set(fake.words_in(svg))
    assert pictures_in(draw(label_maps(points(50), [(name, left) for name in fake.hostile], title="t")).svg) >= 5


def test_thousands_of_dots_become_one_picture() -> None:
    svg = draw(code_map(points(5000), [], title="t")).svg
    assert pictures_in(svg) == 1
    assert sum(element.tag.endswith("}use") for element in ElementTree.fromstring(svg).iter()) < 50
