"""Intervals: effects with every seed as a dot, and the values behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulacra.report.figures import INK, LINES, MUTED, NAME_LIMIT, RULE, WIDTH, blank, round_ticks, styled
from simulacra.report.formatting import plain

Numbers = NDArray[np.float64]
ROW = 0.42  # inches of a row
SPREAD = 0.16  # of a row: how far dots of one row lie apart


@dataclass(frozen=True)
class Dots:
    """A row of a chart of intervals.

    Attributes:
        name: before the row.
        values: (n,), one per seed.
        value: drawn as a mark among them.
        low: end of its interval; None without one.
        high: the other end.
        place: in the palette, the same in all charts of a page; None is drawn in the colour of text.
    """

    name: str
    values: Numbers
    value: float | None = None
    low: float | None = None
    high: float | None = None
    place: int | None = None


@styled()
def intervals(
    rows: Sequence[Dots], *, title: str, x_name: str, zero: bool = False, margin: float | None = None
) -> Figure:
    """Rows of dots, each with its mean and interval.

    Args:
        rows: from top to bottom.
        title: above the chart.
        x_name: name and unit of the axis.
        zero: whether a line is drawn at 0, where there is no effect.
        margin: the band around 0 that counts as none.
    """
    figure = blank(WIDTH, 1.0 + ROW * len(rows))
    axes = figure.add_subplot()
    axes.set_title(plain(title, 48))
    axes.set_xlabel(plain(x_name, 60))
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    if margin is not None:
        axes.axvspan(-margin, margin, color=RULE, alpha=0.6, linewidth=0)
    if zero:
        axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=":")
    for index, row in enumerate(rows):
        _draw(axes, row, index, INK if row.place is None else LINES[row.place % len(LINES)])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [plain(row.name, NAME_LIMIT) for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    marks = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    marks += [float(value) for row in rows for value in row.values]
    marks += [0.0] * zero + ([] if margin is None else [-margin, margin])
    steps = round_ticks(min(marks), max(marks))
    axes.set_xlim(steps[0], steps[-1])
    axes.set_xticks(steps)
    return figure


def _draw(axes: Axes, row: Dots, index: int, colour: str) -> None:
    """A row: dots of seeds, one a little below the other, and the mean with its interval above them."""
    count = len(row.values)
    heights = index + 0.14 + SPREAD * (np.arange(count) % 2)
    axes.plot(row.values, heights, linestyle="", marker="o", markersize=4, color=colour, alpha=0.7, clip_on=False)
    if row.low is not None and row.high is not None:
        axes.hlines(index - 0.14, row.low, row.high, color=colour, linewidth=2.2)
    if row.value is not None:
        axes.plot([row.value], [index - 0.14], marker="D", markersize=5.5, color=colour, clip_on=False)
