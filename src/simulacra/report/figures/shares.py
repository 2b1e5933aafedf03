"""Shares side by side: how often each thing is there in one set and in another."""

from collections.abc import Sequence
from math import exp

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulacra.report.formats import percent, plain
from simulacra.report.style import LINES, NAME_LIMIT, RULE, WIDTH, blank, dots_key, styled

ROW = 0.21  # inches a label takes
LEAST = 0.002  # smaller shares, and those as near to 1, are drawn at the edge
SPARE = 0.25  # of log-odds beside the outermost dots
MARKS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.998)
MOST_MARKS = 7


@styled()
def share_pairs(
    names: Sequence[str],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    limits: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    title: str,
    keys: tuple[str, str],
) -> Figure:
    """Two shares of each label as dots on one line, the commonest label at the top.

    The axis is that of odds, on which 1% and 2% are as far apart as 98% and 99%, so that rare labels can be read.

    Args:
        names: of the K labels.
        first: (K,) shares in [0, 1], which set the order.
        second: (K,) shares to compare with them.
        limits: (K,) lower and (K,) upper limits of the second.
        title: above the figure.
        keys: what the first and the second are called.
    """
    order = np.argsort(first, kind="stable")
    rows = np.arange(len(order))
    places, others, low, high = (_log_odds(values[order]) for values in (first, second, *limits))
    figure = blank(WIDTH + 0.6, 1.0 + ROW * len(order))
    axes = figure.add_subplot()
    axes.hlines(rows, np.minimum(places, others), np.maximum(places, others), color=RULE, linewidth=3, zorder=1)
    axes.hlines(rows, low, high, color=LINES[1], linewidth=1, zorder=2)
    for values, colour, marker in ((places, LINES[0], "o"), (others, LINES[1], "D")):
        axes.plot(values, rows, linestyle="", marker=marker, markersize=4.5, color=colour, zorder=3)
    axes.set_yticks(rows, [plain(names[place], NAME_LIMIT) for place in order.tolist()])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    left, right = min(places.min(), low.min()) - SPARE, max(places.max(), high.max()) + SPARE
    axes.set_xlim(left, right)
    inside = [mark for mark in MARKS if left <= float(_log_odds(np.array(mark))) <= right]
    inside = inside or [_share((left + right) / 2)]  # all shares lie between two marks
    shown = inside[:: -(-len(inside) // MOST_MARKS)]
    axes.set_xticks(_log_odds(np.array(shown)), [percent(mark, int(mark < 0.01 or mark > 0.99)) for mark in shown])
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("share of images")
    dots_key(axes, keys, LINES[:2], "oD", columns=2)
    axes.set_title(plain(title, 42), pad=18)
    return figure


def _share(log_odds: float) -> float:
    """The share of these odds, to a percent, or to a tenth of one where that is written."""
    share = 1 / (1 + exp(-log_odds))
    return round(share, 2 if 0.01 <= share <= 0.99 else 3)


def _log_odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.clip(shares, LEAST, 1 - LEAST)
    found: NDArray[np.float64] = np.log(held / (1 - held))
    return found
