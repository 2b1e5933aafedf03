"""The runs of a study at work: which start when, on how many threads, how far they are, and what a signal does."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulacra.errors import SimulacraError, Stopped, StudyError
from simulacra.files import cores
from simulacra.progress import Live
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome
from simulacra.studies.plan import Plan, PlannedRun
from simulacra.verbs.drive import stop_requests
from simulacra.verbs.prepare import command_line
from simulacra.verbs.study_cluster import cluster
from simulacra.verbs.study_run import Task, read_outcome
from simulacra.verbs.study_workers import Crew, local

Say = Callable[[str], None]
POLL, SHOWN = 0.5, 2.0  # seconds between two looks at the runs, and between two progress lines


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
    """Threads of each of so many runs at a time; None lets the first of runs that are alone choose for all of them."""
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
        threads: of torch in each run; None lets the first run choose, for all.
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
                threads = self.threads or self._chosen()
                task = Task(self.planned.name, run, self.planned.data, threads, most_threads())
                self.running[self.crew.submit(task)] = task
            else:
                rest.append(run)
        return rest

    def _chosen(self) -> int | None:
        """Threads that a run of the study has chosen: with the same for all, an interrupted study ends as any other."""
        folders = [RunFolder(run.folder) for run in self.planned.trainings]
        facts = (folder.read_facts() for folder in folders if folder.exists())
        return next((each["threads"] for each in facts if isinstance(each.get("threads"), int)), None)

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
