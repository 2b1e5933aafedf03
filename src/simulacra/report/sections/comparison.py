"""Sections that compare several runs: a table, samples side by side, curves, verdicts, and where the recipes differ."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from simulacra.report.compare import SEEN, Cell, Comparison, Contrast, contrast
from simulacra.report.figures import Line, curves
from simulacra.report.figures.grids import Images, fold
from simulacra.report.formatting import MISSING, about, duration, epochs, listed, number, plain
from simulacra.report.glossary import FLOOR, Words, of_chart, of_family, of_metric
from simulacra.report.page import Album, Block, Chart, Fold, Gallery, Part, Pictures, Section, Table, Tile
from simulacra.report.page import Score as Drawn
from simulacra.report.page import Scores as Drawings
from simulacra.report.record import Record, Unreadable, both_weights, images, measured_with
from simulacra.report.sections.curves import alt_of, caption_of, charts_of, headlines, series_of, value_of, written
from simulacra.report.sections.scorecard import aside, ends, mark, scale_of

NAME_LIMIT = 60  # letters of a name or a setting
MOST_OPEN = 12  # settings that are shown at once; more wait behind a fold


def verdict_sections(found: Comparison) -> list[Section]:
    """The score card side by side, and the settings that differ; each only where there is something to show."""
    blocks: list[Block] = []
    whole = [one for one in found.metrics if not one.label]
    single = [one for one in found.metrics if one.label]
    if whole:
        blocks.append(Drawings(_caption(found), [_drawn(found, one) for one in whole]))
    if single:
        blocks.append(Fold(f"By label ({len(single)})", [_labels(found, single)]))
    sections = [Section("Score card", blocks)] if blocks else []
    table: Block = _settings(found)
    count = len(set(found.differences) - {SEEN})
    if count > MOST_OPEN:
        table = Fold(f"{count} settings", [table])
    if count:
        sections.append(Section("Where the recipes differ", [table]))
    return sections


def _caption(found: Comparison) -> str:
    spread = "95% interval over seeds" if found.group_by else "95% interval"
    several = ", corrected for the number held against the best one" if len(found.columns) > 2 else ""
    pairs = (
        " Runs of equal seeds are compared pair by pair." if any(one.test == "paired" for one in found.metrics) else ""
    )
    return (
        f"A dot is the value, the bar through it its {spread}, the dashed mark the floor: {FLOOR}. "
        f"A verdict needs a difference whose own 95% interval leaves out 0{several}; each metric is a question of "
        f"its own, so of twenty that do not differ one may seem to.{pairs}"
    )


def _drawn(found: Comparison, one: Contrast) -> Drawn:
    words = of_metric(one.metric)
    cells = [(column, cell) for column, cell in zip(found.columns, one.cells, strict=True) if cell]
    scale = scale_of(words, [(cell.found, cell.floor) for _, cell in cells])
    marks = [
        mark(plain(column.name, NAME_LIMIT), cell.found, cell.floor, words, scale, _seeds(words, cell))
        for column, cell in cells
    ]
    weights = both_weights(other.conditions for other in found.metrics)
    about = [f"{one.split} images" if one.split else "samples alone", *measured_with(one.conditions, weights)]
    reading = f"{words.reading} {aside(about)}"
    return Drawn(words.title, one.better, reading, ends(words, scale), marks, verdict=one.verdict)


def _seeds(words: Words, cell: Cell) -> Sequence[str]:
    """Each seed's value, where there are several."""
    if len(cell.values) < 2:
        return ()
    return (f"seeds: {', '.join(written(words, value) for value in cell.values)}",)


def _labels(found: Comparison, contrasts: Sequence[Contrast]) -> Table:
    head = ["metric", "label", *(plain(column.name, NAME_LIMIT) for column in found.columns), "verdict"]
    body = []
    for one in contrasts:
        words = of_metric(one.metric)
        cells = [_cell(words, cell) for cell in one.cells]
        body.append([words.title, one.label, *cells, one.verdict])
    return Table("What was evaluated of single labels.", head, body, frozenset(range(2, len(head) - 1)))


