"""The verb `study`: a claim put to the test by trainings of several cases and seeds, which end in a verdict."""

import json
import os
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulacra.data.resolve import fit
from simulacra.data.sources import KNOWN
from simulacra.data.store import ImageStore
from simulacra.errors import SimulacraError, Stopped, StudyError
from simulacra.files import cores, expand, write_aside
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.report.formatting import number
from simulacra.runs import RunFolder
from simulacra.studies.answer import Findings, Outcome, Row, answer
from simulacra.studies.file import load_study, name_of, shipped, template
from simulacra.studies.page import write_page
from simulacra.studies.plan import Plan, PlannedRun, plan
from simulacra.studies.words import verdict_sentences
from simulacra.tabular import Table
from simulacra.verbs.drive import stop_requests
from simulacra.verbs.prepare import Data, command_line, open_data
from simulacra.verbs.study_check import check
from simulacra.verbs.study_cluster import cluster
from simulacra.verbs.study_cost import SECONDS, Cost, costs, summary
from simulacra.verbs.study_run import Task, read_outcome
from simulacra.verbs.study_workers import Crew, local

Say = Callable[[str], None]
COLUMNS = ("measure", "comparison", "effect", "low", "high", "p", "detectable", "seeds", "verdict")
COST_COLUMNS = ("case", "seed", "state", "images", "minutes", "run")
POLL, SHOWN = 0.5, 2.0  # seconds between two looks at the runs, and between two progress lines
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
        verdict, *others = verdict_sentences(self.plan, self.findings)
        return [*unfinished, *others, f"Claim: {self.plan.study.claim}", f"Verdict: {self.findings.verdict}. {verdict}"]

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


def list_table() -> Table:
    """The studies that come with the package, as a printed table."""
    rows = [tuple(map(str, row.values())) for row in listed()]
    return Table("", ("claim", "study", "question", "says"), rows, words=frozenset({"says"}))


def cost_table(found: Costs) -> Table:
    """What a study costs, as a printed table."""
    return Table("", COST_COLUMNS, [cost_cells(row) for row in found.rows], gives_way=("run", "images"))


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


