"""Learning curves, and the numbers that were measured at several steps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.report.figures.curves import Line, curves, is_noisy, limits, lowest_percent, wants_logarithm
from simulacra.report.formatting import number, percent, plain
from simulacra.report.glossary import Words, of_chart, of_metric, unreliable, written
from simulacra.report.page import Album, Chart, Gallery, Section, Tile
from simulacra.report.record import (
    Record,
    Row,
    Series,
    both_weights,
    method,
    names_of,
    rank,
    series_of,
    specifics,
    topic,
)

COLUMNS = ("step", "epoch", "images")  # of metrics.jsonl, which are no curves
REDUCTIONS = {"sum": "error per image (summed)", "mean": "error per value"}  # what a recipe may ask for
MOST_TILES = 5


def value_of(row: Row, key: str) -> float:
    """A number of a row of metrics.jsonl, not-a-number where there is none."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def charts_of(metrics: Sequence[Row]) -> dict[str, list[Line]]:
    """Chart -> its lines, out of the rows of metrics.jsonl, in the order in which they first appear."""
    charts: dict[str, list[Line]] = {}
    for key in dict.fromkeys(key for row in metrics for key in row if key not in COLUMNS):
        chart, slash, name = key.partition("/")
        rows = [row for row in metrics if key in row]
        x = np.array([row["step"] for row in rows], dtype=np.float64)
        y = np.array([value_of(row, key) for row in rows])
        if np.isfinite(y).any():
            charts.setdefault(chart, []).append(Line(name if slash else chart, x, y))
    return charts


def epochs_axis(record: Record) -> tuple[str, float] | None:
    """Name of the second axis and how many updates make an epoch, where the run counts epochs."""
    rows = [row for row in record.metrics if value_of(row, "epoch") > 0]
    return ("epochs", rows[-1]["step"] / rows[-1]["epoch"]) if rows else None


def headlines(record: Record, weights: bool | None = None) -> list[Tile]:
    """The main numbers: the last measurements of held-out images, and shares over the last tenth of the updates.

    The kind of weights is named where `weights` says so; by default where the run was measured with both kinds.
    """
    weights = both_weights(record.named) if weights is None else weights
    candidates: dict[tuple[str, ...], list[Measurement]] = {}
    for rows in series_of(record.named):
        if rows[-1].estimate:
            candidates.setdefault((rows[-1].metric, *specifics(rows[-1], weights)), []).append(rows[-1])
    # Of one metric comes first: a number of held-out images, the newest, of the most images.
    best = [
        (others, min(rows, key=lambda row: (rank(row.split), -row.step, -(row.n or 0))))
        for (_, *others), rows in candidates.items()
    ]
    # What a label asks for comes first, and all labels together before single ones; what is not reliable comes last.
    best.sort(
        key=lambda item: (
            bool(topic(item[1])),
            bool(unreliable(item[1])),
            not item[1].obedience,
            rank(item[1].split),
        )
    )
    tiles = [_tile(row, others, record.step) for others, row in best[:3]]
    for chart, lines in charts_of(record.metrics).items():
        words = of_chart(chart, {line.name for line in lines})
        if words.percent:
            value = " / ".join(percent(last_tenth(line)) for line in lines[:3])
            tiles.append(Tile(words.title, value, " / ".join(plain(line.name, 16) for line in lines[:3])))
    return tiles[:MOST_TILES]


def _tile(row: Measurement, others: Sequence[str], step: int) -> Tile:
    words = of_metric(row.metric)
    name = row.metric.upper() if len(row.metric) < 4 else words.title
    note = f"{plain(row.split, 20)} split" if row.split else ""
    word = f"{row.obedience} (chance {written(words, row.chance)}, judge {written(words, row.baseline)})"
    when = [word if row.obedience else "", f"at update {number(row.step)}" if row.step != step else ""]
    value = written(words, row.estimate and row.estimate.value)
    text = ", ".join(filter(None, when))
    return Tile(", ".join([name, *others]), value, note, text, ", ".join(method(row.conditions)), row.metric)


