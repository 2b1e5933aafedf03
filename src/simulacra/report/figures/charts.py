"""Bars, shares side by side, heat maps, and codes of test images as dots in the plane."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from simulacra.report.figures import (
    ABSENT,
    CELL_INK,
    CELL_PAPER,
    CHANGES,
    CLASSES,
    INK,
    LINES,
    MUTED,
    NAME_LIMIT,
    PRESENT,
    RULE,
    SHADES,
    WIDTH,
    blank,
    dots_key,
    round_ticks,
    styled,
)
from simulacra.report.formatting import percent, plain

OUTLINED = 64  # bars beyond these are too thin for a gap between them


@styled()
def sorted_bars(
    lengths: NDArray[np.float64], active: NDArray[np.bool_], *, title: str, x_name: str, y_name: str
) -> Figure:
    """A bar for each of `lengths` (d,), the longest at the left; those that are not `active` (d,) in grey."""
    order = np.argsort(-lengths, kind="stable")
    figure = blank(WIDTH * 1.25)
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    colours = [LINES[0] if flag else MUTED for flag in active[order].tolist()]
    axes.bar(np.arange(1, len(order) + 1), lengths[order], 0.8 if len(order) <= OUTLINED else 1.0, color=colours)
    axes.set_xlim(0.4, len(order) + 0.6)
    heights = round_ticks(0.0, max(float(lengths.max()), 1e-6))
    axes.set_ylim(0, heights[-1])
    axes.set_yticks(heights)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if not active.all():
        patches = [Patch(color=LINES[0], label="active"), Patch(color=MUTED, label="inactive")]
        axes.legend(handles=patches, loc="upper right")
    return figure


CELL, SMALLEST = 0.42, 0.17  # inches
MOST_WRITTEN = 24  # rows or columns up to which each cell has its number, where that fits in
DIGIT = 4.2  # points that a letter of a number is wide
UPRIGHT = 0.25  # inches of a cell below which slanted names of columns would run into one another
SPAN = 5.0  # inches that the cells of a larger map share
HEAT_NAME_LIMIT = 18
SCALE, LETTER = 1.0, 0.095  # inches of the scale beside the map, and of a letter of the title
DARK = 0.62  # of the scale, from which numbers in a cell are light


@styled()
def heat_map(
    values: NDArray[np.floating],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    axes: tuple[str, str],
    unit: str,
    form: str = "{:.2f}",
    signed: bool = False,
    most: float | None = None,
    framed: int = 0,
    texts: Sequence[str] | None = None,
) -> Figure:
    """Cells as dark as their value is large; with a sign, blue for more and vermilion for less.

    Args:
        values: (K, J).
        rows: K names.
        columns: J names.
        title: above the map.
        axes: what a column is, and what a row is.
        unit: beside the scale.
        form: how a value is written into its cell.
        signed: whether values lie around 0.
        most: end of the scale; by default the next round number above the largest value.
        framed: how many cells of the diagonal, from the first, have a frame.
        texts: what is written into the cells, row by row; their values by default.
    """
    count, across = values.shape
    end = round_ticks(0.0, most or float(np.abs(values).max()))[-1]
    cell = min(CELL, max(SMALLEST, SPAN / max(count, across)))
    labels = [[plain(name, HEAT_NAME_LIMIT) for name in names] for names in (columns, rows)]
    head = wrap(plain(title, 60), int((cell * across + SCALE) / LETTER))
    beside = SCALE + 0.3 + 0.08 * max(map(len, labels[1]))
    figure = blank(1.1 * cell * across + beside, cell * count + 1.6 + 0.15 * len(head))
    plot = figure.add_subplot()
    plot.set_title("\n".join(head))
    shades = LinearSegmentedColormap.from_list("values", CHANGES if signed else SHADES)
    image = plot.imshow(values, cmap=shades, vmin=-end if signed else 0, vmax=end, interpolation="nearest")
    plot.set_xlabel(axes[0])
    plot.set_ylabel(axes[1])
    size = min(8.0, cell * 72 * 0.62)
    plot.set_xticks(range(across), labels[0], rotation_mode="anchor", fontsize=size, ha="right")
    slant = {"rotation": 90, "va": "center"} if cell < UPRIGHT else {"rotation": 45}
    for name in plot.get_xticklabels():
        name.set(**slant)
    plot.set_yticks(range(count), labels[1], fontsize=size)
    plot.tick_params(length=0)
    for spine in plot.spines.values():
        spine.set_visible(False)
    for index in range(framed):
        plot.add_patch(Rectangle((index - 0.5, index - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=0.9))
    texts = texts or [_text(float(value), form) for value in values.flat]
    if max(count, across) <= MOST_WRITTEN and DIGIT * max(map(len, texts)) <= 72 * cell:
        for ((row, column), value), text in zip(np.ndenumerate(values), texts, strict=True):
            ink = CELL_PAPER if abs(value) > DARK * end else CELL_INK
            plot.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)
    scale = figure.colorbar(image, ax=plot, shrink=0.9, aspect=24, pad=0.03)
    scale.outline.set_visible(False)
    scale.set_label(unit)
    scale.ax.tick_params(length=0, labelsize=7)
    return figure


def _text(value: float, form: str) -> str:
    """A number as it is written into its cell; what rounds to nothing is 0."""
    text = form.format(value)
    return text.replace("-", "−") if text.strip("+-0.%") else "0"


ROW = 0.21  # inches a label takes
LEAST = 0.002  # smaller shares, and those as near to 1, are drawn at the edge
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
    """Two shares (K,) in [0, 1] of each label as dots on one line, the most frequent label by the first at the top.

    The axis is that of odds, on which 1% and 2% are as far apart as 98% and 99%, so that rare labels can be read.
    `limits` are the lower and upper (K,) limits of the second; `keys` name the two.
    """
    order = np.argsort(first, kind="stable")
    rows = np.arange(len(order))
    positions, others, low, high = (_log_odds(values[order]) for values in (first, second, *limits))
    figure = blank(WIDTH + 0.6, 1.0 + ROW * len(order))
    axes = figure.add_subplot()
    axes.hlines(rows, np.minimum(positions, others), np.maximum(positions, others), color=RULE, linewidth=3, zorder=1)
    axes.hlines(rows, low, high, color=LINES[1], linewidth=1, zorder=2)
    for values, colour, marker in ((positions, LINES[0], "o"), (others, LINES[1], "D")):
        axes.plot(values, rows, linestyle="", marker=marker, markersize=4.5, color=colour, zorder=3, clip_on=False)
    axes.set_yticks(rows, [plain(names[index], NAME_LIMIT) for index in order.tolist()])
    axes.tick_params(axis="y", length=0, pad=7)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    shown = _marks(min(positions.min(), others.min(), low.min()), max(positions.max(), others.max(), high.max()))
    axes.set_xticks(_log_odds(np.array(shown)), [percent(mark, int(mark < 0.01 or mark > 0.99)) for mark in shown])
    axes.set_xlim(*_log_odds(np.array([shown[0], shown[-1]])))
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("share of images")
    dots_key(axes, keys, LINES[:2], "oD", columns=2)
    axes.set_title(plain(title, 42), pad=18)
    return figure


def _marks(left: float, right: float) -> list[float]:
    """The shares that are written at an axis from one log-odds to another; it ends at the outer two."""
    places = _log_odds(np.array(MARKS))
    first = int((places <= left + 1e-9).sum()) - 1
    last = len(MARKS) - int((places >= right - 1e-9).sum())
    first, last = (max(0, first - 1), min(len(MARKS) - 1, last + 1)) if first == last else (first, last)
    every = -(-(last - first) // MOST_MARKS)
    return [MARKS[first], *MARKS[first + every : last - every + 1 : every], MARKS[last]]


def _log_odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(shares, LEAST, 1 - LEAST)
    return np.log(inside / (1 - inside))


Points = NDArray[np.float32]
Flags = NDArray[np.bool_]
MARKERS = "osD^v"
MOST_CLASSES = 12
UNNAMED = ("first coordinate of the map (no unit)", "second coordinate (no unit)")


@styled()
def code_map(
    points: Points, groups: Sequence[tuple[str, Flags]], *, title: str, names: tuple[str, str] = UNNAMED
) -> Figure:
    """One map of points (N, 2), coloured by groups of dots, each a name and (N,) bool; without groups all look alike.

    Two groups mean absent and present. Groups beyond the twelve largest are drawn in grey. The axes are named, and have
    numbers, where their numbers mean something.
    """
    figure = blank(WIDTH, WIDTH if len(groups) < 5 else 1.1 * WIDTH)
    axes = figure.add_subplot()
    labels, colours, markers = _scatter(axes, points, groups)
    columns = 2 if len(labels) < 5 else 4
    if labels:
        dots_key(axes, labels, colours, markers, columns=columns)
    axes.set_title(plain(title, 42), pad=6 + 12.5 * -(-len(labels) // columns))
    if names is UNNAMED:
        axes.set_xticks([])
        axes.set_yticks([])
    else:
        _number_axes(axes, points)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return figure


def _number_axes(axes: Axes, points: Points) -> None:
    """Axes of one unit that end at round numbers, with the same steps along both."""
    low, high = points.min(0).tolist(), points.max(0).tolist()
    wide = int(high[1] - low[1] > high[0] - low[0])
    marks = round_ticks(low[wide], high[wide])
    step = marks[1] - marks[0]
    across, up = (
        step * np.arange(np.floor(start / step + 1e-9), np.ceil(end / step - 1e-9) + 1)
        for start, end in zip(low, high, strict=True)
    )
    axes.set_aspect("equal", "box")
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(up[0], up[-1])
    axes.set_xticks(across)
    axes.set_yticks(up)


@styled()
def label_maps(points: Points, labels: Sequence[tuple[str, Flags]], *, title: str) -> Figure:
    """The same map of points (N, 2) several times, coloured by one label (N,) each; at most eight are drawn."""
    shown = labels[:8]
    across = min(3, len(shown))
    down = -(-len(shown) // across)
    figure = blank(WIDTH, WIDTH / across * down + 0.6)
    figure.suptitle(plain(title, 42), x=0.01, ha="left", fontweight="bold", fontsize=9.5)
    for index, (name, present) in enumerate(shown):
        axes = figure.add_subplot(down, across, index + 1)
        _scatter(axes, points, [("", ~present), ("", present)], area=2.5)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{plain(name, 14)} {percent(float(present.mean()))}", fontsize=7.5, fontweight="normal")
    dots = [Line2D([], [], linestyle="", marker="o", color=colour, markersize=5) for colour in (ABSENT, PRESENT)]
    figure.legend(dots, ["without the label", "with it"], loc="outside lower left", ncols=2, handletextpad=0.1)
    return figure


def _scatter(
    axes: Axes, points: Points, groups: Sequence[tuple[str, Flags]], area: float | None = None
) -> tuple[list[str], list[str], list[str]]:
    """Draws the dots as one picture inside the SVG, in mixed order; gives the groups' names, colours and markers."""
    area = area or float(np.clip(12_000 / max(1, len(points)), 3, 18))
    axes.set_aspect("equal", "datalim")
    axes.spines[["top", "right"]].set_visible(True)
    if not groups:
        axes.scatter(points[:, 0], points[:, 1], s=area, color=PRESENT, linewidths=0, rasterized=True)
        return [], [], []
    binary = len(groups) == 2
    order = sorted(range(len(groups)), key=lambda index: -int(groups[index][1].sum()))
    large = sorted(order[:MOST_CLASSES])
    names = [plain(groups[index][0], NAME_LIMIT if binary else 14) for index in large]
    colours = [(ABSENT, PRESENT)[index] if binary else CLASSES[index % len(CLASSES)] for index in large]
    markers = [MARKERS[index // len(CLASSES) % len(MARKERS)] for index in large]
    if len(groups) > len(large):
        names, colours, markers = [*names, "others"], [*colours, MUTED], [*markers, "o"]
    group = np.full(len(points), len(large))
    for row, index in enumerate(large):
        group[groups[index][1]] = row
    mixed = np.random.default_rng(0).permutation(len(points))  # so that no group hides another by being drawn last
    for marker in dict.fromkeys(markers):
        rows = mixed[[index < len(markers) and markers[index] == marker for index in group[mixed]]]
        tint = [colours[index] for index in group[rows]]
        axes.scatter(
            points[rows, 0], points[rows, 1], s=area, c=tint, marker=marker, alpha=0.75, linewidths=0, rasterized=True
        )
    return names, colours, markers