def carry_out_all(planned: Plan, workers: int | None, scheduler: str | None, say: Say) -> list[Outcome]:
    """Trains and measures what is missing of a study.

    Raises:
        StudyError: the folder cannot be written, or the scheduler cannot be used.
        Stopped: a signal came; the runs were saved.
    """
    trainings = planned.trainings
    outcomes = {run.folder: read_outcome(run) for run in trainings}
    missing = [run for run in trainings if outcomes[run.folder].state == "missing"]
    if not missing:
        return list(outcomes.values())
    try:
        (planned.out / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{planned.out} cannot be written ({error.strerror}); give another --out") from error
    count = min(workers or at_a_time(), len(trainings))
    # Of all runs and not of those that are missing: digits depend on it, and must not on when a study was interrupted.
    threads = 1 if scheduler else threads_each(count)
    count = min(count, len(missing))
    where = f"on {scheduler}" if scheduler else f"{count} at a time"
    runs = f"{len(trainings)} run{'s' * (len(trainings) != 1)}"
    say(f"{planned.name}: {runs}, {len(missing)} to train, {where}")
    at_work = cluster(scheduler, planned.out) if scheduler else local(count, threads)
    with at_work as crew, Live(f"study {planned.name}") as live, stop_requests() as request:
        work = Work(planned, crew, outcomes, threads, live)
        try:
            work.go_on(missing, lambda: request.signal is not None)
        except KeyboardInterrupt:  # a second signal, as `timeout` sends it; runs save their state as they are closed
            if request.signal is None:
                raise
        if request.signal is not None:
            done = sum(outcome.state != "missing" for outcome in outcomes.values())
            raise stop_of(request.signal, f": {done} of {len(trainings)} runs done, the others saved")
    return list(outcomes.values())


def stop_of(number: int, how_far: str = "") -> Stopped:
    """What a study says that a signal stopped; nothing of it is lost, wherever it was."""
    return Stopped(number, f"stopped{how_far}; the same command goes on: {command_line()}")


def most_threads() -> int:
    """Threads that a run may have: torch's own number, which obeys OMP_NUM_THREADS, or less in a small container."""
    import torch

    return max(1, min(cores(), torch.get_num_threads()))


def threads_each(count: int) -> int | None:
    """Threads of each of so many runs at a time; None lets a run that is alone choose, as nobody asked for a number."""
    if count == 1 and "OMP_NUM_THREADS" not in os.environ:
        return None
    return max(1, min(cores() // count, most_threads()))


def at_a_time() -> int:
    """How many runs this machine takes at a time: one per core, or one alone where they would share a GPU."""
    import torch

    return 1 if torch.accelerator.is_available() else cores()


@dataclass
class Work:
    """Runs on their way.

    Attributes:
        planned: the study.
        crew: who carries them out.
        outcomes: folder -> outcome, filled on the way.
        threads: of torch in each run; None lets the run choose.
        live: the progress line.
        running: the task of each future that is not done.
        shown: when the progress line was written last.
    """

    planned: Plan
    crew: Crew
    outcomes: dict[Path, Outcome]
    threads: int | None
    live: Live
    running: dict[Future[Any], Task] = field(default_factory=dict)
    shown: float = 0.0

    def go_on(self, missing: Sequence[PlannedRun], stopped: Callable[[], bool]) -> None:
        """Carries out runs until all are done or somebody wants it to stop.

        A run that starts from another one waits for it.
        """
        waiting = list(missing)
        while waiting or self.running:
            if stopped():
                self.crew.stop()
                wait([future for future in self.running if not future.cancel()])  # begun ones end by themselves
                return
            waiting = self._start(waiting)
            done, _ = wait(self.running, POLL, FIRST_COMPLETED)
            for future in done:
                task = self.running.pop(future)
                outcome = self.crew.outcome(task, future)
                if stopped() and (outcome is None or outcome.state == "failed"):  # the same signal has ended it
                    continue
                if outcome is None:  # somebody has stopped this run alone
                    outcome = Outcome(task.run, "failed", "it was stopped; the same command goes on")
                self.outcomes[task.run.folder] = outcome
                self._report(outcome)
            self._show(waiting)

    def _start(self, waiting: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Starts what there are workers for, and gives the rest."""
        rest = []
        for run in waiting:
            before = self.outcomes[run.before.folder] if run.before else None
            if before is not None and before.state in ("diverged", "failed"):
                why = f"the run that it starts from has not finished: {before.why}"
                self.outcomes[run.folder] = Outcome(run, "failed", why)
            elif len(self.running) < self.crew.workers and (before is None or before.state == "finished"):
                task = Task(self.planned.name, run, self.planned.data, self.threads, most_threads())
                self.running[self.crew.submit(task)] = task
            else:
                rest.append(run)
        return rest

    def _report(self, outcome: Outcome) -> None:
        run = outcome.run
        if outcome.state != "finished":
            self.live.say(f"{run.case}, seed {run.seed}: {outcome.state}: {outcome.why}")

    def _show(self, waiting: Sequence[PlannedRun]) -> None:
        """The progress line: runs done, running and to go, and the time that the rest takes at the measured speed."""
        if time.monotonic() < self.shown + SHOWN:
            return
        self.shown = time.monotonic()
        running = [task.run for task in self.running.values()]
        pace = Pace.of([outcome for outcome in self.outcomes.values() if outcome.state != "missing"], running)
        done = len(self.outcomes) - len(running) - len(waiting)
        words = f"{done} done, {len(running)} running, {len(waiting)} to go"
        share = pace.images / max(1, sum(run.images for run in self.planned.trainings))
        left = pace.seconds_left(waiting)
        self.live.show(share, words, left=None if left is None else left / max(1, self.crew.workers))


@dataclass(frozen=True)
class Pace:
    """How fast the runs of a study train, from their files.

    Attributes:
        speeds: case -> seconds per image.
        images: that have been trained on in all.
        running: case and images to go of each run on its way.
    """

    speeds: dict[str, float]
    images: float
    running: list[tuple[str, float]]

    @classmethod
    def of(cls, ended: Sequence[Outcome], running: Sequence[PlannedRun]) -> "Pace":
        """The pace of runs that have ended and of others on their way."""
        times: dict[str, list[tuple[float, float]]] = {}  # case -> seconds and images
        images, left = 0.0, []
        for outcome in ended:
            images += outcome.run.images
            if outcome.state == "finished" and outcome.seconds:
                times.setdefault(outcome.run.case, []).append((outcome.seconds, outcome.run.images))
        for run in running:
            seconds, share = progress(run)
            images += share * run.images
            left.append((run.case, (1 - share) * run.images))
            if seconds and share:
                times.setdefault(run.case, []).append((seconds, share * run.images))
        speeds = {case: sum(s for s, _ in pairs) / sum(n for _, n in pairs) for case, pairs in times.items()}
        return cls(speeds, images, left)

    def seconds_left(self, waiting: Sequence[PlannedRun]) -> float | None:
        """Seconds of training to go, for one worker; None before there is any speed.

        A case that was not timed yet is as fast as the mean of the others.
        """
        if not self.speeds:
            return None
        usual = sum(self.speeds.values()) / len(self.speeds)
        ahead = [*self.running, *((run.case, run.images) for run in waiting)]
        return sum(self.speeds.get(case, usual) * images for case, images in ahead)


def progress(run: PlannedRun) -> tuple[float, float]:
    """Seconds of training so far of a run on its way, and the share of it that is done."""
    folder = RunFolder(run.folder)
    try:
        rows = folder.rows("timing")
        seconds, step = sum(float(row["seconds"]) for row in rows), max((row["step"] for row in rows), default=0)
    except (SimulacraError, KeyError, OSError):  # it is being written
        return 0.0, 0.0
    length = seconds / (60 * run.recipe.minutes) if run.recipe.minutes else step / run.recipe.steps
    return seconds, min(1.0, length)


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
