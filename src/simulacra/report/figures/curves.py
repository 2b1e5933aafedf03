"""Learning curves: one chart, several lines, each named where it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from simulacra.report.figures import LINES, MUTED, NAME_LIMIT, blank, line_colour, round_ticks, styled
from simulacra.report.formatting import percent_ticks, plain, ticks

Numbers = NDArray[np.float64]
LINE_HEIGHT = 0.075  # of a chart: what one line's name takes
NOISY = 0.02  # of the chart's height: rows that jump more than this are smoothed
SPIKE = 3.0  # times the height of 99 in 100 values: a chart that would be higher leaves the others out


@dataclass(frozen=True)
class Line:
    """One line of a chart; its arrays are (n,)."""

    name: str  # written beside its end
    x: Numbers  # ascending
    y: Numbers  # what is not finite leaves a gap
    low: Numbers | None = None  # ends of intervals
    high: Numbers | None = None
    place: int | None = None  # in the palette, the same in all charts of a page; by default the place in this chart

    def colour(self, index: int) -> str:
        """Its colour as the line of this index in a chart."""
        return line_colour(self.name, index) if self.place is None else LINES[self.place % len(LINES)]


def is_noisy(y: Numbers) -> bool:
    """Whether neighbouring rows differ so much that a running mean is easier to read."""
    y = y[np.isfinite(y)]
    if len(y) < 16:
        return False
    span = np.quantile(y, 0.98) - np.quantile(y, 0.02)
    return bool(np.median(np.abs(np.diff(y))) > NOISY * span > 0)


def smooth(y: Numbers) -> Numbers:
    """Running mean under a bell whose width is a thirtieth of the line; gaps neither count nor spread."""
    width = max(1.0, len(y) / 30)
    reach = min(int(3 * width), len(y) - 1)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    finite = np.isfinite(y)
    total = np.convolve(np.where(finite, y, 0.0), bell)[reach : reach + len(y)]
    weight = np.convolve(finite.astype(np.float64), bell)[reach : reach + len(y)]
    mean: Numbers = np.full(len(y), np.nan)
    np.divide(total, weight, out=mean, where=finite)
    return mean


def wants_logarithm(lines: Sequence[Line]) -> bool:
    """Whether the values are positive and span so much that a linear axis would hide most of them."""
    values = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    if len(values) < 2 or values.min() <= 0:
        return False
    low, high = np.quantile(values, [0.05, 0.95])
    return bool(high > 50 * low)


def lowest_percent(lines: Sequence[Line], reference: float | None = None) -> float:
    """Where a chart of shares begins: at 0, or where all shares are high at the last ten percent below them."""
    values = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    low = min(float(values.min()), 1.0 if reference is None else reference)
    return np.floor(10 * low) / 10 if low >= 0.6 else 0.0


def limits(lines: Sequence[Line]) -> tuple[float, float, int]:
    """The lowest and the highest value that a chart shows, intervals among them, and how many values lie outside.

    That is none, unless a few spikes would flatten all other values: then 99 of 100 values decide.
    """
    every = [ends for line in lines for ends in (line.y, line.low, line.high) if ends is not None]
    values = np.concatenate([numbers[np.isfinite(numbers)] for numbers in every])
    low, high = float(values.min()), float(values.max())
    if len(values) <= 100:
        return low, high, 0
    inner = np.quantile(values, [0.005, 0.995]).tolist()
    if high - low <= SPIKE * (inner[1] - inner[0]) or inner[0] == inner[1]:
        return low, high, 0
    return inner[0], inner[1], int(((values < inner[0]) | (values > inner[1])).sum())


@styled()
def curves(
    lines: Sequence[Line],
    *,
    title: str,
    x_name: str,
    y_name: str,
    percent: bool = False,
    reference: float | None = None,
    top: tuple[str, float] | None = None,
) -> Figure:
    """A line chart.

    Args:
        lines: at least one of them with a finite value.
        title: what the chart shows.
        x_name: name and unit of the horizontal axis.
        y_name: name and unit of the vertical axis.
        percent: values are shares in [0, 1] and written as percent.
        reference: a dotted level, such as pure chance.
        top: name of a second horizontal axis, and how many units of the first make one of its units.
    """
    figure = blank()
    axes = figure.add_subplot()
    axes.set_title(plain(title, 42))
    axes.set_xlabel(x_name)
    axes.set_ylabel(plain(y_name, 36))
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    shown = [line for line in lines if np.isfinite(line.y).any()]
    for index, line in enumerate(shown):
        place = index if line.place is None else line.place
        _draw(axes, line, line.colour(index), dashed=place >= len(LINES))
    if reference is not None:
        axes.axhline(reference, color=MUTED, linewidth=1, linestyle=":")
    _scale(axes, shown, lowest_percent(shown, reference) if percent else None)
    steps = round_ticks(min(0.0, *(line.x[0] for line in shown)), max(line.x[-1] for line in shown), whole=True)
    axes.set_xlim(steps[0], steps[-1])
    axes.set_xticks(steps)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks(value)))
    if top and np.isfinite(top[1]) and top[1] > 0:
        name, unit = top
        second = axes.secondary_xaxis("top", functions=(partial(np.multiply, 1 / unit), partial(np.multiply, unit)))
        second.set_xlabel(name)
        second.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        second.xaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks(value)))
    _name_ends(axes, shown)
    return figure


def _draw(axes: Axes, line: Line, colour: str, *, dashed: bool) -> None:
    style = "--" if dashed else "-"
    if line.low is not None and line.high is not None:
        if len(line.x) > 1:
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
        else:
            axes.vlines(line.x, line.low, line.high, color=colour, linewidth=1)
    if is_noisy(line.y):
        axes.plot(line.x, line.y, color=colour, alpha=0.28, linewidth=0.7)
        axes.plot(line.x, smooth(line.y), color=colour, linestyle=style)
        return
    few = len(line.x) <= 12  # dots at the ends of the axes are whole
    axes.plot(line.x, line.y, color=colour, linestyle=style, marker="o" if few else "", markersize=3.5, clip_on=not few)


def _scale(axes: Axes, lines: Sequence[Line], lowest: float | None) -> None:
    """Limits and tick texts: percent from `lowest` to 100, logarithmic where values span decades, else linear."""
    low, high, _ = limits(lines)
    if lowest is not None:
        shares = round_ticks(lowest, 1.0)
        axes.set_ylim(shares[0], shares[-1])
        axes.set_yticks(shares, percent_ticks(shares))
        return
    if wants_logarithm(lines):
        axes.set_yscale("log")
        positive = [numbers[numbers > 0] for line in lines for numbers in (line.y, line.low) if numbers is not None]
        lowest_positive = float(min(each.min() for each in positive if each.size))
        axes.set_ylim(_one_two_five(lowest_positive, up=False), _one_two_five(high, up=True))
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        values = round_ticks(0.0 if 0 <= low < 0.5 * high else low, high)
        axes.set_ylim(values[0], values[-1])
        axes.set_yticks(values, [ticks(value) for value in values])


def _one_two_five(value: float, *, up: bool) -> float:
    """The next 1, 2 or 5 times a power of ten above or below a positive value."""
    power = 10.0 ** np.floor(np.log10(value) + 1e-12)
    near = [factor * power for factor in (1.0, 2.0, 5.0, 10.0)]
    return min(end for end in near if end >= value) if up else max(end for end in near if end <= value)


def _name_ends(axes: Axes, lines: Sequence[Line]) -> None:
    """Writes each line's name right of its last value, pushed apart where names would touch."""
    axes.get_ylim()  # settles the limits that the transforms below rest on
    ends = []
    for index, line in enumerate(lines):
        y = smooth(line.y) if is_noisy(line.y) else line.y
        last = float(y[np.isfinite(y)][-1])
        height = axes.transAxes.inverted().transform(axes.transData.transform((float(line.x[-1]), last)))[1]
        ends.append((float(np.clip(height, 0.0, 1.0)), line.name, line.colour(index)))
    spread = _apart([height for height, _, _ in ends], LINE_HEIGHT)
    for (_, name, colour), height in zip(ends, spread, strict=True):
        axes.annotate(
            plain(name, NAME_LIMIT),
            (1.0, height),
            xytext=(5, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Heights moved as little as needed so that any two are `least` apart, in their order."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved: list[float] = []
    for index in order:
        moved.append(max(heights[index], moved[-1] + least) if moved else heights[index])
    over = max(0.0, moved[-1] - 1.0) if moved else 0.0
    for index in reversed(range(len(moved))):
        ceiling = moved[index + 1] - least if index + 1 < len(moved) else moved[index] - over
        moved[index] = min(moved[index], ceiling)
    result = [0.0] * len(heights)
    for index, height in zip(order, moved, strict=True):
        result[index] = height
    return result
