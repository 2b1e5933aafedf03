"""Several runs against one another: each metric's values, which is better, and where their recipes differ."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from simulacra.estimates import LEVEL, Better, Estimate, Standing, against_best, difference, paired, welch
from simulacra.report.formatting import listed, number
from simulacra.report.matching import Column, Match, compact, differing, dotted, grouped, matches, single
from simulacra.report.record import Record, newest

NO_DIFFERENCE = "no difference can be told"
SEEN = "images seen"  # among the differences of recipes, as it decides a training too
TESTS = {
    "intervals": "difference of two values with the combined error of their intervals",
    "welch": "Welch's t-interval of the difference of two means over seeds",
    "paired": "t-interval of the mean difference between runs of equal seeds",
}


@dataclass(frozen=True)
class Cell:
    """What one column has of one metric.

    Attributes:
        found: the value with its interval; of a group the mean over seeds with its t-interval.
        floor: what real images, or chance, get.
        seeds: of the runs that have the number.
        values: theirs, in the same order.
        steps: updates that each had had.
    """

    found: Estimate
    floor: float | None
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Contrast:
    """One metric over all columns.

    Attributes:
        conditions: extractor, n and so on, equal for all cells.
        cells: one a column; None where it has no such number.
        test: a key of TESTS.
        differences: each cell less the best one, with the interval that the verdict goes by; None for the best.
        best: names of the best column and of those that cannot be told from it; empty where nothing can be tested.
        verdict: in words.
    """

    metric: str
    label: str
    split: str
    against: str
    conditions: dict[str, Any]
    better: Better
    cells: tuple[Cell | None, ...]
    test: str
    differences: tuple[Estimate | None, ...]
    best: tuple[str, ...]
    verdict: str

    @property
    def floor(self) -> float | None:
        """The floor that all cells share; None where there is none, or they differ."""
        floors = {cell.floor for cell in self.cells if cell}
        return floors.pop() if len(floors) == 1 else None


@dataclass(frozen=True)
class Comparison:
    """Runs, or groups of runs, against one another.

    Attributes:
        columns: what is compared.
        group_by: the key whose values make the groups; None where each run stands for itself.
        metrics: what at least two columns have, measured alike.
        differences: key of the recipes -> its value in each column.
        notes: sentences that a person should read beside the numbers.
    """

    columns: tuple[Column, ...]
    group_by: str | None
    metrics: tuple[Contrast, ...]
    differences: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def table(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"level": LEVEL, "tests": TESTS} | asdict(self)


def contrast(
    records: Sequence[Record], *, group_by: str | None = None, wanted: Sequence[str] = (), split: str | None = None
) -> Comparison:
    """Compares what runs have in common.

    Args:
        records: two runs or more.
        group_by: dotted key of the recipes whose values make groups.
        wanted: metrics; all by default.
        split: of the real images; by default test, or valid where no run has a number of test images.

    Raises:
        RunError: the runs cannot be grouped so.
    """
    columns = single(records) if group_by is None else grouped(records, group_by)
    found, notes = matches(records, [newest(record.evaluations) for record in records], wanted, split)
    metrics = []
    for match in found:
        cells = [_cell(column, match, group_by is not None) for column in columns]
        if sum(cell is not None for cell in cells) > 1:
            metrics.append(_contrast(columns, cells, match, group_by is not None))
    recipes = [dotted(record.recipe) for record in records]
    readable = all(recipes)  # where one is not, every key of the others would seem to differ
    keys = [key for key in differing(recipes) if readable and (group_by is None or key != "seed")]
    differences = {key: tuple(compact(recipes[column.places[0]].get(key)) for column in columns) for key in keys}
    seen = [[records[place].fact("images_seen") for place in column.places] for column in columns]
    if len({str(one) for group in seen for one in group}) > 1:
        differences[SEEN] = tuple(listed(list(dict.fromkeys(number(one) for one in group))) for group in seen)
    about = _of_groups(columns, group_by, list(differences)) if group_by else [_of_runs()]
    return Comparison(tuple(columns), group_by, tuple(metrics), differences, (*notes, *about))


def _cell(column: Column, match: Match, by_seed: bool) -> Cell | None:
    """A column's runs that have the number, together."""
    known = [
        (seed, match.scores[place])
        for seed, place in zip(column.seeds, column.places, strict=True)
        if place in match.scores
    ]
    values = [score.found.value for _, score in known if score.found]
    if not values:
        return None
    first = known[0][1]
    found = Estimate.of(values) if by_seed or not first.found else first.found
    floors = {score.floor for _, score in known}
    return Cell(
        found,
        first.floor if len(floors) == 1 else None,
        tuple(seed for seed, _ in known),
        tuple(values),
        tuple(score.step for _, score in known),
    )


