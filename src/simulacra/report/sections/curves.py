"""Sections of numbers: learning curves, evaluations, and the main numbers of a run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simulacra.report.figures import Line, curves
from simulacra.report.figures.curves import is_noisy, percent_floor, wants_logarithm
from simulacra.report.formatting import MISSING, epochs, number, percent, plain
from simulacra.report.glossary import Words, of_chart, of_metric
from simulacra.report.page import Album, Block, Chart, Fold, Gallery, Section, Table, Tile
from simulacra.report.record import Record, Row, both_weights, measured_with, rank

COLUMNS = ("step", "epoch", "images")
EVALUATION = ("metric", "value", "low", "high", "floor", "n", "split", "extractor", "step", "better")
FACTS = ("seed", "real", "why", "judge", "labels", "chance")  # of a row, which tell no two series apart
REDUCTIONS = {"sum": "error an image, summed", "mean": "error a value"}  # what a recipe may ask for
NAME_LIMIT = 40  # letters of a name in a table's cell
Series = dict[tuple[str, str, str, str, str], list[Row]]


def value_of(row: Row, key: str) -> float:
    """A number of a row, not-a-number where there is none."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def charts_of(metrics: Sequence[Row]) -> dict[str, list[Line]]:
    """Chart -> its lines, out of the rows of metrics.jsonl, in the order in which they first appear."""
    keys = dict.fromkeys(key for row in metrics for key in row if key not in COLUMNS)
    found: dict[str, list[Line]] = {}
    for key in keys:
        chart, slash, name = key.partition("/")
        rows = [row for row in metrics if key in row]
        x = np.array([row["step"] for row in rows], dtype=np.float64)
        y = np.array([value_of(row, key) for row in rows])
        if np.isfinite(y).any():
            found.setdefault(chart, []).append(Line(name if slash else chart, x, y))
    return found


def series_of(evaluations: Sequence[Row], weights: bool | None = None) -> Series:
    """Rows that were measured alike, step by step.

    Args:
        evaluations: rows of evaluations.jsonl, by step.
        weights: whether the kind of weights tells rows apart; by default where there are both.

    Returns:
        (metric, split, extractor, whatever else tells rows apart, n where several tell them apart) -> rows, by step.
    """
    found: dict[tuple[str, str, str, str], list[Row]] = {}
    left_out = {*EVALUATION, *FACTS}
    if not (both_weights(evaluations) if weights is None else weights):
        left_out.add("weights")
    for row in evaluations:
        others = [
            f"{plain(key, NAME_LIMIT)} {plain(row[key], NAME_LIMIT)}" for key in sorted(row) if key not in left_out
        ]
        key = (str(row.get("metric")), str(row.get("split") or ""), str(row.get("extractor") or ""), ", ".join(others))
        found.setdefault(key, []).append(row)
    series: Series = {}
    for key, rows in found.items():
        several = len({str(row.get("n")) for row in rows}) > 1
        for row in rows:
            series.setdefault((*key, f"n {number(row.get('n'))}" if several else ""), []).append(row)
    return series


def written(words: Words, value: Any) -> str:
    """A value as its metric is read: percent or number."""
    return percent(value, 1) if words.percent else number(value)


def epochs_axis(record: Record) -> tuple[str, float] | None:
    """Name of the second axis and how many updates make an epoch, where the run counts epochs."""
    rows = [row for row in record.metrics if value_of(row, "epoch") > 0]
    return ("epochs", rows[-1]["step"] / rows[-1]["epoch"]) if rows else None


def headlines(record: Record, weights: bool | None = None) -> list[Tile]:
    """The main numbers: the last evaluations on images kept aside, and shares over the last tenth of the updates.

    Args:
        record: the run.
        weights: as `series_of` takes it.
    """
    last: dict[tuple[str, str], list[Row]] = {}
    for (metric, _, _, others, _), rows in series_of(record.evaluations, weights).items():
        if np.isfinite(value_of(rows[-1], "value")):
            last.setdefault((metric, others), []).append(rows[-1])
    best = [(*key, min(rows, key=_precedence)) for key, rows in last.items()]
    best.sort(key=lambda item: _precedence(item[2])[0])
    tiles = [_tile(metric, others, row, record.step) for metric, others, row in best[:3]]
    for chart, lines in charts_of(record.metrics).items():
        words = of_chart(chart, {line.name for line in lines})
        if words.percent:
            value = " / ".join(percent(last_tenth(line)) for line in lines[:3])
            tiles.append(Tile(words.title, value, " / ".join(plain(line.name, 16) for line in lines[:3])))
    return tiles[:5]


