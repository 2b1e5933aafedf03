"""Sections of a comparison: each metric's numbers side by side with a verdict, and where the recipes differ."""

from collections.abc import Sequence

from simulacra.report.blocks import Block, Fold, Section, Table
from simulacra.report.contrast import SEEN, Cell, Comparison, Contrast
from simulacra.report.formats import MISSING, plain
from simulacra.report.marks import Score as Drawn
from simulacra.report.marks import Scores as Drawings
from simulacra.report.measured import written
from simulacra.report.scorecard import aside, ends, mark, scale_of
from simulacra.report.scores import both_weights, measured_with
from simulacra.report.words import FLOOR, Words, of_metric

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
    marks = [mark(plain(column.name, NAME_LIMIT), cell.found, cell.floor, words, scale, _seeds(words, cell))
             for column, cell in cells]  # fmt: skip
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
    body = [[plain(key, NAME_LIMIT), *(plain(value, NAME_LIMIT) for value in values)]
            for key, values in found.differences.items() if key != SEEN]  # fmt: skip
    return Table("Keys of the recipes that change a training and are not alike.", head, body)
