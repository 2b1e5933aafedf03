"""The verb `study`: a claim put to the test by trainings of several cases and seeds, which end in a verdict."""

import json
import shlex
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.data.resolve import fit
from simulacra.data.sources import KNOWN
from simulacra.data.store import ImageStore
from simulacra.errors import StudyError
from simulacra.files import expand, write_aside
from simulacra.recipe import Recipe
from simulacra.report.formatting import number
from simulacra.studies.answer import Findings, Outcome, Row, answer
from simulacra.studies.file import load_study, name_of, shipped, template
from simulacra.studies.page import write_page
from simulacra.studies.plan import Plan, plan
from simulacra.studies.words import verdict_sentences
from simulacra.tabular import Table
from simulacra.verbs.prepare import Data, open_data
from simulacra.verbs.study_check import check
from simulacra.verbs.study_cost import SECONDS, Cost, costs, summary
from simulacra.verbs.study_work import at_a_time, carry_out_all, stop_of

Say = Callable[[str], None]
COLUMNS = ("measure", "comparison", "effect", "low", "high", "p", "detectable", "seeds", "verdict")
COST_COLUMNS = ("case", "seed", "state", "images", "minutes", "run")
OUT = Path("studies")


@dataclass(frozen=True)
class Finished:
    """A study that was carried out.

    Attributes:
        plan: what was planned.
        findings: verdict, rows and outcomes.
        result: the file of the result, as JSON.
        page: the HTML file.
    """

    plan: Plan
    findings: Findings
    result: Path
    page: Path

    @property
    def sentences(self) -> list[str]:
        """The result in sentences."""
        unfinished = [
            f"{outcome.run.case}, seed {outcome.run.seed}: {outcome.state}: {outcome.why}"
            for outcome in self.findings.outcomes
            if outcome.state != "finished"
        ]
        _, *others = verdict_sentences(self.plan, self.findings)  # the first one says the verdict
        return [*unfinished, *others, f"Claim: {self.plan.study.claim}", f"Verdict: {self.findings.verdict}."]

    @property
    def table(self) -> Table:
        """The comparisons as a printed table."""
        words = frozenset({"measure", "comparison", "verdict"})
        return Table(
            "", COLUMNS, [cells(row) for row in self.findings.rows], gives_way=("detectable", "p"), words=words
        )

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        study = self.plan.study
        return {
            "study": self.plan.name,
            "number": study.number,
            "claim": study.claim,
            "source": study.source,
            "mode": self.plan.mode,
            "data": self.plan.data,
            "seeds": self.plan.budget.seeds,
            "verdict": self.findings.verdict,
            "sentences": self.sentences,
            "page": str(self.page),
            "rows": [row.to_json() for row in self.findings.rows],
            "runs": [outcome.to_json() for outcome in self.findings.outcomes],
        }


def listed() -> list[dict[str, Any]]:
    """The studies that come with the package: number, name, kind of question, claim."""
    studies = {name: load_study(name) for name in shipped()}
    return [
        {"number": study.number, "name": name, "question": study.question.kind, "claim": study.claim}
        for name, study in studies.items()
    ]


def new(path: Path | None) -> str:
    """Writes a commented study to start from; says what to do with it.

    Raises:
        StudyError: no file is named, or there is one.
    """
    if path is None:
        raise StudyError("new: name the file to write, like simulacra study new my-study.toml")
    if path.suffix != ".toml":
        raise StudyError(f"new: {path} is no name of a study; let it end in .toml")
    if path.exists():
        raise StudyError(f"new: {path} is there already; give another name")
    write_aside(path, template().encode())
    return f"{path} is written; edit it, then see what it costs: simulacra study {shlex.quote(str(path))} --dry-run"


@dataclass(frozen=True)
class Costs:
    """What a study costs.

    Attributes:
        rows: one per run.
        summary: all in a sentence.
    """

    rows: list[Cost]
    summary: str


def cost(
    name: str,
    *,
    full: bool = False,
    seeds: int | None = None,
    data: str | None = None,
    out: Path = OUT,
    workers: int | None = None,
    seconds: float = SECONDS,
    say: Say = lambda _: None,
) -> Costs:
    """What a study costs; nothing of it is trained. All arguments but one are those of `study`.

    `seconds` is for how long each recipe is timed.
    """
    rows = costs(prepare(name, full=full, seeds=seeds, data=data, out=out, say=say), seconds, say)
    return Costs(rows, summary(rows, workers or at_a_time()))


