"""Heat maps: a number for every pair of two lists of names."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from simulacra.report.formats import plain
from simulacra.report.style import CELL_INK, CELL_PAPER, CHANGES, INK, SHADES, blank, styled

CELL, SMALLEST = 0.42, 0.17  # inches
MOST_WRITTEN = 16  # rows or columns up to which each cell has its number
UPRIGHT = 0.25  # inches of a cell below which slanted names of columns would run into one another
SPAN = 5.0  # inches that the cells of a larger map share
NAME_LIMIT = 18
DARK = 0.62  # of the scale, from which numbers in a cell are light


@styled()
def heat_map(
    values: NDArray[np.floating],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    x_name: str,
    y_name: str,
    unit: str,
    form: str = "{:.2f}",
    signed: bool = False,
    most: float | None = None,
    own: int = 0,
) -> Figure:
    """Cells as dark as their value is large; with a sign, blue for more and vermilion for less.

    Args:
        values: (K, J).
        rows: K names.
        columns: J names.
        title: above the map.
        x_name: what a column is.
        y_name: what a row is.
        unit: beside the scale.
        form: how a value is written into its cell.
        signed: whether values lie around 0.
        most: end of the scale; the largest value by default.
        own: how many cells of the diagonal, from the first, are framed.
    """
    count, across = values.shape
    end = most or float(np.abs(values).max()) or 1.0
    cell = min(CELL, max(SMALLEST, SPAN / max(count, across)))
    figure = blank(cell * across + 2.4, cell * count + 1.7)
    axes = figure.add_subplot()
    axes.set_title(plain(title, 60))
    shades = LinearSegmentedColormap.from_list("values", CHANGES if signed else SHADES)
    image = axes.imshow(values, cmap=shades, vmin=-end if signed else 0, vmax=end, interpolation="nearest")
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    size = min(8.0, cell * 72 * 0.62)
    labels = [[plain(name, NAME_LIMIT) for name in names] for names in (columns, rows)]
    axes.set_xticks(range(across), labels[0], rotation_mode="anchor", fontsize=size, ha="right")
    slant = {"rotation": 90, "va": "center"} if cell < UPRIGHT else {"rotation": 45}
    for name in axes.get_xticklabels():
        name.set(**slant)
    axes.set_yticks(range(count), labels[1], fontsize=size)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for place in range(own):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=0.9))
    if max(count, across) <= MOST_WRITTEN:
        _write(axes, values, end, form)
    _scale(figure, axes, image, unit)
    return figure


def _write(axes: Axes, values: NDArray[np.floating], end: float, form: str) -> None:
    """Numbers into cells; what rounds to nothing is written as 0."""
    for (row, column), value in np.ndenumerate(values):
        text = form.format(value)
        if not text.strip("+-0.%"):
            text = "0"
        ink = CELL_PAPER if abs(value) > DARK * end else CELL_INK
        axes.text(column, row, text.replace("-", "−"), ha="center", va="center", color=ink, fontsize=7)


def _scale(figure: Figure, axes: Axes, image: AxesImage, unit: str) -> None:
    """The scale beside the map."""
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=24, pad=0.03)
    bar.outline.set_visible(False)
    bar.set_label(unit)
    bar.ax.tick_params(length=0, labelsize=7)
