"""Matrices of counts: what is true against what was told."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulacra.report.formats import plain
from simulacra.report.style import CELL_INK, CELL_PAPER, SHADES, blank, styled

CELL = 0.42  # inches
MOST_NUMBERS = 20  # classes; in larger matrices the cells are too small to be written in
NAME_LIMIT = 16


@styled()
def count_matrix(counts: NDArray[np.int64], names: Sequence[str], *, title: str, x_name: str, y_name: str) -> Figure:
    """A square matrix of counts, each cell as dark as its share of its row.

    Args:
        counts: (K, K).
        names: of the K rows, and of the columns.
        title: above the matrix.
        x_name: what a column is.
        y_name: what a row is.
    """
    count = len(counts)
    written = count <= MOST_NUMBERS
    side = CELL * count if written else CELL * MOST_NUMBERS
    figure = blank(side + 1.6, side + 1.6)
    axes = figure.add_subplot()
    axes.set_title(plain(title, 42))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("shares", SHADES)
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    shown = [plain(name, NAME_LIMIT) for name in names] if written else []
    axes.set_xticks(range(len(shown)), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(shown)), shown)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for row, column in np.argwhere(counts > 0).tolist() if written else []:
        ink = CELL_PAPER if shares[row, column] > 0.8 else CELL_INK
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=ink, fontsize=7)
    return figure