def _precedence(row: Row) -> tuple[int, int, float]:
    """Of rows of one metric, the first to be told: of images kept aside, the newest, of the most images."""
    return rank(str(row.get("split") or "")), -row["step"], -float(np.nan_to_num(value_of(row, "n")))


def _tile(metric: str, others: str, row: Row, step: int) -> Tile:
    words = of_metric(metric)
    label = f"{plain(metric, 24).upper() if len(metric) < 4 else words.title}{f', {others}' if others else ''}"
    note = f"{plain(row['split'], 20)} split" if row.get("split") else ""
    when = f"at update {number(row['step'])}" if row["step"] != step else ""
    value = written(words, row.get("value"))
    return Tile(plain(label, NAME_LIMIT), value, note, when, ", ".join(measured_with(row)))


def last_tenth(line: Line) -> float:
    """Mean over the last tenth of a line's steps."""
    late = line.y[line.x >= 0.9 * line.x[-1]]
    late = late[np.isfinite(late)]
    return float(late.mean()) if len(late) else float("nan")


def learning_curves(record: Record, album: Album) -> Section | None:
    """One chart for each prefix of the metrics, and one for each metric evaluated several times."""
    charts = [_chart(record, album, chart, lines) for chart, lines in charts_of(record.metrics).items()]
    charts += [_trend(record, album, metric, lines) for metric, lines in _trends(record).items()]
    return Section("Learning curves", [Gallery(charts)]) if charts else None


def _chart(record: Record, album: Album, chart: str, lines: Sequence[Line]) -> Chart:
    words = of_chart(chart, {line.name for line in lines})
    reduction = getattr(record.recipe and record.recipe.objective, "reduction", None)
    if chart == "reconstruction" and reduction in REDUCTIONS:
        words = replace(words, unit=REDUCTIONS[reduction])
    figure = curves(
        lines,
        title=words.title,
        x_name="updates",
        y_name=words.unit,
        percent=words.percent,
        reference=words.reference,
        top=epochs_axis(record),
    )
    return album.chart(chart, figure, alt=alt_of(words, lines), caption=caption_of(words, lines))


def caption_of(words: Words, lines: Sequence[Line]) -> str:
    """How to read a chart, with what its drawing did to the rows."""
    extra = []
    if words.reference is not None:
        extra.append(f"The dotted line is {percent(words.reference) if words.percent else number(words.reference)}.")
    if any(is_noisy(line.y) for line in lines):
        extra.append("Pale: as logged; bold: running mean.")
    if words.percent and (floor := percent_floor(lines, words.reference)):
        extra.append(f"The vertical axis begins at {percent(floor)}.")
    if not words.percent and wants_logarithm(lines):
        extra.append("The vertical axis is logarithmic.")
    return " ".join([words.reading, *extra])


def alt_of(words: Words, lines: Sequence[Line]) -> str:
    """What a chart shows, for whoever cannot see it."""
    parts = []
    for line in lines:
        known = line.y[np.isfinite(line.y)]
        first, last = written(words, float(known[0])), written(words, last_tenth(line))
        parts.append(f"{plain(line.name, 40)} begins at {first} and ends near {last}")
    return f"Line chart of {words.title.lower()} in {words.unit}: {'; '.join(parts)}."


