"""The score card: every number of a run on a scale with its interval and baseline, and tables of all evaluations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.catalogue import Metric
from simulacra.estimates import Estimate
from simulacra.measurements import Measurement
from simulacra.report.figures import round_ticks
from simulacra.report.formatting import MISSING, epochs, number, percent_ticks, plain, ticks
from simulacra.report.glossary import of_metric, reading_of, standing, unreliable, written
from simulacra.report.page import Block, Fold, Mark, Score, ScoreCard, Section, Table
from simulacra.report.record import Record, both_weights, method, names_of, newest, rank, series_of, topic
from simulacra.report.sections.curves import epochs_axis

NAME_LIMIT = 40  # letters of a name in a table's cell


@dataclass(frozen=True)
class Scale:
    """A line on which the numbers of one metric lie."""

    low: float
    high: float

    def position(self, value: float | None) -> float | None:
        """A number as percent of the way between the ends, never beyond them."""
        if value is None:
            return None
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))


def score_card(record: Record) -> Section | None:
    """Everything that was evaluated of a run, each at its newest step, and tables of all evaluations behind a fold."""
    scores = [row for row in newest(record.named) if row.applies]
    if not scores:
        return None
    weights = both_weights(scores)
    metrics: dict[str, list[tuple[Measurement, str]]] = {}
    for row in scores:
        when = [f"at update {number(row.step)}"] if row.step != record.step else []  # the run went on after it
        if row.version != of_metric(row.metric).version:
            when.append("by an earlier definition")
        detail = ", ".join([*method(row.conditions, weights), *when])
        metrics.setdefault(row.metric, []).append((row, detail))
    card = ScoreCard(_caption(scores), [_score(rows) for rows in metrics.values()])
    return Section("Score card", [card, Fold("All numbers as tables", _tables(record))])


def _caption(scores: Sequence[Measurement]) -> str:
    parts = ["The dot is the value."]
    if any(row.estimate and row.estimate.low is not None for row in scores):
        parts.append("The bar through it is its 95% interval.")
    if any(row.baseline is not None for row in scores):
        parts.append("The dashed mark is the baseline.")
    return " ".join([*parts, "All values of one metric share a scale."])


def _score(rows: Sequence[tuple[Measurement, str]]) -> Score:
    """One metric, each number with how it was measured: numbers about everything, then single labels behind a fold."""
    scores, metric = [row for row, _ in rows], of_metric(rows[0][0].metric)
    scale = scale_of(metric, [(row.estimate, row.baseline) for row in scores])
    whole = sorted((row for row in rows if not topic(row[0])), key=lambda row: rank(row[0].split))
    single = [row for row in rows if topic(row[0])]
    splits = len({row.split for row, _ in single}) > 1
    alike = len({detail for _, detail in rows}) == 1
    reading = reading_of(metric, any(row.baseline is not None for row in scores))
    reading = " ".join([reading, *(f"Caution: {note}." for note in dict.fromkeys(map(unreliable, scores)) if note)])

    def marks(named: Sequence[tuple[str, Measurement, str]]) -> list[Mark]:
        return [
            mark(name, row.estimate, row.baseline, metric, scale, [*_chance(row, metric), *([] if alike else [detail])])
            if row.estimate
            else Mark(name, MISSING, f"withheld: {row.why}")
            for name, row, detail in named
        ]

    return Score(
        metric.title,
        scores[0].better,
        f"{reading} ({rows[0][1]})" if alike and rows[0][1] else reading,
        ends(metric, scale),
        marks([(_images(row), row, detail) for row, detail in whole]),
        f"By label ({len({topic(row) for row, _ in single})})" if single else "",
        marks([(f"{topic(row)}{f', {row.split}' if splits else ''}", row, detail) for row, detail in single]),
    )


def _chance(row: Measurement, metric: Metric) -> list[str]:
    """What chance would give, and how far labels are obeyed: `chance 52.0%: partly obeyed`."""
    return [": ".join(filter(None, [f"chance {written(metric, row.chance)}", row.obedience]))] if row.chance else []


def _images(row: Measurement) -> str:
    against = f", against {plain(row.against, NAME_LIMIT)}" if row.against else ""
    return f"{row.split} images{against}" if row.split else f"samples alone{against}"


def mark(
    name: str, estimate: Estimate, baseline: float | None, metric: Metric, scale: Scale | None, details: Sequence[str]
) -> Mark:
    """A number about what `name` says, on the scale of all numbers beside it; `details` are few words each."""
    value = written(metric, estimate.value)
    parts = list(filter(None, [interval(metric, estimate)]))
    if baseline is not None:
        parts.append(standing(metric, estimate, baseline))
    alt = f"{'; '.join([f'{name}: {value}', *parts])}."
    numbers = (estimate.value, estimate.low, estimate.high, baseline)
    positions = [scale.position(value) if scale else None for value in numbers]
    return Mark(name, value, " · ".join([*parts, *details]), alt, *positions)


def interval(metric: Metric, estimate: Estimate | None) -> str:
    """The 95% interval as text; empty where there is none."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{written(metric, estimate.low)} to {written(metric, estimate.high)}"