def last_tenth(line: Line) -> float:
    """Mean over the last tenth of a line's steps."""
    late = line.y[line.x >= 0.9 * line.x[-1]]
    late = late[np.isfinite(late)]
    return float(late.mean()) if len(late) else float("nan")


def learning_curves(record: Record, album: Album) -> Section | None:
    """One chart for each prefix of the metrics, and one for each metric that was evaluated several times."""
    charts, top = [], epochs_axis(record)
    reduction = getattr(record.recipe and record.recipe.objective, "reduction", None)
    for chart, lines in charts_of(record.metrics).items():
        words = of_chart(chart, {line.name for line in lines})
        if chart == "reconstruction" and reduction in REDUCTIONS:
            words = replace(words, unit=REDUCTIONS[reduction])
        charts.append(line_chart(album, chart, words, lines, top=top))
    for metric, lines in _trends(record).items():
        trend = of_metric(metric)
        trend = replace(trend, title=f"{trend.title}, evaluated")
        note = " The band, or bar, is the 95% interval." if any(line.low is not None for line in lines) else ""
        charts.append(line_chart(album, f"evaluated-{metric}", trend, lines, note, top=top))
    return Section("Learning curves", [Gallery(charts)]) if charts else None


def line_chart(
    album: Album,
    name: str,
    words: Words,
    lines: Sequence[Line],
    note: str = "",
    *,
    x_name: str = "updates",
    top: tuple[str, float] | None = None,
) -> Chart:
    """Lines with what is said of them; `note` ends the caption, and `top` is as for `figures.curves.curves`."""
    figure = curves(
        lines,
        title=words.title,
        x_name=x_name,
        y_name=words.unit,
        percent=words.percent,
        reference=words.reference,
        top=top,
    )
    return album.chart(name, figure, alt=alt_of(words, lines), caption=caption_of(words, lines) + note)


def caption_of(words: Words, lines: Sequence[Line]) -> str:
    """How to read a chart, and how its lines and axes were drawn."""
    extra = []
    if words.reference is not None:
        extra.append(f"The dotted line is {percent(words.reference) if words.percent else number(words.reference)}.")
    if any(is_noisy(line.y) for line in lines):
        extra.append("Pale line: values as logged. Bold line: running mean.")
    if words.percent and (start := lowest_percent(lines, words.reference)):
        extra.append(f"The vertical axis begins at {percent(start)}.")
    if not words.percent and wants_logarithm(lines):
        extra.append("The vertical axis is logarithmic.")
    elif not words.percent and (outside := limits(lines)[2]):
        extra.append(f"{number(outside)} value{'s lie' if outside > 1 else ' lies'} outside the chart.")
    return " ".join([words.reading, *extra])


def alt_of(words: Words, lines: Sequence[Line]) -> str:
    """What a chart shows, for readers who cannot see it."""
    parts = []
    for line in lines:
        finite = line.y[np.isfinite(line.y)]
        first, last = written(words, float(finite[0])), written(words, last_tenth(line))
        parts.append(f"{plain(line.name, 40)} begins at {first} and ends near {last}")
    return f"Line chart of {words.title.lower()} in {words.unit}: {'; '.join(parts)}."


def line_of(rows: Series, name: str) -> Line:
    """A series as a line over updates, with its intervals where they are known."""
    x = np.array([row.step for row in rows], dtype=np.float64)
    estimates = [row.estimate or Estimate(float("nan")) for row in rows]
    values = np.array([(each.value, each.low, each.high) for each in estimates], dtype=np.float64)  # None becomes nan
    y, low, high = values.T
    return Line(name, x, y, low, high) if np.isfinite(low).any() else Line(name, x, y)


def _trends(record: Record) -> dict[str, list[Line]]:
    """Metric -> a line for each series, where at least one was measured at several steps."""
    trends: dict[str, list[Line]] = {}
    series = series_of(record.named)
    for rows, name in zip(series, names_of(series), strict=True):
        line = line_of(rows, " ".join([*filter(None, [rows[-1].split]), *name]) or rows[-1].metric)
        if np.isfinite(line.y).any():
            trends.setdefault(rows[-1].metric, []).append(line)
    return {metric: lines for metric, lines in trends.items() if any(len(line.x) > 1 for line in lines)}
