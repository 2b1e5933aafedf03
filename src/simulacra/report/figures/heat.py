"""Heat maps: a number for every pair of two lists of names."""

from collections.abc import Sequence
from textwrap import wrap

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
MOST_WRITTEN = 24  # rows or columns up to which each cell has its number, where that fits in
DIGIT = 4.2  # points that a letter of a number is wide
UPRIGHT = 0.25  # inches of a cell below which slanted names of columns would run into one another
SPAN = 5.0  # inches that the cells of a larger map share
NAME_LIMIT = 18
SCALE, LETTER = 1.0, 0.095  # inches of the scale beside the map, and of a letter of the title
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
    texts: Sequence[str] | None = None,
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
        texts: what is written into the cells, row by row; their values by default.
    """
    count, across = values.shape
    end = most or float(np.abs(values).max()) or 1.0
    cell = min(CELL, max(SMALLEST, SPAN / max(count, across)))
    labels = [[plain(name, NAME_LIMIT) for name in names] for names in (columns, rows)]
    head = wrap(plain(title, 60), int((cell * across + SCALE) / LETTER))
    beside = SCALE + 0.3 + 0.08 * max(map(len, labels[1]))
    figure = blank(1.1 * cell * across + beside, cell * count + 1.6 + 0.15 * len(head))
    axes = figure.add_subplot()
    axes.set_title("\n".join(head))
    shades = LinearSegmentedColormap.from_list("values", CHANGES if signed else SHADES)
    image = axes.imshow(values, cmap=shades, vmin=-end if signed else 0, vmax=end, interpolation="nearest")
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    size = min(8.0, cell * 72 * 0.62)
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
    texts = texts or [_text(float(value), form) for value in values.flat]
    if max(count, across) <= MOST_WRITTEN and DIGIT * max(map(len, texts)) <= 72 * cell:
        _write(axes, values, texts, end)
    _scale(figure, axes, image, unit)
    return figure


def _text(value: float, form: str) -> str:
    """A number as it is written into its cell; what rounds to nothing is 0."""
    text = form.format(value)
    return text.replace("-", "−") if text.strip("+-0.%") else "0"


def _write(axes: Axes, values: NDArray[np.floating], texts: Sequence[str], end: float) -> None:
    """Numbers into cells."""
    for ((row, column), value), text in zip(np.ndenumerate(values), texts, strict=True):
        ink = CELL_PAPER if abs(value) > DARK * end else CELL_INK
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)


def _scale(figure: Figure, axes: Axes, image: AxesImage, unit: str) -> None:
    """The scale beside the map."""
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=24, pad=0.03)
    bar.outline.set_visible(False)
    bar.set_label(unit)
    bar.ax.tick_params(length=0, labelsize=7)
