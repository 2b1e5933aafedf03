"""Several runs against one another: the values of each metric, which is better, and where their recipes differ."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from simulacra.estimates import LEVEL, Better, Estimate, Standing, against_best, difference, paired, welch
from simulacra.report.formatting import listed, number
from simulacra.report.matching import Column, Match, compact, differing, dotted, grouped, matches, single
from simulacra.report.record import Record, newest

NO_DIFFERENCE = "no significant difference"
SEEN = "images seen"  # listed with the keys in which recipes differ, as it affects a training too
TESTS = {
    "intervals": "difference of two values with the combined error of their intervals",
    "welch": "Welch's t-interval of the difference of two means over seeds",
    "paired": "t-interval of the mean difference between runs of equal seeds",
}


@dataclass(frozen=True)
class Cell:
    """The value of one metric in one column."""

    estimate: Estimate  # the value with its interval; of a group the mean over seeds with its t-interval
    baseline: float | None  # what real images, chance or a linear code get; None where runs differ in it
    seeds: tuple[int, ...]  # of the runs that have the number
    values: tuple[float, ...]  # of these runs, in the same order
    steps: tuple[int, ...]  # updates that each of these runs had had


@dataclass(frozen=True)
class ComparedMetric:
    """One metric over all columns."""

    metric: str  # a name of `catalogue.METRICS`
    code: str | None  # the part of the code that it is about; None for all of it
    label: str | None  # the attribute or class that it is about; None for all together
    split: str | None  # of the real images that it is about; None where it is about samples alone
    against: str | None  # fingerprint of another data set that all runs were measured against; None without one
    conditions: dict[str, Any]  # extractor, n and so on, equal for all cells
    better: Better  # where better values lie
    cells: tuple[Cell | None, ...]  # one per column; None where the column has no such number
    test: str  # a key of TESTS
    differences: tuple[Estimate | None, ...]  # each cell less the best one, with interval; None for the best
    best: tuple[str, ...]  # the best column and those without a significant difference from it; empty without a test
    verdict: str  # in words

    @property
    def topic(self) -> str:
        """The part of the code and the label that it is about; empty for all together."""
        return ": ".join(filter(None, [self.code, self.label]))

    @property
    def baseline(self) -> float | None:
        """The baseline that all cells share; None where there is none, or they differ."""
        baselines = {cell.baseline for cell in self.cells if cell}
        return baselines.pop() if len(baselines) == 1 else None


@dataclass(frozen=True)
class Comparison:
    """Runs, or groups of runs, against one another."""

    columns: tuple[Column, ...]
    group_by: str | None  # the key whose values make the groups; None where each run is a column
    metrics: tuple[ComparedMetric, ...]  # that at least two columns have, measured in the same way
    differences: dict[str, tuple[str, ...]]  # key of the recipes -> its value in each column
    notes: tuple[str, ...]  # sentences to read beside the numbers

    def table(self) -> dict[str, Any]:
        """The whole comparison as JSON."""
        return {"level": LEVEL, "tests": TESTS} | asdict(self)


def comparison_of(
    records: Sequence[Record], *, group_by: str | None = None, wanted: Sequence[str] = (), split: str | None = None
) -> Comparison:
    """Compares the numbers that runs have in common.

    Args:
        records: two runs or more.
        group_by: dotted key of the recipes whose values make groups.
        wanted: metrics; all by default.
        split: of the real images; by default test, or valid where no run has a number of test images.

    Raises:
        RunError: the key makes no groups of these runs.
    """
    columns = single(records) if group_by is None else grouped(records, group_by)
    matched, notes = matches(records, [newest(record.evaluations) for record in records], wanted, split)
    metrics = []
    for match in matched:
        cells = [_cell(column, match, group_by is not None) for column in columns]
        if sum(cell is not None for cell in cells) > 1:
            metrics.append(_compared(columns, cells, match, group_by is not None))
    differences = _differences(records, columns, with_seed=group_by is None)
    about = _of_groups(columns, group_by, list(differences)) if group_by else [OF_RUNS]
    return Comparison(tuple(columns), group_by, tuple(metrics), differences, (*notes, *about))


def _differences(records: Sequence[Record], columns: Sequence[Column], with_seed: bool) -> dict[str, tuple[str, ...]]:
    """Key of the recipes -> its value in each column, where these differ; and images seen."""
    recipes = [dotted(record.recipe) for record in records]
    readable = all(recipes)  # where one is not, every key of the others would seem to differ
    keys = [key for key in differing(recipes) if readable and (with_seed or key != "seed")]
    differences = {key: tuple(compact(recipes[column.indices[0]].get(key)) for column in columns) for key in keys}
    seen = [[number(records[index].fact("images_seen")) for index in column.indices] for column in columns]
    if len({count for counts in seen for count in counts}) > 1:
        differences[SEEN] = tuple(listed(list(dict.fromkeys(counts))) for counts in seen)
    return differences


def _cell(column: Column, match: Match, by_seed: bool) -> Cell | None:
    """The runs of a column that have the number, together."""
    pairs = [
        (seed, match.scores[index])
        for seed, index in zip(column.seeds, column.indices, strict=True)
        if index in match.scores
    ]
    estimates = [row.estimate for _, row in pairs if row.estimate]
    if not estimates:
        return None
    values = [estimate.value for estimate in estimates]
    baselines = {row.baseline for _, row in pairs}
    baseline = baselines.pop() if len(baselines) == 1 else None
    seeds, steps = tuple(seed for seed, _ in pairs), tuple(row.step for _, row in pairs)
    return Cell(Estimate.of(values) if by_seed else estimates[0], baseline, seeds, tuple(values), steps)


def _compared(columns: Sequence[Column], cells: Sequence[Cell | None], match: Match, by_seed: bool) -> ComparedMetric:
    """Tests each column against the best one."""
    filled = [index for index, cell in enumerate(cells) if cell]
    names, tested = [columns[index].name for index in filled], [cell for cell in cells if cell]
    same_seeds = len({cell.seeds for cell in tested}) == 1
    test = ("paired" if same_seeds else "welch") if by_seed else "intervals"
    row = match.first
    standing = against_best([cell.estimate.value for cell in tested], row.better, partial(_difference, test, tested))
    differences: list[Estimate | None] = [None] * len(cells)
    for index, from_best in zip(filled, standing.differences if standing else [], strict=False):
        differences[index] = from_best
    best = tuple(names[index] for index in standing.leading) if standing else ()
    words = verdict(names, row.better, standing) if standing else f"not tested: {_untested(names, tested, by_seed)}"
    about = (row.metric, row.code, row.label, row.split, row.against, match.conditions, row.better)
    return ComparedMetric(*about, tuple(cells), test, tuple(differences), best, words)


def _difference(test: str, cells: Sequence[Cell], a: int, b: int, tests: int) -> Estimate | None:
    if test == "intervals":
        return difference(cells[a].estimate, cells[b].estimate, tests)
    return (paired if test == "paired" else welch)(cells[a].values, cells[b].values, tests)


def verdict(names: Sequence[str], better: Better, standing: Standing) -> str:
    """Which of the columns is better, in words; of a metric without a better direction, which is higher."""
    leading = [names[index] for index in standing.leading]
    behind = [name for name in names if name not in leading]
    if not behind:
        return NO_DIFFERENCE
    more, most, less = ("higher", "highest", "lower") if better == "neither" else ("better", "best", "worse")
    if len(leading) == 1:
        return f"{leading[0]} is {more if len(names) == 2 else most}"
    return f"{NO_DIFFERENCE} between {listed(leading)}; {listed(behind)} {'is' if len(behind) == 1 else 'are'} {less}"


def _untested(names: Sequence[str], cells: Sequence[Cell], by_seed: bool) -> str:
    """Why there is no test."""
    if by_seed:
        lone = [name for name, cell in zip(names, cells, strict=True) if len(cell.values) < 2]
        return f"only one seed of {listed(lone)}" if lone else "all seeds give the same value"
    bare = any(cell.estimate.low is None for cell in cells)
    return "no interval" if bare else "intervals of width 0"


OF_RUNS = (
    "intervals cover the random choice of images and not the seed of the training, so a verdict is about these trained "
    "models and not about their recipes; to compare recipes, train each with several seeds and use --group-by KEY"
)


def _of_groups(columns: Sequence[Column], key: str, differences: Sequence[str]) -> list[str]:
    """Notes about seeds, and about recipes that differ in more than the key."""
    notes = [
        f"only one seed ({column.seeds[0]}) of {column.name}, so its spread over seeds is unknown; train it with "
        "other seeds: --seed 1 and so on"
        for column in columns
        if len(column.seeds) == 1
    ]
    others = [name for name in differences if name not in (key, SEEN)]
    if others:
        notes.append(f"the groups differ in {listed(others)} too, which may cause a difference")
    several = [f"{len(column.seeds)} seeds of {column.name}" for column in columns if len(column.seeds) > 1]
    if several:
        notes.append(f"intervals cover the seed of the training and not the choice of images: {listed(several)}")
    return notes
