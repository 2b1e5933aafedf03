"""Promises of figures: pure functions that take names literally, leave data uncovered and repeat to the byte."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from simulacra.report.figures import Line, code_map, curves, label_maps, picture_rows
from simulacra.report.figures.curves import _apart, is_noisy, smooth, wants_logarithm
from simulacra.report.figures.grids import fold, tile
from simulacra.report.figures.style import VARIABLES, draw, inline

X = np.arange(1.0, 101.0)


def test_names_at_line_ends_never_touch() -> None:
    placed = _apart([0.5, 0.5, 0.51, 1.0, 0.99], 0.06)
    assert np.diff(sorted(placed)).min() >= 0.06 - 1e-9
    assert max(placed) <= 1.0
    assert placed[3] > placed[4]


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


@pytest.mark.parametrize("y", [np.zeros(100), np.full(100, -3.0), np.exp(-X / 5), np.where(X > 5, np.nan, X)])
def test_any_finite_line_can_be_drawn(y: np.ndarray) -> None:
    figure = curves([Line("a", X, y)], title="t", x_name="updates", y_name="y", top=("epochs", 7.0))
    assert b"nan" not in draw(figure).svg.lower()


def test_a_single_row_can_be_drawn() -> None:
    line = Line("a", np.array([0.0]), np.array([1.0]), np.array([0.5]), np.array([1.5]))
    assert draw(curves([line], title="t", x_name="updates", y_name="y")).png


def test_names_are_taken_literally(fake: Any) -> None:
    lines = [Line(name, X, X + place) for place, name in enumerate(fake.hostile)]
    svg = draw(curves(lines, title=fake.hostile[1], x_name="updates", y_name="y")).svg
    texts = [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
    ]
    assert {"<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é back"} <= set(texts)


def test_keys_of_maps_keep_names_that_begin_with_an_underscore(fake: Any) -> None:
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    left = points[:, 0] < 0
    assert b">_hidden<" in draw(code_map(points, [("_hidden", left), ("$y$", ~left)], title="t")).svg
    assert draw(label_maps(points, [(name, left) for name in fake.hostile], title="t")).svg.count(b"<image") >= 5


def test_thousands_of_dots_become_one_picture() -> None:
    points = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    svg = draw(code_map(points, [], title="t")).svg
    assert svg.count(b"<image") == 1
    assert svg.count(b"<use") < 50


def test_equal_figures_give_equal_bytes(fake: Any) -> None:
    rows = [("a", fake.noise(4, 8, 6, 1)), ("b", fake.noise(4, 8, 6, 1))]
    first, second = (draw(picture_rows(rows, title="t", columns=list("wxyz"))) for _ in range(2))
    assert first == second


def test_an_inline_figure_takes_on_the_page_s_colours_and_meets_no_other_s_ids() -> None:
    svg = draw(curves([Line("a", X, X)], title="t", x_name="updates", y_name="y")).svg
    element = inline(svg, "one", "a <title>")
    assert element.startswith("<svg")
    assert 'aria-label="a &lt;title&gt;"' in element
    assert "http" not in element
    assert not [colour for colour in VARIABLES if f": {colour}" in element]
    ids = {node.attrib["id"] for node in ElementTree.fromstring(element).iter() if "id" in node.attrib}
    assert ids
    assert all(name.startswith("one-") for name in ids)


def test_tiles_keep_every_pixel_and_see_through_gaps(fake: Any) -> None:
    images = fake.noise(6, 4, 5, 1)
    picture = tile(fold(images, 3))
    assert picture.shape == (2 * 5 - 1, 3 * 6 - 1, 4)
    np.testing.assert_array_equal(picture[5:9, 6:11, 0], images[4, :, :, 0])
    assert not picture[4].any()