def _contrast(columns: Sequence[Column], cells: Sequence[Cell | None], match: Match, by_seed: bool) -> Contrast:
    places = [place for place, cell in enumerate(cells) if cell]
    known = [cell for cell in cells if cell]
    alike = len({cell.seeds for cell in known}) == 1
    test = ("paired" if alike else "welch") if by_seed else "intervals"
    standing = against_best([cell.found.value for cell in known], match.better, partial(_difference, test, known))
    differences: list[Estimate | None] = [None] * len(cells)
    for place, one in zip(places, standing.differences if standing else [], strict=False):
        differences[place] = one
    names = [columns[place].name for place in places]
    return Contrast(
        *match.thing,
        match.conditions,
        match.better,
        tuple(cells),
        test,
        tuple(differences),
        tuple(names[place] for place in standing.leading) if standing else (),
        verdict(names, match.better, standing) if standing else f"not tested: {_lack(names, known, by_seed)}",
    )


def _difference(test: str, cells: Sequence[Cell], a: int, b: int, tests: int) -> Estimate | None:
    if test == "intervals":
        return difference(cells[a].found, cells[b].found, tests)
    return (paired if test == "paired" else welch)(cells[a].values, cells[b].values, tests)


def verdict(names: Sequence[str], better: Better, standing: Standing) -> str:
    """Which is better, in words; of a metric without a better side, which is higher."""
    if len(standing.leading) == len(names):
        return NO_DIFFERENCE
    two, ahead = len(names) == 2, [names[place] for place in standing.leading]
    more, most = ("higher", "highest") if better == "neither" else ("better", "best")
    if len(ahead) == 1:
        return f"{ahead[0]} is {more if two else most}"
    behind = [name for name in names if name not in ahead]
    less = "lower" if better == "neither" else "worse"
    return f"{listed(ahead)} cannot be told apart; {listed(behind)} {'is' if len(behind) == 1 else 'are'} {less}"


def _lack(names: Sequence[str], cells: Sequence[Cell], by_seed: bool) -> str:
    """Why there is no test."""
    if by_seed:
        lone = [name for name, cell in zip(names, cells, strict=True) if len(cell.values) < 2]
        return (
            f"one seed of {listed(lone)}" if lone else "seeds do not differ, so there is no spread to hold it against"
        )
    bare = [name for name, cell in zip(names, cells, strict=True) if cell.found.low is None]
    return "no interval" if bare else "intervals without width"


def _of_runs() -> str:
    return (
        "intervals cover the draw of images, not a training with another seed: a verdict is about these trained models "
        "and not about their recipes; to judge those, train each with several seeds and give --group-by KEY"
    )


def _of_groups(columns: Sequence[Column], key: str, differences: Sequence[str]) -> list[str]:
    """What to say of the seeds, and of recipes that differ in more than the key."""
    notes = [
        f"{column.name} has one seed ({column.seeds[0]}): how far seeds differ is not known; train it with others, "
        "--seed 1 and so on"
        for column in columns
        if len(column.seeds) == 1
    ]
    others = [name for name in differences if name not in (key, SEEN)]
    if others:
        notes.append(f"the groups differ in {listed(others)} too, so a difference may come from there")
    several = [f"{len(column.seeds)} of {column.name}" for column in columns if len(column.seeds) > 1]
    if several:
        notes.append(f"intervals cover trainings with other seeds, measured on the same images: {listed(several)}")
    return notes
