"""Several runs against one another: which of their numbers compare, which are better, where their recipes differ."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from simulacra.errors import RunError, nearest
from simulacra.estimates import LEVEL, Better, Estimate, Standing, against_best, difference, paired, welch
from simulacra.recipe import Recipe, leaves, to_table
from simulacra.report.formatting import MISSING, listed, number, plain
from simulacra.report.matching import Match, matches, weights_of
from simulacra.report.record import Record, weights_name
from simulacra.tabular import Table, Tabular, to_csv

WITHOUT_EFFECT = ("title", "expect", "every", "data.source")  # parts of a recipe that change no weight
Settings = dict[str, Any]  # dotted key -> value


def dotted(recipe: Recipe | None) -> Settings:
    """Everything that decides a training, by dotted key; empty where the recipe cannot be read."""
    if recipe is None:
        return {}
    return dict(leaves(to_table(recipe), without=WITHOUT_EFFECT))


def differing(recipes: Sequence[Settings]) -> list[str]:
    """Keys whose values differ between recipes, in the order in which they first appear; a missing key differs."""
    keys = dict.fromkeys(key for settings in recipes for key in settings)
    return [key for key in keys if len({compact(settings.get(key)) for settings in recipes}) > 1]


def compact(value: Any) -> str:
    """A setting in few letters: 0.25, mse, [32,64], - where there is none."""
    if value is None:
        return MISSING
    return plain(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


@dataclass(frozen=True)
class Column:
    """One run, or one recipe trained with several seeds."""

    name: str
    indices: tuple[int, ...]  # of its runs among all, by seed
    runs: tuple[str, ...]  # their folders
    seeds: tuple[int, ...]
    weights: str | None  # that were measured, and samples are drawn with: ema or raw; None where no recipe says it


def single(records: Sequence[Record]) -> list[Column]:
    """A column for each run."""
    return [_column(record.name, [index], records) for index, record in enumerate(records)]


def grouped(records: Sequence[Record], key: str) -> list[Column]:
    """A column for each value of a dotted key like objective.kl_weight, of runs that differ in their seed alone.

    Raises:
        RunError: no recipe has the key, it does not vary, or runs of one value differ in more than the seed.
    """
    recipes = [dotted(record.recipe) for record in records]
    _check_key(key, recipes)
    groups: dict[str, list[int]] = {}
    for index, recipe in enumerate(recipes):
        groups.setdefault(compact(recipe.get(key)), []).append(index)
    for value, members in groups.items():
        _check_group(key, value, [records[index] for index in members], [recipes[index] for index in members])
    last = key.rpartition(".")[2]
    ordered = sorted(groups.items(), key=lambda item: _order(recipes[item[1][0]].get(key)))
    return [_column(f"{last}={value}", members, records) for value, members in ordered]


def _check_key(key: str, recipes: Sequence[Settings]) -> None:
    """Raises RunError unless a key makes groups."""
    vary = [name for name in differing(recipes) if name != "seed"]
    keys = {name for recipe in recipes for name in recipe}
    which = f"; these keys differ: {', '.join(vary)}" if vary else "; the runs differ in their seed alone"
    if key not in keys:
        near = nearest(key, keys) if get_close_matches(key, keys, n=1) else ""
        raise RunError(f"--group-by {key}: no recipe of these runs has this key{f'; {near}' if near else which}")
    if key == "seed":
        raise RunError(f"--group-by seed: seeds differ within a group, so they make no groups{which}")
    if key not in vary:
        value = compact(recipes[0].get(key))
        raise RunError(f"--group-by {key}: it is {value} in every run, so there is only one group{which}")


def _check_group(key: str, value: str, records: Sequence[Record], recipes: Sequence[Settings]) -> None:
    """Raises RunError unless these recipes differ in their seed, and in nothing else."""
    others = [name for name in differing(recipes) if name != "seed"]
    if others:
        names = f"{', '.join(others[:3])}{', ...' if len(others) > 3 else ''}"
        raise RunError(
            f"--group-by {key}: {listed([record.name for record in records])} have {key} = {value} but differ in "
            f"{names} too; runs of a group may differ in their seed alone, so leave some out or group by {others[0]}"
        )
    seen: dict[object, str] = {}
    for record, recipe in zip(records, recipes, strict=True):
        if (seed := recipe.get("seed")) in seen:
            raise RunError(
                f"--group-by {key}: {seen[seed]} and {record.name} have the same recipe and the same seed ({seed}), so "
                "the second run adds nothing; leave one out"
            )
        seen[seed] = record.name


def _column(name: str, indices: Sequence[int], records: Sequence[Record]) -> Column:
    recipes = {index: records[index].recipe for index in indices}
    seeds = {index: recipe.seed if recipe else 0 for index, recipe in recipes.items()}
    ordered = tuple(sorted(indices, key=seeds.__getitem__))
    runs = tuple(str(records[index].folder.path) for index in ordered)
    return Column(name, ordered, runs, tuple(seeds[index] for index in ordered), weights_of(records[ordered[0]]))


def _order(value: object) -> tuple[bool, float, str]:
    """Sorts numbers by size, and then words by letter."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not number, float(str(value)) if number else 0.0, compact(value))


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
    def heading(self) -> str:
        """Metric and topic, with an arrow to where better values lie."""
        arrow = {"lower": " ↓", "higher": " ↑", "neither": ""}[self.better]
        return f"{self.metric}{f' {self.topic}' if self.topic else ''}{arrow}"

    @property
    def baseline(self) -> float | None:
        """The baseline that all cells share; None where there is none, or they differ."""
        baselines = {cell.baseline for cell in self.cells if cell}
        return baselines.pop() if len(baselines) == 1 else None


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Runs, or groups of runs, against one another."""

    columns: tuple[Column, ...]
    group_by: str | None  # the key whose values make the groups; None where each run is a column
    metrics: tuple[ComparedMetric, ...]  # that at least two columns have, measured in the same way
    differences: dict[str, tuple[str, ...]]  # key of the recipes -> its value in each column
    notes: tuple[str, ...]  # sentences to read beside the numbers

    def as_json(self) -> dict[str, Any]:
        """The whole comparison."""
        return {"level": LEVEL, "tests": TESTS} | asdict(self)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row per metric and column, for scripts."""
        return [
            {
                "metric": compared.metric,
                "code": compared.code,
                "label": compared.label,
                "split": compared.split,
                "n": compared.conditions.get("n"),
                "extractor": compared.conditions.get("extractor"),
                "judge": compared.conditions.get("judge"),
                "column": column.name,
                "weights": column.weights,
                **asdict(cell.estimate),
                "baseline": cell.baseline,
                "better": compared.better,
                "verdict": compared.verdict,
            }
            for compared in self.metrics
            for column, cell in zip(self.columns, compared.cells, strict=True)
            if cell
        ]

    def to_table(self) -> Table:
        """A row per metric: the value of each column with its interval, the baseline, and the verdict."""
        names = [column.name for column in self.columns]
        head = ("metric", *(part for name in names for part in (name, f"interval of {name}")), "baseline", "verdict")
        body = []
        for compared in self.metrics:
            cells = [part for cell in compared.cells for part in _texts(cell)]
            baseline = "" if compared.baseline is None else number(compared.baseline)
            body.append((compared.heading, *cells, baseline, compared.verdict))
        intervals = [f"interval of {name}" for name in reversed(names)]
        words = frozenset({"verdict"})
        table = Table("", head, body, self.notes, (*intervals, "baseline"), words)
        return table if any(row[-2] for row in body) else table.without("baseline")

    def for_paper(self) -> Table:
        """The same with each interval behind its value."""
        table = self.to_table()
        head = ("metric", *(column.name for column in self.columns), *table.columns[1 + 2 * len(self.columns) :])
        body = []
        for row in table.rows:
            end = 1 + 2 * len(self.columns)
            pairs, rest = zip(row[1:end:2], row[2:end:2], strict=True), row[end:]
            values = [f"{value} ({interval})" if interval else value for value, interval in pairs]
            body.append((row[0], *values, *rest))
        return Table("", head, body, self.notes)

    def written(self, form: str) -> str:
        """The metrics in one of FORMATS."""
        return FORMATS[form](self)

    def settings(self) -> Table:
        """The keys in which the recipes differ; of other families those that all have, and how many more there are."""
        names = [column.name for column in self.columns]
        rows = [(key, *values) for key, values in self.differences.items()]
        if len(set(self.differences.get("objective.family", ()))) > 1:
            alone = [row for row in rows if MISSING in row]
            rows = [row for row in rows if MISSING not in row]
            counts = [sum(value != MISSING for value in values) for values in list(zip(*alone, strict=True))[1:]]
            rows += [("settings of some families alone", *map(str, counts))] if alone else []
        return Table("", ("setting", *names), rows, words=frozenset(names))