def scale_of(metric: Metric, numbers: Sequence[tuple[Estimate | None, float | None]]) -> Scale | None:
    """A scale that ends at round numbers and has all numbers, intervals and baselines; None where there is no number.

    Shares have all of 0 to 1. Other scales begin at 0 where there is a baseline or a single number, so that size can be
    seen. Several numbers without a baseline take the whole width, so that their intervals are easy to see.
    """
    pairs = [(estimate, baseline) for estimate, baseline in numbers if estimate]
    ends = [end for each, baseline in pairs for end in (each.value, each.low, each.high, baseline) if end is not None]
    if not ends:
        return None
    if metric.percent and all(0 <= end <= 1 for end in ends):
        return Scale(0.0, 1.0)
    low, high = min(ends), max(ends)
    if len(pairs) == 1 or any(baseline is not None for _, baseline in pairs):
        low, high = min(0.0, low), max(0.0, high)
    marks = round_ticks(low, high)
    return Scale(marks[0], marks[-1])


def ends(metric: Metric, scale: Scale | None) -> tuple[str, str]:
    """The texts at the ends of a scale."""
    if scale is None:
        return "", ""
    both = (scale.low, scale.high)
    low, high = percent_ticks(both) if metric.percent else map(ticks, both)
    return low, high


def _tables(record: Record) -> list[Block]:
    """The last value of each series, the values of each epoch, and every evaluation."""
    shown = [row for row in record.named if row.applies]
    series = series_of(shown)
    last = sorted((rows[-1] for rows in series), key=lambda row: (row.metric, rank(row.split)))
    blocks: list[Block] = [_table("What was evaluated, each at its last step.", last)]
    if by_epoch := _by_epoch(record, series):
        blocks.append(Fold("Epoch by epoch", [by_epoch]))
    if len(shown) > len(last):
        blocks.append(Fold(f"All {len(shown)} evaluations", [_table("Every evaluation, by step.", shown)]))
    return blocks


def _by_epoch(record: Record, series: Sequence[Sequence[Measurement]]) -> Table | None:
    """A row for each step at which the training was measured, a column for each metric and split."""
    axis = epochs_axis(record)
    names = names_of([list(rows) for rows in series])
    shown = [rows for rows, name in zip(series, names, strict=True) if len(rows) > 1 and not name]
    if axis is None or not shown:
        return None
    shown.sort(key=lambda rows: rows[-1].metric)
    metrics = [of_metric(rows[-1].metric) for rows in shown]
    values = [{row.step: row.estimate and row.estimate.value for row in rows} for rows in shown]
    titles = [f"{metric.title}, {rows[-1].split or 'samples'}" for metric, rows in zip(metrics, shown, strict=True)]
    head = ["epoch", "updates", *(plain(title, NAME_LIMIT) for title in titles)]
    body = []
    for step in sorted({step for column in values for step in column}):
        cells = [written(metric, column.get(step)) for metric, column in zip(metrics, values, strict=True)]
        body.append([epochs(step / axis[1]), number(step), *cells])
    return Table("What was evaluated during training.", head, body, frozenset(range(1, len(head))))


FIRST = ("metric", "value", "interval", "baseline", "extractor", "n", "split", "step")
NEEDED = ("metric", "value", "n", "split", "step")
NUMERIC = ("value", "interval", "baseline", "n", "step")
OPTIONAL = ("code", "label", "judge", "against", "density", "weights", "real", "seed", "why")


def _table(caption: str, rows: Sequence[Measurement]) -> Table:
    """Evaluations as a table; a column that is empty in every row is left out."""
    texts = [_cells(row) for row in rows]
    names = dict.fromkeys([*FIRST, *(name for cells in texts for name in cells)])
    head = [name for name in names if name in NEEDED or any(cells.get(name, MISSING) != MISSING for cells in texts)]
    numeric = frozenset(index for index, name in enumerate(head) if name in NUMERIC)
    return Table(caption, head, [[cells.get(name, MISSING) for name in head] for cells in texts], numeric)


def _cells(row: Measurement) -> dict[str, str]:
    """Name of a column -> a number's text in it."""
    metric, estimate = of_metric(row.metric), row.estimate
    cells: dict[str, Any] = {
        "metric": metric.title,
        "value": written(metric, estimate and estimate.value),
        "interval": interval(metric, estimate) or None,
        "baseline": written(metric, row.baseline),
        "extractor": row.extractor,
        "n": row.n,
        "split": row.split,
        "step": row.step,
    }
    details = {plain(key, NAME_LIMIT): value for key, value in row.details.items()}
    cells = details | {key: getattr(row, key) for key in OPTIONAL} | cells
    return {key: plain(number(value), NAME_LIMIT) for key, value in cells.items()}
