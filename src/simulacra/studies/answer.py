"""Finished runs to an answer: values per case and seed, the question's test, Holm's correction, and the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from simulacra.catalogue import METRICS
from simulacra.estimates import Estimate
from simulacra.studies import questions
from simulacra.studies.file import Measure
from simulacra.studies.plan import Plan, PlannedRun
from simulacra.studies.questions import Answer, Direction, Verdict
from simulacra.studies.values import Files, Numbers, lead

State = Literal["finished", "diverged", "failed", "missing"]
LEAST = 2  # seeds that an interval takes
Table = dict[tuple[str, int], Files]  # case and seed -> the files of a finished run
Ask = Callable[[Numbers], Answer]


@dataclass(frozen=True)
class Outcome:
    """What became of a planned run.

    Attributes:
        run: as it was planned.
        state: finished; diverged; failed for another reason; or missing: not trained yet.
        why: the reason where it did not finish.
        seconds: of training.
    """

    run: PlannedRun
    state: State
    why: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        row = {"case": self.run.case, "seed": self.run.seed, "run": str(self.run.folder), "state": self.state}
        return row | {"why": self.why, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True)
class Comparison:
    """Values before they are judged, of the seeds that have all of them.

    Attributes:
        measure: whose values they are.
        title: which cases or points are compared.
        names: of the rows of values.
        seeds: of the columns.
        values: (rows, seeds).
        ask: the question.
        notes: which seeds are left out.
    """

    measure: Measure
    title: str
    names: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Numbers
    ask: Ask
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """What one comparison says of the claim.

    Attributes:
        comparison: its values.
        answer: of the question; None where too few seeds are left.
        p: of the answer, corrected for the number of comparisons.
        verdict: of this comparison alone.
        page: p-value of Page's test of ranks beside a trend.
    """

    comparison: Comparison
    answer: Answer | None
    p: float | None
    verdict: Verdict
    page: float | None = None

    @property
    def measure(self) -> str:
        """Name of the measure."""
        return self.comparison.measure.name

    @property
    def unit(self) -> str:
        """Of the effect."""
        metric = self.comparison.measure.metric
        return METRICS[metric].unit if metric else "as in the curve"

    @property
    def effect(self) -> Estimate | None:
        """With its 95% interval."""
        return self.answer.effect if self.answer else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the row."""
        if self.answer:
            return self.comparison.notes
        return (*self.comparison.notes, f"an interval takes {LEAST} seeds with all values")

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        effect, answer, rows = self.effect, self.answer, self.comparison
        return {
            "measure": self.measure,
            "comparison": rows.title,
            "effect": effect.value if effect else None,
            "low": effect.low if effect else None,
            "high": effect.high if effect else None,
            "unit": self.unit,
            "p": self.p,
            "page": self.page,
            "detectable": answer.detectable if answer else None,
            "needed": answer.needed if answer else None,
            "seeds": list(rows.seeds),
            "verdict": self.verdict,
            "method": answer.method if answer else None,
            "values": {name: row.tolist() for name, row in zip(rows.names, rows.values, strict=True)},
            "contrast": answer.contrast.tolist() if answer else [],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Findings:
    """What a study says.

    Attributes:
        verdict: of the claim.
        rows: one per comparison.
        outcomes: of all runs.
    """

    verdict: Verdict
    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]

    def count(self, state: State) -> int:
        """How many runs are in a state."""
        return sum(outcome.state == state for outcome in self.outcomes)


def answer(plan: Plan, outcomes: Sequence[Outcome]) -> Findings:
    """The verdict of a study, from the files of its runs.

    A run that has not finished has no value; its seed is left out of the comparisons that need it.

    Args:
        plan: what was planned.
        outcomes: what became of the runs.

    Raises:
        RunError: a run folder is damaged.
    """
    finished = {outcome.run.folder for outcome in outcomes if outcome.state == "finished"}
    files = {(run.case, run.seed): Files(run) for run in plan.runs if run.folder in finished}
    compared = [row for measure in plan.study.measures for row in comparisons(plan, measure, files)]
    answers = [row.ask(row.values) if len(row.seeds) >= LEAST else None for row in compared]
    judged = [each for each in answers if each is not None]
    verdicts, corrected = iter(questions.verdicts(judged)), iter(questions.holm([each.p for each in judged]))
    rows = []
    for row, each in zip(compared, answers, strict=True):
        if each is None:
            rows.append(Row(row, None, None, "undecided"))
            continue
        page = None
        if plan.study.question.kind == "trend":
            page = questions.page(row.values, row.measure.direction)
        rows.append(Row(row, each, next(corrected), next(verdicts), page))
    return Findings(questions.verdict([row.verdict for row in rows]), tuple(rows), tuple(outcomes))