# Name of a format -> what writes a comparison in it.
FORMATS: dict[str, Callable[[Comparison], str]] = {
    "csv": lambda comparison: to_csv(comparison.rows),
    "latex": lambda comparison: comparison.for_paper().to_latex(),
    "markdown": lambda comparison: comparison.for_paper().to_markdown(),
}


def _texts(cell: Cell | None) -> tuple[str, str]:
    """A value and its interval."""
    if cell is None:
        return MISSING, ""
    low, high = cell.estimate.low, cell.estimate.high
    return number(cell.estimate.value), "" if low is None or high is None else f"{number(low)} to {number(high)}"


def comparison_of(
    records: Sequence[Record], *, group_by: str | None = None, wanted: Sequence[str] = (), split: str | None = None
) -> Comparison:
    """Compares the numbers that two runs or more have in common, of the wanted metrics or all.

    Groups are made by a dotted key of the recipes. The split is that of real images; by default test, or valid where no
    run has a number of test images.

    Raises:
        RunError: the key makes no groups of these runs.
    """
    columns = single(records) if group_by is None else grouped(records, group_by)
    matched, notes = matches(records, wanted, split)
    metrics = []
    for match in matched:
        cells = [_cell(column, match, group_by is not None) for column in columns]
        if sum(cell is not None for cell in cells) > 1:
            metrics.append(_compared(columns, cells, match, group_by is not None))
    differences = _differences(records, columns, with_seed=group_by is None)
    about = _of_groups(columns, group_by, list(differences)) if group_by else [OF_RUNS]
    return Comparison(tuple(columns), group_by, tuple(metrics), differences, (*notes, *_weights(columns), *about))


def _weights(columns: Sequence[Column]) -> list[str]:
    """Which weights are compared, where any run keeps an EMA."""
    kinds = {kind: [column.name for column in columns if column.weights == kind] for kind in ("ema", "raw")}
    if not kinds["ema"]:
        return []
    parts = [f"{weights_name(kind)} of {listed(names)}" for kind, names in kinds.items() if names]
    return [f"each run is compared by the weights that its samples are drawn with: {', '.join(parts)}"]


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
    standing = against_best([cell.estimate.value for cell in tested], row.better, partial(_tested, test, tested))
    differences: list[Estimate | None] = [None] * len(cells)
    for index, from_best in zip(filled, standing.differences if standing else [], strict=False):
        differences[index] = from_best
    best = tuple(names[index] for index in standing.leading) if standing else ()
    words = verdict(names, row.better, standing) if standing else f"not tested: {_untested(names, tested, by_seed)}"
    about = (row.metric, row.code, row.label, row.split, row.against, match.conditions, row.better)
    return ComparedMetric(*about, tuple(cells), test, tuple(differences), best, words)


def _tested(test: str, cells: Sequence[Cell], a: int, b: int, tests: int) -> Estimate | None:
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