def _trends(record: Record) -> dict[str, list[Line]]:
    """Metric -> a line for each split, where at least one was evaluated at several steps."""
    found: dict[str, list[Line]] = {}
    for (metric, split, extractor, others, n), rows in series_of(record.evaluations).items():
        x, y, low, high = (np.array([value_of(row, key) for row in rows]) for key in ("step", "value", "low", "high"))
        name = " ".join(filter(None, [split, extractor, n, others])) or metric
        if np.isfinite(y).any():
            band = bool(np.isfinite(low).any() and np.isfinite(high).any())
            found.setdefault(metric, []).append(Line(name, x, y, low if band else None, high if band else None))
    return {metric: lines for metric, lines in found.items() if any(len(line.x) > 1 for line in lines)}


def _trend(record: Record, album: Album, metric: str, lines: Sequence[Line]) -> Chart:
    words = of_metric(metric)
    figure = curves(
        lines,
        title=f"{words.title}, evaluated",
        x_name="updates",
        y_name=words.unit,
        percent=words.percent,
        top=epochs_axis(record),
    )
    band = " The band, or bar, is the interval." if any(line.low is not None for line in lines) else ""
    return album.chart(f"evaluated-{metric}", figure, alt=alt_of(words, lines), caption=caption_of(words, lines) + band)


def evaluations(record: Record) -> list[Block]:
    """A table of the last value of everything that was evaluated, and all values behind a fold."""
    shown = [row for row in record.evaluations if not str(row.get("why") or "").startswith("not applicable")]
    series = series_of(shown)
    if not series:
        return []
    last = [rows[-1] for _, rows in sorted(series.items(), key=lambda item: (item[0][0], rank(item[0][1])))]
    blocks: list[Block] = [_table("What was evaluated, each at its last step.", last)]
    if by_epoch := _by_epoch(record, series):
        blocks.append(Fold("Epoch by epoch", [by_epoch]))
    if len(shown) > len(last):
        blocks.append(Fold(f"All {len(shown)} evaluations", [_table("Every evaluation, by step.", shown)]))
    return blocks


def _by_epoch(record: Record, series: Series) -> Table | None:
    """A row for each step at which the run was evaluated on its way, a column for each metric and split."""
    axis = epochs_axis(record)
    known = sorted((key for key, rows in series.items() if len(rows) > 1 and not any(key[2:])), key=lambda key: key[:1])
    if axis is None or not known:
        return None
    found = {key: {row["step"]: row.get("value") for row in series[key]} for key in known}
    steps = sorted({step for values in found.values() for step in values})
    head = ["epoch", "updates", *(plain(f"{of_metric(key[0]).title}, {key[1]}", NAME_LIMIT) for key in known)]
    rows = [
        [epochs(step / axis[1]), number(step), *(written(of_metric(key[0]), found[key].get(step)) for key in known)]
        for step in steps
    ]
    return Table("What was evaluated during training.", head, rows, frozenset(range(1, len(head))))


def _table(caption: str, rows: Sequence[Row]) -> Table:
    """Evaluations as a table, with a column for an optional key only where a row has it."""
    optional = {"interval": ("low", "high"), "floor": ("floor",), "extractor": ("extractor",)}
    kept = [name for name, keys in optional.items() if any(row.get(key) is not None for row in rows for key in keys)]
    others = sorted({key for row in rows for key in row if key not in EVALUATION})
    head = ["metric", "value", *kept, "n", "split", "step", *(plain(key, NAME_LIMIT) for key in others)]
    cells = []
    for row in rows:
        words = of_metric(str(row.get("metric")))
        pair = row.get("low") is not None and row.get("high") is not None
        texts = {
            "metric": words.title,
            "value": written(words, row.get("value")),
            "interval": f"{written(words, row.get('low'))} to {written(words, row.get('high'))}" if pair else MISSING,
            "floor": written(words, row.get("floor")),
            "extractor": plain(row.get("extractor") or MISSING, NAME_LIMIT),
            "n": number(row.get("n")),
            "split": plain(row.get("split") or MISSING, NAME_LIMIT),
            "step": number(row.get("step")),
        }
        known = [texts[name] for name in head[: len(head) - len(others)]]
        cells.append([*known, *(plain(number(row.get(key)), NAME_LIMIT) for key in others)])
    numeric = frozenset(place for place, name in enumerate(head) if name in ("value", "interval", "floor", "n", "step"))
    return Table(caption, head, cells, numeric)