def list_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Studies, as `listed` gives them, as a printed table."""
    texts = [tuple(map(str, row.values())) for row in rows]
    return Table("", ("claim", "study", "question", "says"), texts, words=frozenset({"says"}))


def cost_table(of_study: Costs) -> Table:
    """What a study costs, as a printed table."""
    return Table("", COST_COLUMNS, [cost_cells(row) for row in of_study.rows], gives_way=("run", "images"))


def cost_cells(row: Cost) -> tuple[str, ...]:
    """A run as the printed table of costs shows it."""
    minutes = "0" if row.state != "missing" else f"{row.minutes:,.1f}"
    return (row.run.case, str(row.run.seed), row.state, f"{row.run.images:,}", minutes, str(row.run.folder))


def cells(row: Row) -> tuple[str, ...]:
    """A comparison as the printed table shows it."""
    effect, detectable = row.effect, row.answer.detectable if row.answer else None
    numbers = [effect.value, effect.low, effect.high] if effect else [None, None, None]
    texts = ["" if value is None else number(value) for value in [*numbers, row.p, detectable]]
    return (row.measure, row.comparison.title, *texts, str(len(row.comparison.seeds)), row.verdict)


def study(
    name: str,
    *,
    full: bool = False,
    seeds: int | None = None,
    data: str | None = None,
    out: Path = OUT,
    workers: int | None = None,
    scheduler: str | None = None,
    say: Say = lambda _: None,
) -> Finished:
    """Carries out a study, or goes on with it, and answers its claim; no run is trained twice.

    Args:
        name: of a shipped study, or its number, or a file.
        full: with the full budget, in the place of the quick one.
        seeds: how many, in the place of the budget's.
        data: what it trains on, as `train --data` takes it; the study's own data by default.
        out: the folder of all studies.
        workers: runs at a time; as many as this machine has cores by default, and one on a GPU.
        scheduler: address of a Dask scheduler whose workers carry out the runs, like "tcp://host:8786".
        say: takes lines that a person should read.

    Raises:
        SimulacraError: the study, its data or the folder cannot be used.
        Stopped: a signal came; the runs were saved.
    """
    try:
        planned = prepare(name, full=full, seeds=seeds, data=data, out=out, say=say)
        outcomes = carry_out_all(planned, workers, scheduler, say)
        return conclude(planned, outcomes)
    except KeyboardInterrupt as error:  # before or after the trainings
        raise stop_of(signal.SIGINT) from error


def prepare(
    name: str, *, full: bool, seeds: int | None, data: str | None, out: Path, say: Say = lambda _: None
) -> Plan:
    """The plan of a study, checked against its data; nothing is trained yet.

    Raises:
        SimulacraError: the study or its data cannot be used.
    """
    name = name_of(name)
    settings = load_study(name)
    asked = data or settings.data
    if asked not in KNOWN:
        asked = str(expand(asked).absolute())  # other processes have other folders
    stores: dict[tuple[int, int, int], ImageStore] = {}
    source = Data(asked)

    def fit_to_data(recipe: Recipe) -> tuple[Recipe, str]:
        """The recipe as it would be trained; each size of the data is opened once."""
        shape = recipe.data.shape
        if shape not in stores:
            stores[shape] = open_data(recipe, source, say)
        return fit(recipe, stores[shape]), stores[shape].fingerprint

    planned = plan(name, settings, "full" if full else "quick", seeds, asked, out, fit_to_data)
    check(planned, list(stores.values()))
    return planned


def conclude(planned: Plan, outcomes: Sequence[Outcome]) -> Finished:
    """Answers the claim, and writes the result and the page."""
    findings = answer(planned, outcomes)
    words = ["simulacra", "study", planned.asked, *(["--full"] if planned.mode == "full" else [])]
    words += ["--seeds", str(planned.budget.seeds)]
    words += ["--data", planned.data] if planned.data != planned.study.data else []
    words += ["--out", str(planned.out)] if planned.out != OUT else []
    page = write_page(planned, findings, shlex.join(words))
    finished = Finished(planned, findings, planned.folder / "result.json", page)
    write_aside(finished.result, (json.dumps(finished.to_json(), indent=1) + "\n").encode())
    return finished
