"""The part of a page that compares several runs: score card, table, samples, curves, and where the recipes differ."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulacra.report.compare import SEEN, ComparedMetric, Comparison, comparison_of
from simulacra.report.figures.curves import Line
from simulacra.report.formatting import MISSING, about, duration, epochs, listed, number, plain
from simulacra.report.glossary import caution_of, of_chart, of_family, of_metric, reading_of, written
from simulacra.report.matching import differ_in
from simulacra.report.page import (
    Album,
    Block,
    Chart,
    Fold,
    Gallery,
    Part,
    Pictures,
    Score,
    ScoreCard,
    Section,
    Table,
    Tile,
)
from simulacra.report.record import Record, Unreadable, both_weights, images, method, series_of, specifics
from simulacra.report.sections.curves import charts_of, headlines, line_chart, line_of, value_of
from simulacra.report.sections.samples import real_images, sheet
from simulacra.report.sections.scorecard import ends, interval, mark, scale_of
from simulacra.report.titles import short_title, title_of

NAME_LIMIT = 60  # letters of a name or a setting
MOST_OPEN = 12  # settings that are shown at once; more are behind a fold


def comparison_part(
    records: Sequence[Record], album: Album, comparison: Comparison | None = None, *, real: bool = True
) -> Part:
    """What two runs or more have in common and where they differ.

    The comparison is given where the page has no other part; by default each run is a column, and has a part below.
    Real images stand beside the samples if `real`.
    """
    alone = comparison is not None
    comparison = comparison or comparison_of(records)
    sections = [
        _score_card(comparison, _both_weights(records)),
        _settings(comparison),
        _side_by_side(records, comparison),
        _samples(records, album, real),
        _shared_curves(records, album),
    ]
    title = f"Comparison of {len(records)} runs{f' by {comparison.group_by}' if comparison.group_by else ''}"
    notes = [f"{note[:1].upper()}{note[1:]}." for note in comparison.notes if alone or comparison.metrics]
    shown, gaps = [section for section in sections if section], [*_cautions(records), *notes]
    families = listed(list(dict.fromkeys(of_family(record.fact("family")) for record in records)))
    summary = f"{listed([record.name for record in records])} side by side: {families}."
    if not alone:
        summary += " Below the comparison, each run has a part of its own."
    return Part("comparison", title, summary, [], gaps, shown, kicker="Comparison of runs")


def _cautions(records: Sequence[Record]) -> list[str]:
    """What a reader must know before comparing numbers of different runs."""
    cautions = []
    if any(differ_in(record, records[0], "pictures") for record in records):
        cautions.append(
            "These runs were trained on different pictures; numbers compare that are of the same real images."
        )
    elif any(differ_in(record, records[0], "split") for record in records):
        cautions.append("These runs were trained on the same pictures, which were split in different ways.")
    seen = [record.fact("images_seen") for record in records]
    counts = [count for count in seen if isinstance(count, int | float)]
    if len(counts) > 1 and max(counts) > 1.05 * min(counts):
        span = f"{about(min(counts))} to {about(max(counts))}"
        cautions.append(f"These runs did not see equally many images ({span}), which affects every comparison.")
    unfinished = [record.name for record in records if record.fact("state") != "finished"]
    if unfinished:
        cautions.append(f"Not finished: {listed(unfinished)}.")
    return cautions


def _score_card(comparison: Comparison, weights: bool) -> Section | None:
    """The score cards of all columns, one metric below the other; single labels as a table behind a fold."""
    whole = [compared for compared in comparison.metrics if not compared.topic]
    single = [compared for compared in comparison.metrics if compared.topic]
    blocks: list[Block] = []
    if whole:
        blocks.append(ScoreCard(_caption(comparison), [_score(comparison, compared, weights) for compared in whole]))
    if single:
        blocks.append(Fold(f"By label ({len(single)})", [_labels(comparison, single)]))
    return Section("Score card", blocks) if blocks else None


def _caption(comparison: Comparison) -> str:
    """How to read scales and verdicts."""
    over_seeds = " over seeds" if comparison.group_by else ""
    several = ""
    if len(comparison.columns) > 2:
        several = (
            " Each run is compared with the best one; the level is corrected for the number of comparisons "
            "(Bonferroni)."
        )
    paired = any(compared.test == "paired" for compared in comparison.metrics)
    pairs = " Runs of equal seeds are compared pair by pair." if paired else ""
    return (
        f"The dot is the value, the bar through it is its 95% interval{over_seeds}, and the dashed mark is the "
        "baseline. A difference is significant where its own 95% interval does not include 0. Each metric is tested "
        f"for itself, so of twenty metrics without a true difference about one may seem to differ."
        f"{several}{pairs}"
    )


def _score(comparison: Comparison, compared: ComparedMetric, weights: bool) -> Score:
    metric = of_metric(compared.metric)
    cells = [(column, cell) for column, cell in zip(comparison.columns, compared.cells, strict=True) if cell]
    scale = scale_of(metric, [(cell.estimate, cell.baseline) for _, cell in cells])
    marks = []
    for column, cell in cells:
        seeds = [f"seeds: {', '.join(written(metric, value) for value in cell.values)}"] if len(cell.values) > 1 else []
        name = plain(column.name, NAME_LIMIT)
        marks.append(mark(name, cell.estimate, cell.baseline, metric, scale, seeds))
    images = f"{compared.split} images" if compared.split else "samples alone"
    reading = reading_of(metric, any(cell.baseline is not None for _, cell in cells))
    if note := caution_of(compared.metric, compared.conditions):
        reading += f" Caution: {note}."
    reading = f"{reading} ({', '.join([images, *method(compared.conditions, weights)])})"
    return Score(metric.title, compared.better, reading, ends(metric, scale), marks, verdict=compared.verdict)


def _labels(comparison: Comparison, metrics: Sequence[ComparedMetric]) -> Table:
    head = ["metric", "label", *(plain(column.name, NAME_LIMIT) for column in comparison.columns), "verdict"]
    body = []
    for compared in metrics:
        metric, cells = of_metric(compared.metric), []
        for cell in compared.cells:
            span = interval(metric, cell.estimate if cell else None)
            cells.append(f"{written(metric, cell and cell.estimate.value)}{f' ({span})' if span else ''}")
        body.append([metric.title, compared.topic, *cells, compared.verdict])
    return Table("Numbers of single labels.", head, body, frozenset(range(2, len(head) - 1)))


def _settings(comparison: Comparison) -> Section | None:
    """The settings in which the recipes differ."""
    head = ["setting", *(plain(column.name, NAME_LIMIT) for column in comparison.columns)]
    body = [
        [plain(key, NAME_LIMIT), *(plain(value, NAME_LIMIT) for value in values)]
        for key, values in comparison.differences.items()
        if key != SEEN
    ]
    table: Block = Table("Settings that affect a training and differ between these recipes.", head, body)
    if len(body) > MOST_OPEN:
        table = Fold(f"{len(body)} settings", [table])
    return Section("Where the recipes differ", [table]) if body else None


def _side_by_side(records: Sequence[Record], comparison: Comparison) -> Section:
    """A column per run: what it is, what it cost, its main numbers. Numbers that can be compared share a row."""
    weights = _both_weights(records)
    tiles = [headlines(record, weights) for record in records]
    main = {tile.metric for of_run in tiles for tile in of_run if tile.metric}
    columns = [_costs(record) for record in records]
    # Numbers of groups have a column per group in the score card, and none here.
    shared = (
        [] if comparison.group_by else [each for each in comparison.metrics if each.metric in main and not each.topic]
    )
    for compared in shared:
        metric = of_metric(compared.metric)
        how = ", ".join(filter(None, [compared.split and f"{compared.split} split", *method(compared.conditions)]))
        for record, column, cell in zip(records, columns, compared.cells, strict=True):
            if cell:
                when = f" at update {number(cell.steps[0])}" if cell.steps[0] != record.step else ""
                name = f"{metric.title} ({how})" if how else metric.title
                column[name] = f"{written(metric, cell.estimate.value)}{when}"
    known = {compared.metric for compared in shared}
    for column, of_run in zip(columns, tiles, strict=True):
        column |= {_heading(tile): f"{tile.value} {tile.when}".rstrip() for tile in of_run if tile.metric not in known}
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [(name, *(column.get(name, MISSING) for column in columns)) for name in names]
    caption = f"One column per run. {MISSING} means that the family has no such number, or that it was not measured."
    head = ("run", *(record.name for record in records))
    return Section("Side by side", [Table(caption, head, rows, frozenset(range(1, len(head))))])


def _costs(record: Record) -> dict[str, str]:
    """What a run is and what it cost: name of a row -> text."""
    return {
        "what": short_title(record.recipe, record.facts) if record.recipe else MISSING,
        "parameters": number(record.fact("parameters")),
        "images seen": number(record.fact("images_seen")),
        "epochs": epochs(record.fact("epochs")),
        "time": duration(record.fact("seconds")),
        "images/s": number(record.speed),
    }


def _heading(tile: Tile) -> str:
    """The name of a row: numbers that were measured in different ways never share one."""
    how = ", ".join(filter(None, [tile.note, tile.method]))
    return f"{tile.label} ({how})" if how else tile.label


def _both_weights(records: Sequence[Record]) -> bool:
    return both_weights(row for record in records for row in record.evaluations)


def _samples(records: Sequence[Record], album: Album, real: bool) -> Section | None:
    """The same number of samples of every run that has some, and as many real images of each data set."""
    shown: list[Chart | Pictures] = []
    data: list[tuple[Record, Pictures]] = []
    for record in records:
        arrays = record.folder.pictures().get("samples") and record.arrays("samples")
        try:
            drawn = images(arrays, "images") if arrays else None
        except Unreadable:
            continue  # the run's own part says so
        if drawn is None:
            continue
        what = title_of(record.recipe, record.facts) if record.recipe else "Samples"
        caption = f"{what}, after {about(record.fact('images_seen') or 0)} images."
        shown.append(sheet(album, f"{record.name}-samples", drawn, record.name, caption))
        shared = any(_same_images(record, other) for other, _ in data)
        if real and not shared and (held_out := real_images(record, album)):
            data.append((record, held_out))
    return Section("Samples of each run", [Gallery([*shown, *(held_out for _, held_out in data)])]) if shown else None


def _same_images(a: Record, b: Record) -> bool:
    """Whether two runs have the same held-out images, whatever their labels."""
    return not differ_in(a, b, "pictures") and not differ_in(a, b, "split")


def _shared_curves(records: Sequence[Record], album: Album) -> Section | None:
    """A chart for each number that at least two runs measured at several steps, over the images they had seen."""
    charts: dict[tuple[str, str, str, str], list[Line]] = {}
    weights = _both_weights(records)
    for place, record in enumerate(records):  # a run keeps its colour in all charts
        batch = _images_per_step(record)
        for chart, lines in charts_of(record.metrics).items():
            for line in lines:
                shared = Line(record.name, batch * line.x, line.y, place=place)
                charts.setdefault(("", chart, line.name, ""), []).append(shared)
        for rows in series_of(record.named):
            row, line = rows[-1], line_of(rows, record.name)
            if len(rows) > 1 and np.isfinite(line.y).any():
                name = " ".join([*filter(None, [row.split]), *specifics(row, weights)])
                key = ("evaluated", row.metric, name, ", ".join(method(row.conditions)))
                charts.setdefault(key, []).append(Line(record.name, batch * line.x, line.y, place=place))
    shown = [_overlay(album, *key, lines) for key, lines in charts.items() if len(lines) > 1]
    return Section("Curves that runs share", [Gallery(shown)]) if shown else None


def _overlay(album: Album, kind: str, chart: str, name: str, how: str, lines: Sequence[Line]) -> Chart:
    words = of_metric(chart) if kind else of_chart(chart, {name, *(["fake"] if name == "real" else [])})
    title = f"{words.title}: {plain(name, 24)}{', evaluated' if kind else ''}"
    reading = f"One line per run, over the number of training images that it had seen{f' ({how})' if how else ''}."
    file = "-".join(filter(None, ["shared", kind, chart, name]))
    words = replace(words, title=title, reading=reading)
    return line_chart(album, file, words, lines, x_name="training images seen")


def _images_per_step(record: Record) -> float:
    """Images in one update; 1 where the run does not say, which leaves the axis in updates."""
    for row in reversed(record.metrics):
        if value_of(row, "images") > 0 and row["step"]:
            return float(row["images"] / row["step"])
    return float(record.recipe.data.batch) if record.recipe else 1.0
