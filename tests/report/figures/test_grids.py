"""Promises of rows of pictures: every pixel is kept, and equal pictures give equal bytes."""

from typing import Any

import numpy as np

from simulacra.report.figures import draw
from simulacra.report.figures.grids import fold, picture_rows, tile


def test_equal_figures_give_equal_bytes(fake: Any) -> None:
    rows = [("a", fake.noise(4, 8, 6, 1)), ("b", fake.noise(4, 8, 6, 1))]
    first, second = (draw(picture_rows(rows, title="t", columns=list("wxyz"))) for _ in range(2))
    assert first == second


def test_tiles_keep_every_pixel_and_see_through_gaps(fake: Any) -> None:
    images = fake.noise(6, 4, 5, 1)
    picture = tile(fold(images, 3))
    assert picture.shape == (2 * 5 - 1, 3 * 6 - 1, 4)
    np.testing.assert_array_equal(picture[5:9, 6:11, 0], images[4, :, :, 0])
    assert not picture[4].any()