def _cell(words: Words, cell: Cell | None) -> str:
    if cell is None:
        return MISSING
    low, high = cell.found.low, cell.found.high
    span = "" if low is None else f" ({written(words, low)} to {written(words, high)})"
    return f"{written(words, cell.found.value)}{span}"


def _settings(found: Comparison) -> Table:
    head = ["setting", *(plain(column.name, NAME_LIMIT) for column in found.columns)]
    body = [
        [plain(key, NAME_LIMIT), *(plain(value, NAME_LIMIT) for value in values)]
        for key, values in found.differences.items()
        if key != SEEN
    ]
    return Table("Keys of the recipes that change a training and are not alike.", head, body)


SAMPLES_WIDTH = 460  # CSS pixels of each run's samples on a wide screen


def comparison(records: Sequence[Record], album: Album, found: Comparison | None = None) -> Part:
    """What several runs have in common and where they differ.

    Args:
        records: two runs or more.
        album: takes the figures.
        found: how their numbers stand against one another, where a page is about that alone; each run stands for itself
            by default, and has a part of its own below.
    """
    alone = found is not None
    found = found or contrast(records)
    sections = [*verdict_sections(found), _table(records), _samples(records, album), _shared_curves(records, album)]
    title = f"Comparison of {len(records)} runs{f' by {found.group_by}' if found.group_by else ''}"
    cautions = [*_cautions(records), *(_sentence(note) for note in found.notes if alone or found.metrics)]
    kept = [part for part in sections if part]
    return Part("comparison", title, _summary(records, alone), [], cautions, kept, kicker="Comparison of runs")


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}."


def _summary(records: Sequence[Record], alone: bool) -> str:
    families = listed(list(dict.fromkeys(of_family(record.fact("family")) for record in records)))
    names = listed([record.name for record in records])
    below = "" if alone else " Each run has a part of its own below, with all that was recorded of it."
    return f"{names} side by side: {families}.{below}"


def _cautions(records: Sequence[Record]) -> list[str]:
    """What must be known before numbers of different runs are held against one another."""
    cautions = []
    data = {record.fact("data", "fingerprint") for record in records}
    if len(data) > 1:
        cautions.append("These runs did not see the same data, so their numbers cannot be held against one another.")
    seen = [record.fact("images_seen") for record in records]
    known = [count for count in seen if isinstance(count, int | float)]
    if len(known) > 1 and max(known) > 1.05 * min(known):
        span = f"{about(min(known))} to {about(max(known))}"
        cautions.append(f"They did not see equally many images ({span}): mind it when comparing.")
    unfinished = [record.name for record in records if record.fact("state") != "finished"]
    if unfinished:
        cautions.append(f"Not finished: {listed(unfinished)}.")
    return cautions


def _table(records: Sequence[Record]) -> Section:
    """A run a column: what it is, what it cost, how it came out."""
    weights = _both_weights(records)
    tiles = [headlines(record, weights) for record in records]
    names = list(dict.fromkeys(_heading(tile) for of_run in tiles for tile in of_run))
    head = ["run", "family", "parameters", "images seen", "epochs", "time", "images/s", *names]
    rows = []
    for record, of_run in zip(records, tiles, strict=True):
        seen, seconds = record.fact("images_seen"), record.fact("seconds")
        speed = number(round(seen / seconds)) if seen and seconds else MISSING
        found = {_heading(tile): f"{tile.value} {tile.when}".rstrip() for tile in of_run}
        cost = [number(record.fact("parameters")), number(seen), epochs(record.fact("epochs"))]
        family = plain(record.fact("family") or MISSING, 40)
        last = [found.get(name, MISSING) for name in names]
        rows.append([record.name, family, *cost, duration(seconds), speed, *last])
    caption = f"A column for each run; {MISSING} where its family has no such number, or nobody measured it."
    first, *others = [list(row) for row in zip(head, *rows, strict=True)]
    return Section("Side by side", [Table(caption, first, others, frozenset(range(1, len(first))))])


