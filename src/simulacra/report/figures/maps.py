"""Maps: codes of test images as dots in the plane, coloured by labels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from simulacra.report.figures import ABSENT, CLASSES, MUTED, NAME_LIMIT, PRESENT, WIDTH, blank, dots_key, styled
from simulacra.report.formatting import percent, plain

Points = NDArray[np.float32]
Flags = NDArray[np.bool_]
MARKERS = "osD^v"
MOST_CLASSES = 12
UNNAMED = ("first coordinate of the map (no unit)", "second coordinate (no unit)")


@styled()
def code_map(
    points: Points, groups: Sequence[tuple[str, Flags]], *, title: str, names: tuple[str, str] = UNNAMED
) -> Figure:
    """One map.

    Args:
        points: (N, 2) positions.
        groups: name and (N,) bool of each group of dots, drawn in one colour. Two groups mean absent and present.
            Groups beyond the twelve largest are drawn in grey. Without groups all dots look alike.
        title: above the map.
        names: of the two axes, where their numbers mean something; otherwise the axes have no numbers.
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
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return figure


@styled()
def label_maps(points: Points, labels: Sequence[tuple[str, Flags]], *, title: str) -> Figure:
    """The same map several times, coloured by one label each.

    Args:
        points: (N, 2) positions.
        labels: name and (N,) bool of each label; at most eight are drawn.
        title: above all maps.
    """
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
