"""A plan: the runs of a study, each with its whole recipe, its folder, and the points at which it is measured."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, gcd
from pathlib import Path
from typing import Any

import tomli_w

from simulacra.catalogue import BY_GROUP
from simulacra.errors import StudyError
from simulacra.recipe import Recipe, load, to_table
from simulacra.studies.file import POINT, Budget, Measure, Study, case_recipe

PARTS = 20  # checkpoints that early points may cost a training, at most
ROWS = 100  # of metrics.jsonl that a short training has at least, where it has as many updates
DIGITS = 8  # of the hash in the name of a run's folder
BEFORE = "before"  # what `start.run` says for the run that is trained first
HELD_OUT = BY_GROUP["held_out"]
MEASURED = "measured_by_studies"  # the entry of run.json that says what is measured of a run: "GROUP STEP" -> how

Fit = Callable[[Recipe], tuple[Recipe, str]]  # a recipe to the same one fitted to its data, and the data's fingerprint


@dataclass(frozen=True)
class PlannedRun:
    """One training of a study and what is measured of it.

    Attributes:
        case: of the study; "before" for a run that others start from.
        seed: of the recipe.
        recipe: what trains, as it stands.
        name: of its recipe, for the record.
        folder: of the run.
        points: point of the study, like "25%" -> step.
        groups: of metrics that are measured at each point.
        samples: how many are measured.
        features: the extractor of distances; the data's own by default.
        before: the run that this one starts from.
    """

    case: str
    seed: int
    recipe: Recipe
    name: str
    folder: Path
    points: dict[str, int]
    groups: tuple[str, ...] = ()
    samples: int = 0
    features: str | None = None
    before: "PlannedRun | None" = None

    @property
    def images(self) -> int:
        """How many images its training sees, unless its minutes are over earlier."""
        return self.recipe.steps * self.recipe.data.batch


@dataclass(frozen=True)
class Plan:
    """A study that is about to be carried out.

    Attributes:
        asked: what a person called the study: a name or a file.
        study: its file.
        mode: "quick" or "full".
        budget: of that mode, with the seeds that were asked for.
        data: what all runs train on, as `train --data` takes it.
        out: the folder of all studies; runs of all of them lie in `out/runs`.
        runs: case by case for each seed, without those that are trained first.
    """

    asked: str
    study: Study
    mode: str
    budget: Budget
    data: str
    out: Path
    runs: tuple[PlannedRun, ...]

    @property
    def name(self) -> str:
        """Of the study, without the folder and the ending of its file."""
        return Path(self.asked).stem

    @property
    def folder(self) -> Path:
        """Where the page and the result are written."""
        return self.out / self.name / self.mode

    @property
    def trainings(self) -> list[PlannedRun]:
        """All runs, each once, those that others start from first."""
        first = [run.before for run in self.runs if run.before]
        return list({run.folder: run for run in (*first, *self.runs)}.values())

    @property
    def settings(self) -> list[float] | None:
        """For a trend: the setting that orders the cases, of each case."""
        key = self.study.question.along
        if key is None:
            return None
        tables = [to_table(case_recipe(self.study, case, self.budget)) for case in self.study.cases]
        return [float(_value(table, key)) for table in tables]


def plan(asked: str, study: Study, mode: str, seeds: int | None, data: str, out: Path, fit: Fit) -> Plan:
    """The runs of a study, none of them trained yet.

    Args:
        asked: what a person called the study: a name or a file.
        study: checked.
        mode: "quick" or "full".
        seeds: how many, in the place of the budget's.
        data: what it trains on.
        out: the folder of all studies.
        fit: fits a recipe to the data.

    Raises:
        StudyError: too few seeds, or there is no such budget, or it cannot be met.
        SimulacraError: a recipe and the data do not go together.
    """
    budget = study.full if mode == "full" else study.quick
    if budget is None:
        raise StudyError(f"{asked} has no table [full]; add it, or leave --full out")
    if seeds is not None:
        if seeds < 2:
            raise StudyError(f"--seeds {seeds} gives no interval and no verdict; expected 2 or more, better 5")
        budget = budget.model_copy(update={"seeds": seeds})
    kinds: list[tuple[PlannedRun, str]] = []  # a run of each case, still without its seed, and its data's fingerprint
    for case, table in study.cases.items():
        recipe, fingerprint = fit(case_recipe(study, case, budget))
        recipe = with_length(recipe, study, budget, case)
        stem, points = Path(table.get("recipe", study.recipe)).stem, points_of(study, recipe)
        measured: Any = {"groups": groups(study), "samples": budget.samples, "features": budget.features}
        kinds.append((PlannedRun(case, 0, recipe, stem, out, points, **measured), fingerprint))
    first = None
    if study.before is not None:
        recipe, fingerprint = fit(load(study.before, {} if budget.before is None else {"steps": budget.before}))
        first = PlannedRun(BEFORE, 0, recipe, Path(study.before).stem, out, {}), fingerprint
    runs: list[PlannedRun] = []
    for seed in range(budget.seeds):
        before = None if first is None else seeded(*first, seed, out)
        runs += [seeded(run, fingerprint, seed, out, before) for run, fingerprint in kinds]
    return Plan(asked, study, mode, budget, data, out, tuple(runs))


def seeded(run: PlannedRun, fingerprint: str, seed: int, out: Path, before: PlannedRun | None = None) -> PlannedRun:
    """A run with its seed, with the run that it starts from, and so with its folder."""
    recipe = run.recipe.model_copy(update={"seed": seed})
    if recipe.start is None or recipe.start.run != BEFORE:
        before = None
    if recipe.start is not None and before is not None:
        start = recipe.start.model_copy(update={"run": str(before.folder.absolute())})
        recipe = recipe.model_copy(update={"start": start})
    folder = out / "runs" / f"{run.name}-{digest(recipe, fingerprint, run.points)}"
    return replace(run, seed=seed, recipe=recipe, folder=folder, before=before)


def digest(recipe: Recipe, fingerprint: str, points: Mapping[str, int]) -> str:
    """What tells a run from all others: the whole recipe but its title, the data, and the early points where it is
    measured, as the checkpoints of others are dropped; in hexadecimal digits.
    """
    table = to_table(recipe)
    table.pop("title", None), table.pop("expect", None), table["data"].pop("source", None)
    if "start" in table:  # a run that a study trains first has such a name of its own
        table["start"]["run"] = Path(table["start"]["run"]).name
    early = sorted({step for point, step in points.items() if point != "100%"})
    return hashlib.sha256(f"{tomli_w.dumps(table)}{fingerprint}{early or ''}".encode()).hexdigest()[:DIGITS]


def with_length(recipe: Recipe, study: Study, budget: Budget, case: str) -> Recipe:
    """The recipe with the length of a budget, and with checkpoints where it is measured.

    Raises:
        StudyError: the budget cannot be met.
    """
    every: dict[str, Any] = {"epochs": (), "score": 0, "select": None}
    held_out = [measure for measure in study.measures if measure.metric in HELD_OUT]
    early = {point for measure in study.measures for point in measure.at} - {"100%"}
    splits = {measure.split or "test" for measure in held_out}
    every["evaluate"] = tuple(sorted(splits)) if early else tuple(sorted(splits - {"test"}))
    if budget.minutes is not None:
        if recipe.falls:
            raise StudyError(
                f"case {case!r}: its learning rate falls towards the last update, which equal minutes do not know; "
                "give the budget images or updates"
            )
        changed = recipe.every.model_copy(update=every)
        return recipe.model_copy(update={"minutes": budget.minutes, "steps": 10**9, "every": changed})
    length = budget.updates or (budget.images or 0) // recipe.data.batch
    if length < 1:
        raise StudyError(
            f"case {case!r}: {budget.images} images are less than one batch of {recipe.data.batch}; give more images"
        )
    length, step = rhythm(length, sorted(early), recipe.data.batch)
    every |= {"checkpoint": step, "keep": 0 if early else 1, "log": max(1, min(recipe.every.log, length // ROWS))}
    changed = recipe.every.model_copy(update=every)
    fitted = recipe.model_copy(update={"steps": length, "minutes": None, "every": changed})
    points_of(study, fitted)
    return fitted


def rhythm(length: int, points: Sequence[str], batch: int) -> tuple[int, int]:
    """The length of a training and the updates between its checkpoints, so that checkpoints lie at or near some points.

    The length is made up to 2% (or three updates) longer where that takes fewer checkpoints, and a little longer where
    more than PARTS would be needed.

    Args:
        length: in updates.
        points: where checkpoints are wanted.
        batch: images per update.
    """
    if not points:
        return length, length

    def between(length: int) -> int:
        return gcd(length, *(_wanted(point, length, batch) for point in points))

    longer = max(
        range(length, length + max(3, length // 50) + 1), key=lambda longer: (between(longer) / longer, -longer)
    )
    if between(longer) * PARTS >= longer:
        return longer, between(longer)
    step = ceil(length / PARTS)
    return step * ceil(length / step), step


def points_of(study: Study, recipe: Recipe) -> dict[str, int]:
    """The step of each point of the study's measures: of the checkpoint that lies nearest.

    Raises:
        StudyError: a point lies beyond the end of the training, or at its beginning.
    """
    points = {point: 0 for measure in study.measures for point in measure.at}
    if recipe.minutes is not None:
        return dict.fromkeys(points, 0)  # the last step, which nobody knows yet
    length, between = recipe.steps, recipe.every.checkpoint
    for point in points:
        step = _wanted(point, length, recipe.data.batch)
        if not 0 < step <= length:
            raise StudyError(f"at = {point!r} lies outside of a training of {length:,} updates; give a point within it")
        points[point] = max(between, between * round(step / between))
    for measure in study.measures:
        if len({points[point] for point in measure.at}) < len(measure.at):
            raise StudyError(f"measure {measure.name}: its points {list(measure.at)} are the same checkpoint")
    return points


def _wanted(point: str, length: int, batch: int) -> int:
    """The step that a point means, in a training of so many updates."""
    match = POINT.fullmatch(point)
    assert match is not None, "the file was checked"
    number, unit = int(match["number"]), match["unit"]
    return round(length * number / 100) if unit == "%" else number if unit == " steps" else number // batch


def groups(study: Study) -> tuple[str, ...]:
    """Groups of metrics that `evaluate` measures for a study; what a training measures on its way is not among them."""
    metrics = {measure.metric for measure in study.measures if measure.metric}
    return tuple(group for group in BY_GROUP if group != "held_out" and metrics & set(BY_GROUP[group]))


def window(measure: Measure, points: Mapping[str, int], index: int) -> tuple[int, int]:
    """The steps over which a curve is averaged for a point of a measure: after the first, up to the second."""
    return (points[measure.at[index - 1]] if index else 0), points[measure.at[index]]


def _value(table: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        table = table[part]
    return table