def _heading(tile: Tile) -> str:
    """What a row is of: numbers that were measured unalike never share one."""
    about = ", ".join(filter(None, [tile.note, tile.measured]))
    return f"{tile.label} ({about})" if about else tile.label


def _both_weights(records: Sequence[Record]) -> bool:
    return both_weights(row for record in records for row in record.evaluations)


def _samples(records: Sequence[Record], album: Album) -> Section | None:
    """The same number of samples of every run that has some."""
    shown: list[Chart | Pictures] = []
    for record in records:
        arrays = record.folder.pictures().get("samples") and record.arrays("samples")
        if not arrays:
            continue
        try:
            grid = _enlarged(fold(images(arrays, "images")[:32], 8))
        except Unreadable:
            continue  # the run's own part says so
        shown.append(
            album.pictures(
                f"{record.name}-samples",
                [("", row) for row in grid],
                title=record.name,
                headed=True,
                caption=f"{of_family(record.fact('family'))}, after {about(record.fact('images_seen') or 0)} images.",
                alt=f"Grid of images generated by {record.name}.",
            )
        )
    return Section("Samples of each", [Gallery(shown)]) if shown else None


def _enlarged(grid: Images) -> Images:
    """Pictures so large that a page scales them down, never up by a fraction that leaves their pixels uneven."""
    factor = -(-SAMPLES_WIDTH // (grid.shape[1] * grid.shape[3]))
    return grid.repeat(factor, axis=2).repeat(factor, axis=3)


def _shared_curves(records: Sequence[Record], album: Album) -> Section | None:
    """A chart for each number that at least two runs followed, over the images they had seen."""
    found: dict[tuple[str, str, str, str], list[Line]] = {}
    weights = _both_weights(records)
    for record in records:
        batch = _images_a_step(record)
        for chart, lines in charts_of(record.metrics).items():
            for line in lines:
                found.setdefault(("", chart, line.name, ""), []).append(Line(record.name, batch * line.x, line.y))
        for (metric, split, _, others, _), rows in series_of(record.evaluations, weights).items():
            x, y = (np.array([value_of(row, key) for row in rows]) for key in ("step", "value"))
            if len(rows) > 1 and np.isfinite(y).any():
                name, measured = " ".join(filter(None, [split, others])), ", ".join(measured_with(rows[-1]))
                key = ("evaluated", metric, name, measured)
                found.setdefault(key, []).append(Line(record.name, batch * x, y))
    charts = [_overlay(album, *key, lines) for key, lines in found.items() if len(lines) > 1]
    return Section("Curves that runs share", [Gallery(charts)]) if charts else None


def _overlay(album: Album, kind: str, chart: str, name: str, measured: str, lines: Sequence[Line]) -> Chart:
    words = of_metric(chart) if kind else of_chart(chart, {name, *(["fake"] if name == "real" else [])})
    title = f"{words.title}: {plain(name, 24)}{', evaluated' if kind else ''}"
    figure = curves(
        lines,
        title=title,
        x_name="training images seen",
        y_name=words.unit,
        percent=words.percent,
        reference=words.reference,
    )
    reading = f"Run by run, against the images that each had seen{f'; {measured}' if measured else ''}."
    caption = caption_of(replace(words, reading=reading), lines)
    file = "-".join(filter(None, ["shared", kind, chart, name]))
    return album.chart(file, figure, alt=f"{title}. {alt_of(words, lines)}", caption=caption)


def _images_a_step(record: Record) -> float:
    """Images that one update sees; 1 where the run does not tell, which leaves the axis in updates."""
    counted = (row for row in reversed(record.metrics) if value_of(row, "images") > 0 and row["step"])
    rows = (row["images"] / row["step"] for row in counted)
    facts = (record.recipe.data.batch,) if record.recipe else (1.0,)
    return float(next(chain(rows, facts)))