def comparisons(plan: Plan, measure: Measure, files: Table) -> list[Comparison]:
    """What a measure compares: one comparison, or each further case with the first."""
    kind, direction, cases = plan.study.question.kind, measure.direction, list(plan.study.cases)
    if kind == "ranking":
        return [_ranking(plan, measure, files)]
    values = {case: _values(plan, measure, case, files) for case in cases}  # case -> (points, seeds)
    if kind == "trend":
        return [_trend(plan, measure, values)]
    if kind == "early-not-late":
        names = tuple(f"{case}, {point}" for point in measure.at for case in cases)
        rows = np.stack([values[case][index] for index in range(len(measure.at)) for case in cases])
        title = f"{cases[1]} less {cases[0]}, at {measure.at[0]} less at {measure.at[1]}"
        return [_complete(plan, measure, title, names, rows, partial(_early_not_late, direction=direction))]
    if kind == "within":
        first, *later = measure.at
        title = f"at {later[0]} less at {first}" if later else f"at {first}"
        if measure.curve is not None:  # a mean over the steps up to each point
            title = f"mean from {first} to {later[0]} less mean up to {first}" if later else f"mean up to {first}"
        return [_complete(plan, measure, title, measure.at, values[cases[0]], partial(_within, direction=direction))]
    ask: Ask = partial(questions.better, direction=direction)
    if measure.margin is not None:
        ask = partial(questions.equal, margin=measure.margin)
    first = cases[0]
    return [
        _complete(
            plan, measure, f"{case} less {first}", (first, case), np.stack([values[first][0], values[case][0]]), ask
        )
        for case in cases[1:]
    ]


def _values(plan: Plan, measure: Measure, case: str, files: Table) -> Numbers:
    """(points, seeds) values of a case; NaN where there is none."""
    return np.array(
        [
            [
                files[case, seed].value(measure, index) if (case, seed) in files else np.nan
                for seed in range(plan.budget.seeds)
            ]
            for index in range(len(measure.at))
        ]
    )


def _trend(plan: Plan, measure: Measure, values: dict[str, Numbers]) -> Comparison:
    """All cases in the order of their settings."""
    settings, cases = np.array(plan.settings), list(plan.study.cases)
    order = np.argsort(settings)
    x = np.log(settings[order]) if plan.study.question.scale == "log" else settings[order]
    names = tuple(cases[index] for index in order)
    title = f"{names[-1]} less {names[0]}"
    ask = partial(questions.trend, setting=x.tolist(), direction=measure.direction)
    return _complete(plan, measure, title, names, np.stack([values[name][0] for name in names]), ask)


def _ranking(plan: Plan, measure: Measure, files: Table) -> Comparison:
    """The best score of the labels that the claim puts first, beside the best score of the others."""
    case = next(iter(plan.study.cases))
    rows = np.full((2, plan.budget.seeds), np.nan)
    for seed in range(plan.budget.seeds):
        scores = files[case, seed].scores(measure) if (case, seed) in files else {}
        if (pair := lead(measure, scores)) is not None:
            rows[:, seed] = pair
    names = (f"best of {', '.join(measure.labels)}", "best of all other labels")
    return _complete(plan, measure, "lead over all other labels", names, rows, partial(questions.ranking, named=0))


def _complete(
    plan: Plan, measure: Measure, title: str, names: tuple[str, ...], values: Numbers, ask: Ask
) -> Comparison:
    """A comparison of the seeds that have all values."""
    whole = np.isfinite(values).all(axis=0)
    seeds = tuple(np.flatnonzero(whole).tolist())
    missing = [str(seed) for seed in range(plan.budget.seeds) if seed not in seeds]
    notes = (f"without seed {', '.join(missing)}, which lacks a value",) if missing else ()
    return Comparison(measure, title, names, seeds, values[:, whole], ask, notes)


def _early_not_late(values: Numbers, direction: Direction) -> Answer:
    return questions.early_not_late(values[:2], values[2:], direction)


def _within(values: Numbers, direction: Direction) -> Answer:
    return questions.within(values[-1] - values[0] if len(values) > 1 else values[0], direction)
