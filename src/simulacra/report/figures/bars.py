"""Bars, the longest first: how much each number of a code tells."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from simulacra.report.style import LINES, MUTED, WIDTH, blank, styled

OUTLINED = 64  # bars beyond these are too thin for a gap between them


@styled()
def sorted_bars(
    lengths: NDArray[np.float64], alive: NDArray[np.bool_], *, title: str, x_name: str, y_name: str, dead: str
) -> Figure:
    """A bar for each number, the longest at the left; those that are not alive in grey.

    Args:
        lengths: (d,).
        alive: (d,).
        title: above the bars.
        x_name: what a bar is.
        y_name: name and unit of its length.
        dead: what a grey bar is, for the legend.
    """
    order = np.argsort(-lengths, kind="stable")
    figure = blank(WIDTH * 1.25)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    colours = [LINES[0] if lives else MUTED for lives in alive[order].tolist()]
    axes.bar(np.arange(1, len(order) + 1), lengths[order], 0.8 if len(order) <= OUTLINED else 1.0, color=colours)
    axes.set_xlim(0.4, len(order) + 0.6)
    axes.set_ylim(0, 1.06 * max(float(lengths.max()), 1e-6))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if not alive.all():
        axes.legend(handles=[Patch(color=LINES[0], label="active"), Patch(color=MUTED, label=dead)], loc="upper right")
    return figure
