"""The runs of a study at work: their threads, their pace, and what a signal does to them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulacra.progress import Live
from simulacra.recipe import to_toml
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome
from simulacra.verbs.study import prepare
from simulacra.verbs.study_run import Task
from simulacra.verbs.study_work import Pace, Work, carry_out_all, threads_each
from simulacra.verbs.study_workers import Crew

MakeStudy = Callable[..., Path]


def test_the_time_that_is_left_follows_from_the_speed_of_each_case(study_file: MakeStudy, tmp_path: Path) -> None:
    made = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path)
    light, heavy, second_light, second_heavy = made.runs  # 40 images each
    assert Pace.of([], []).seconds_left(made.runs) is None
    ended = [Outcome(light, "finished", seconds=20.0)]
    assert Pace.of(ended, []).seconds_left([heavy, second_light]) == pytest.approx(40)
    folder = RunFolder(heavy.folder)
    folder.path.mkdir(parents=True)
    folder.append("timing", {"step": 5, "seconds": 40.0})  # half of it
    pace = Pace.of(ended, [heavy])
    assert pace.images == 60
    assert pace.seconds_left([second_light, second_heavy]) == pytest.approx(40 + 20 + 80)


def test_a_study_that_goes_on_trains_its_runs_with_as_many_threads_as_before(
    study_file: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path), []

    @contextmanager
    def local(workers: int, threads: int) -> Iterator[Crew]:
        asked.append((workers, threads))
        with ThreadPoolExecutor(workers) as executor:

            def submit(task: Task) -> Future[Any]:
                return executor.submit(Outcome, task.run, "finished")

            yield Crew(workers, submit, lambda task, result: result)

    monkeypatch.setattr("simulacra.verbs.study_work.local", local)
    monkeypatch.setattr("simulacra.verbs.study_work.cores", lambda: 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    for finished in (0, 3):
        ready = made.trainings[:finished]
        states = {run.folder: "finished" if run in ready else "missing" for run in made.trainings}
        monkeypatch.setattr(
            "simulacra.verbs.study_work.read_outcome", lambda run, states=states: Outcome(run, states[run.folder])
        )
        carry_out_all(made, 2, None, lambda _: None)
    assert asked == [(2, 4), (1, 4)]


@pytest.mark.parametrize(
    ("count", "torch_has", "asked", "threads"),
    [(1, 2, None, None), (1, 1, "1", 1), (2, 8, None, 4), (2, 1, "1", 1), (2, 3, None, 3), (9, 8, None, 1)],
)
def test_a_run_has_no_more_threads_than_torch_and_one_that_is_alone_chooses(
    monkeypatch: pytest.MonkeyPatch, count: int, torch_has: int, asked: str | None, threads: int | None
) -> None:
    monkeypatch.setattr("simulacra.verbs.study_work.cores", lambda: 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: torch_has)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads_each(count) == threads


def test_all_runs_have_the_threads_that_the_first_has_chosen(study_file: MakeStudy, tmp_path: Path) -> None:
    made, asked = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path), []

    def choose(task: Task) -> Outcome:
        asked.append(task.threads)
        task.run.folder.mkdir(parents=True)
        (task.run.folder / "recipe.toml").write_text(to_toml(task.run.recipe), "utf-8")
        RunFolder(task.run.folder).write_facts({"threads": task.threads or 3})
        return Outcome(task.run, "finished")

    with ThreadPoolExecutor(1) as executor, Live("study") as live:
        crew = Crew(1, partial(executor.submit, choose), lambda task, result: result)
        outcomes = {run.folder: Outcome(run, "missing") for run in made.trainings}
        Work(made, crew, outcomes, None, live).go_on(made.trainings, lambda: False)
    assert asked == [None, 3, 3, 3]


def test_a_run_that_ends_by_the_signal_of_its_study_has_not_failed(study_file: MakeStudy, tmp_path: Path) -> None:
    made = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path)
    asked_to_stop = threading.Event()

    def killed(task: Task) -> Outcome:
        asked_to_stop.set()
        return Outcome(task.run, "failed", "the process of the run is gone")

    with ThreadPoolExecutor(1) as executor, Live("study") as live:
        crew = Crew(1, partial(executor.submit, killed), lambda task, result: result)
        outcomes = {run.folder: Outcome(run, "missing") for run in made.trainings}
        Work(made, crew, outcomes, 1, live).go_on(made.trainings, asked_to_stop.is_set)
    assert {outcome.state for outcome in outcomes.values()} == {"missing"}


def test_a_run_that_cannot_begin_is_reported_and_ends_the_study(study_file: MakeStudy, tmp_path: Path) -> None:
    cases = {"alone": {}, "helped": {"start": {"run": "before"}}}
    made = prepare(
        str(study_file(before=str(tmp_path / "tiny-vae.toml"), cases=cases)),
        full=False,
        seeds=None,
        data=None,
        out=tmp_path,
    )
    stopped = [run for run in made.trainings if run.case == "before"]
    with ThreadPoolExecutor(1) as executor, Live("study") as live:

        def submit(task: Task) -> Future[Any]:
            return executor.submit(lambda: None if task.run in stopped else Outcome(task.run, "finished"))

        crew = Crew(1, submit, lambda task, result: result)
        outcomes = {run.folder: Outcome(run, "missing") for run in made.trainings}
        Work(made, crew, outcomes, 1, live).go_on(made.trainings, lambda: False)
    states = [(outcome.run.case, outcome.state) for outcome in outcomes.values()]
    expected = {"before": "failed", "alone": "finished", "helped": "failed"}
    assert states == [(case, expected[case]) for case, _ in states]
    assert "it was stopped" in next(outcome.why for outcome in outcomes.values() if outcome.run.case == "helped")
