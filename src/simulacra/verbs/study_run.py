"""One run of a study: trained, measured at its points, and what became of it.

As a program, `python -m simulacra.verbs.study_run` carries out runs for another process, which starts it in
`verbs/study_workers.py`: it reads tasks from stdin until that is closed, and writes a line of JSON for each.
"""

import json
import os
import pickle
import signal
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple

from filelock import FileLock

from simulacra.catalogue import METRICS, of_group
from simulacra.errors import Diverged, RunError, SimulacraError, Stopped
from simulacra.evaluation.data_of_run import store_of
from simulacra.evaluation.features import JUDGE
from simulacra.evaluation.judge import judge_of
from simulacra.files import can_lock, user_cache
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome
from simulacra.studies.plan import MEASURED, PlannedRun
from simulacra.verbs.evaluate import evaluate
from simulacra.verbs.train import train

PATIENCE = 20.0  # seconds that a folder may stay locked by a process that has just been killed
GRACE = 60.0  # seconds in which a run saves its state after whoever started this process has gone
JUDGED = {"conditions", "diversity"}  # groups of metrics that take the judge of the labels
STUDIES = "studies"  # the entry of run.json that says which studies a run belongs to


class Task(NamedTuple):
    """A run and what it needs besides.

    Attributes:
        study: the name of the study.
        run: as it was planned.
        data: as `train --data` takes it.
        threads: of torch; None lets the run choose by a short trial, as `train` does.
        most: threads that it may have, also where it began with more.
    """

    study: str
    run: PlannedRun
    data: str
    threads: int | None
    most: int


def read_outcome(run: PlannedRun) -> Outcome:
    """What the run's folder says: finished, once it is trained and all is measured; diverged; or missing.

    Raises:
        RunError: run.json is damaged.
    """
    folder = RunFolder(run.folder)
    if not folder.exists():
        return Outcome(run, "missing")
    facts = folder.read_facts()
    seconds = float(facts.get("seconds") or 0.0)
    if facts.get("state") == "diverged":
        return Outcome(run, "diverged", str(facts.get("diverged", {}).get("why", "")), seconds)
    finished = facts.get("state") == "finished" and not unmeasured(run, facts)
    return Outcome(run, "finished" if finished else "missing", "", seconds)


def unmeasured(run: PlannedRun, facts: dict[str, Any]) -> dict[int, list[str]]:
    """Step -> groups of metrics that are still to be measured there; step 0 is the last one."""
    done = facts.get(MEASURED, {})
    steps = sorted(set(run.points.values()))

    def is_done(group: str, step: int) -> bool:
        return how(run, group).items() <= done.get(f"{group} {step}", {}).items()

    missing = {step: [group for group in run.groups if not is_done(group, step)] for step in steps}
    return {step: groups for step, groups in missing.items() if groups}


def how(run: PlannedRun, group: str) -> dict[str, Any]:
    """How a group of metrics is measured: what was measured in another way, or by an earlier definition, is redone."""
    versions = {metric: METRICS[metric].version for metric in of_group(group) if METRICS[metric].version}
    return {"samples": run.samples, "features": run.features} | ({"versions": versions} if versions else {})


def carry_out(task: Task) -> Outcome:
    """Trains a run or goes on with it, and measures it; a failure is an outcome and no error.

    Raises:
        Stopped: a signal came; the state was saved.
    """
    run = task.run
    try:
        outcome = read_outcome(run)
        if outcome.state == "diverged":
            return outcome
        folder = RunFolder(run.folder)
        facts = folder.read_facts() if folder.exists() else {}
        if facts.get("state") != "finished":
            wait_for(folder)
            before = facts.get("threads")  # a run keeps its number, also where another number of runs is at work
            threads = min(before, task.most) if isinstance(before, int) and before > 0 else task.threads
            train(run.recipe, task.data, run.folder, threads=threads, report=False)
        note(folder, task)
        measure(run, folder)
        return read_outcome(run)
    except Diverged as error:
        note(RunFolder(run.folder), task)
        return Outcome(run, "diverged", str(error))
    except SimulacraError as error:
        return Outcome(run, "failed", str(error))


def note(folder: RunFolder, task: Task) -> None:
    """Writes into run.json what the recipe is called and which study the run belongs to."""
    facts = folder.read_facts()
    studies = facts.get(STUDIES, {}) | {task.study: {"case": task.run.case, "seed": task.run.seed}}
    folder.write_facts({STUDIES: studies, "recipe_name": task.run.name})


def measure(run: PlannedRun, folder: RunFolder) -> None:
    """Measures what is not measured yet, and drops checkpoints that no point of the study needs."""
    missing = unmeasured(run, folder.read_facts())
    if missing and (JUDGED & set(run.groups) or run.features in (None, JUDGE)):
        train_judge(folder)
    for step, groups in missing.items():
        evaluated = evaluate(run.folder, count=run.samples, features=run.features, only=groups, step=step or None)
        used = sorted({row.extractor for row in evaluated.measurements if row.extractor})
        done = folder.read_facts().get(MEASURED, {})
        done |= {f"{group} {step}": how(run, group) | {"extractors": used} for group in groups}
        folder.write_facts({MEASURED: done})
    needed = {*run.points.values(), max(folder.checkpoints(), default=0)}
    for step, path in folder.checkpoints().items():
        if step not in needed:
            path.unlink()


def train_judge(folder: RunFolder) -> None:
    """Has the judge of the data in the user's cache, so that runs that are measured at once do not all train it."""
    cache = user_cache("judges")
    if cache is None:
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if can_lock(cache / ".lock"):
            with FileLock(cache / ".lock"):
                judge_of(store_of(folder))
    except OSError:  # a cache that cannot be written, or locked: each run trains the judge for itself
        return


def wait_for(folder: RunFolder) -> None:
    """Waits until no other process holds a run folder, which one that was killed may do for a moment.

    Raises:
        RunError: it is held all the time, or cannot be written.
    """
    end = time.monotonic() + PATIENCE
    while folder.path.exists():
        try:
            with folder.lock():
                return
        except RunError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def main() -> None:
    """Carries out the tasks that come on stdin, one after another.

    Where stdin is closed during a training, the training saves its state and ends.
    """
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed must not stand among the answers
    busy = threading.Event()
    threading.Thread(target=_read, args=(sys.stdin.buffer, tasks, busy), daemon=True).start()
    while (task := tasks.get()) is not None:
        import torch

        torch.set_num_threads(task.threads or task.most)
        busy.set()
        try:
            outcome = carry_out(task)
            answer: dict[str, Any] = {"state": outcome.state, "why": outcome.why, "seconds": outcome.seconds}
        except (Stopped, KeyboardInterrupt):
            answer = {"state": "stopped", "why": "", "seconds": 0.0}
        busy.clear()
        print(json.dumps(answer), file=answers, flush=True)


def _read(stream: BinaryIO, tasks: "SimpleQueue[Task | None]", busy: threading.Event) -> None:
    """Hands on the tasks of a stream; where it ends, so does this process, after a training has saved its state."""
    while size := stream.read(8):
        tasks.put(pickle.loads(stream.read(int.from_bytes(size, "big"))))  # from the process that started this one
    tasks.put(None)
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGUSR1)  # heard by a training; ends a measurement at once
        time.sleep(GRACE)
        os._exit(1)


if __name__ == "__main__":
    main()
