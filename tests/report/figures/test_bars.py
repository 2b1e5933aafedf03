"""Promises of heat maps and pairs of shares: every cell is named, and large maps stay readable."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from simulacra.report.figures import draw
from simulacra.report.figures.bars import heat_map, share_pairs


def drawn(values: np.ndarray, **changes: Any) -> Figure:
    """A heat map with rows and columns `name 0`, `name 1` and so on."""
    rows, columns = ([f"name {index}" for index in range(count)] for count in values.shape)
    texts = {"title": "t", "axes": ("x", "y"), "unit": "u"}
    return heat_map(values, rows, columns, **texts | changes)


def test_small_maps_have_numbers_and_large_ones_all_their_names(fake: Any) -> None:
    random = np.random.default_rng(0)
    assert len(fake.words_in(draw(drawn(random.uniform(size=(12, 12)))).svg)) >= 12 * 12 + 24
    texts = fake.words_in(draw(drawn(random.uniform(size=(40, 40)), framed=40)).svg)
    assert sum(text.startswith("name ") for text in texts) == 80
    assert len(texts) < 100, "cells of forty rows are too small for numbers"


def test_numbers_are_written_where_the_longest_fits_into_its_cell(fake: Any) -> None:
    values = 100 * np.random.default_rng(0).uniform(0.1, 0.9, size=(24, 3))
    assert len(fake.words_in(draw(drawn(values, form="{:.0f}")).svg)) >= 24 * 3 + 27
    assert len(fake.words_in(draw(drawn(values, form="{:.3f}")).svg)) < 24 * 3


@pytest.mark.parametrize("shape", [(2, 2), (8, 3), (24, 12)])
def test_a_title_is_not_cut_off_above_a_narrow_map(shape: tuple[int, int]) -> None:
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
def test_equal_shares_can_be_drawn(value: float, fake: Any) -> None:
    same = np.full(10, value)
    figure = share_pairs(list("abcdefghij"), same, same, (same, same), title="t", keys=("one", "other"))
    marks = [text for text in fake.words_in(draw(figure).svg) if text.endswith("%")]
    assert f"{100 * value:.0f}%" in marks if 0 < value < 1 else marks, "a mark, between those of the axis too"
