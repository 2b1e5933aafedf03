"""`simulacra study`: trainings of several cases and seeds, which end in a verdict and are never repeated."""

import json
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from simulacra.errors import SimulacraError, StudyError
from simulacra.evaluation.metrics import reconstruction
from simulacra.progress import Live
from simulacra.recipe import to_toml
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome
from simulacra.studies.file import load_study
from simulacra.verbs.study import Pace, Work, carry_out_all, cost, prepare, study, threads_each
from simulacra.verbs.study_cluster import cluster
from simulacra.verbs.study_cost import Cost, summary
from simulacra.verbs.study_run import Task, carry_out
from simulacra.verbs.study_workers import Child, Crew

MakeStudy = Callable[..., Path]
CASES = {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}}
STREAMS = ("recipe.toml", "metrics.jsonl", "evaluations.jsonl")
RARELY = {"every.log": 20, "every.checkpoint": 200}  # writing takes longer than training here


@pytest.fixture
def study_file(tmp_path: Path, tiny: Callable[..., Any], make_store: Callable[..., Path]) -> MakeStudy:
    """study_file(family, **{"key": value}): a study of the smallest recipe on random images; its file."""
    store = make_store(60, held_out=10)

    def make(family: str = "vae", **changes: Any) -> Path:
        recipe = tmp_path / f"tiny-{family}.toml"
        recipe.write_text(to_toml(tiny(family, **RARELY)), "utf-8")
        table = {
            "claim": "A larger KL weight makes reconstructions worse.",
            "source": "a test",
            "recipe": str(recipe),
            "data": str(store),
            "cases": CASES,
            "question": {"kind": "better"},
            "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
            "full": {"images": 4000, "seeds": 5},
            "quick": {"images": 40, "seeds": 2, "samples": 10, "features": "random-vgg"},
        }
        path = tmp_path / "weights.toml"
        path.write_text(tomli_w.dumps(table | changes), "utf-8")
        return path

    return make


@pytest.fixture
def short_inversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes of images are sought in few steps: it is half of the time of a run in this process."""
    monkeypatch.setattr(reconstruction, "invert", partial(reconstruction.invert, steps=3, starts=1))


def contents(out: Path) -> dict[str, bytes]:
    """The files of all runs that do not depend on the time."""
    return {
        f"{folder.name}/{name}": (folder / name).read_bytes()
        for folder in sorted((out / "runs").iterdir())
        for name in STREAMS
    }


@pytest.mark.usefixtures("one_process", "short_inversion")
def test_a_study_ends_in_a_verdict_goes_on_with_more_seeds_and_trains_nothing_twice(
    study_file: MakeStudy, tmp_path: Path
) -> None:
    path, out = study_file(), tmp_path / "studies"
    finished = study(str(path), out=out)
    assert finished.findings.verdict in ("supported", "contradicted", "cannot be told")
    assert [outcome.state for outcome in finished.findings.outcomes] == ["finished"] * 4
    result = json.loads(finished.result.read_text("utf-8"))
    assert result["rows"][0]["seeds"] == [0, 1]
    folders = {outcome.run.folder for outcome in finished.findings.outcomes}
    assert {RunFolder(folder).read_facts()["studies"]["weights"]["case"] for folder in folders} == set(CASES)
    before = {file: file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*") if file.is_file()}

    more = study(str(path), out=out, seeds=3)
    assert more.findings.rows[0].comparison.seeds == (0, 1, 2)
    assert len(list((out / "runs").iterdir())) == 6
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_a_case_that_diverges_is_a_result(study_file: MakeStudy, tmp_path: Path) -> None:
    cases = {"calm": {"optimizer": {"lr": 1e-3}}, "wild": {"optimizer": {"lr": 1e30}}}
    finished = study(str(study_file(cases=cases)), out=tmp_path / "studies")
    assert finished.findings.count("diverged") == 2
    assert finished.findings.count("finished") == 2
    assert finished.findings.verdict == "cannot be told"
    assert any("wild, seed 1: diverged: " in sentence for sentence in finished.sentences)


@pytest.mark.usefixtures("one_process")
def test_a_study_that_was_stopped_goes_on_as_if_it_had_not_been(
    study_file: MakeStudy,
    tmp_path: Path,
    fork: Callable[..., Any],
    simulacra: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = study_file(quick={"images": 300, "seeds": 2, "samples": 10, "features": "random-vgg"})
    words = ("study", path, "--out", "studies", "--json")
    stopped = fork(*words)
    end = time.monotonic() + 120
    while not list(tmp_path.glob("studies/runs/*/metrics.jsonl")) and time.monotonic() < end:
        time.sleep(0.05)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, said
    assert "stopped: " in said
    assert "the same command goes on: simulacra study" in said
    assert "failed" not in said
    assert not (tmp_path / "studies" / "weights" / "quick" / "result.json").exists()
    gone_on = simulacra(*words, code=0)
    assert {run["state"] for run in json.loads(gone_on.out)["runs"]} == {"finished"}
    whole = study(str(path), out=tmp_path / "whole")
    assert {outcome.state for outcome in whole.findings.outcomes} == {"finished"}
    assert contents(tmp_path / "studies") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("one_process", "short_inversion")
def test_a_run_starts_from_the_one_that_its_study_trains_first(study_file: MakeStudy, tmp_path: Path) -> None:
    path = study_file()
    cases = {"alone": {}, "helped": {"start": {"run": "before"}}}
    budget = {"images": 40, "seeds": 2, "samples": 10, "before": 3}
    path = study_file(before=str(tmp_path / "tiny-vae.toml"), cases=cases, quick=budget)
    finished = study(str(path), out=tmp_path / "studies")
    assert [outcome.state for outcome in finished.findings.outcomes] == ["finished"] * 6
    helped = next(outcome.run for outcome in finished.findings.outcomes if outcome.run.case == "helped")
    assert helped.before is not None
    assert RunFolder(helped.folder).read_facts()["start"]["run"] == str(helped.before.folder.absolute())


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("gan", {"cases": {"a": {}, "b": {"data": {"flip": False}}}}, "this family has no encoder"),
        ("vae", {"measures": [{"curve": "loss/kl", "direction": "higher"}]}, "has no curve 'loss/kl'"),
        ("vae", {"measures": [{"metric": "accuracy", "direction": "higher"}]}, "has no metric 'accuracy'"),
        ("vae", {"measures": [{"metric": "mig", "direction": "higher"}]}, "are not known"),
        (
            "vae",
            {"measures": [{"metric": "label_frequency", "labels": ["Smile"], "direction": "higher"}]},
            "has no label 'Smile'; did you mean Smiling?",
        ),
        ("vae", {"quick": {"images": 40, "seeds": 2, "samples": 2}}, "samples = 2: expected at least"),
        ("vae", {"quick": {"images": 40, "seeds": 2, "features": "vgg"}}, "features = 'vgg': no such extractor"),
        ("vae", {"data": "nowhere"}, "nowhere does not exist"),
    ],
)
def test_what_could_not_be_measured_is_refused_before_anything_is_trained(
    study_file: MakeStudy, tmp_path: Path, family: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SimulacraError) as caught:
        study(str(study_file(family, **changes)), out=tmp_path / "studies")
    assert message in str(caught.value)
    assert not (tmp_path / "studies").exists()


def test_a_folder_that_cannot_be_written_is_refused(study_file: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot be written"):
        study(str(study_file()), out=tmp_path / "file")


def test_a_cluster_without_dask_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match="pip install"), cluster("tcp://127.0.0.1:9", tmp_path):
        pass


def test_the_cost_is_known_before_anything_is_trained(study_file: MakeStudy, tmp_path: Path) -> None:
    costs = cost(str(study_file()), out=tmp_path / "studies", seconds=0.01)
    assert [row.state for row in costs.rows] == ["missing"] * 4
    assert all(row.minutes > 0 for row in costs.rows)
    assert "4 to train" in costs.summary
    assert not (tmp_path / "studies").exists()


def test_a_new_study_is_a_template_that_can_be_read(simulacra: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    ended = simulacra("study", "new", path)
    assert ended.code == 0
    assert f"simulacra study {path} --dry-run" in ended.out
    assert load_study(str(path)).question.kind == "better"
    assert simulacra("study", "new", path).code == 2
    assert simulacra("study", "new").code == 2


def test_the_list_names_every_study_that_ships(simulacra: Callable[..., Any]) -> None:
    rows = json.loads(simulacra("study", "list", "--json").out)
    assert [row["number"] for row in rows] == sorted(row["number"] for row in rows)


def test_a_study_that_is_not_there_is_refused() -> None:
    with pytest.raises(StudyError, match="there is no study"):
        study("kl-wait")


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

            yield Crew(executor, workers, submit, lambda task, result: result)

    monkeypatch.setattr("simulacra.verbs.study.local", local)
    monkeypatch.setattr("simulacra.verbs.study.cores", lambda: 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    for finished in (0, 3):
        ready = made.trainings[:finished]
        states = {run.folder: "finished" if run in ready else "missing" for run in made.trainings}
        monkeypatch.setattr(
            "simulacra.verbs.study.read_outcome", lambda run, states=states: Outcome(run, states[run.folder])
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
    monkeypatch.setattr("simulacra.verbs.study.cores", lambda: 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: torch_has)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads_each(count) == threads


@pytest.mark.parametrize(("before", "given"), [(None, None), (2, 2), (8, 3)])
def test_a_run_goes_on_with_its_threads_unless_there_are_fewer_now(
    study_file: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int | None, given: int | None
) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    if before is not None:
        run.folder.mkdir(parents=True)
        (run.folder / "run.json").write_text(json.dumps({"state": "stopped", "threads": before}), "utf-8")
        (run.folder / "recipe.toml").write_text(to_toml(run.recipe), "utf-8")
    asked = []

    def train(*_: Any, threads: int | None, **__: Any) -> None:
        asked.append(threads)
        raise StudyError("enough")

    monkeypatch.setattr("simulacra.verbs.study_run.train", train)
    carry_out(Task("weights", run, "data", None, 3))
    assert asked == [given]


def test_a_run_that_ends_by_the_signal_of_its_study_has_not_failed(study_file: MakeStudy, tmp_path: Path) -> None:
    made = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path)
    asked_to_stop = threading.Event()

    def killed(task: Task) -> Outcome:
        asked_to_stop.set()
        return Outcome(task.run, "failed", "the process of the run is gone")

    with ThreadPoolExecutor(1) as executor, Live("study") as live:
        crew = Crew(executor, 1, partial(executor.submit, killed), lambda task, result: result)
        outcomes = {run.folder: Outcome(run, "missing") for run in made.trainings}
        Work(made, crew, outcomes, 1, live).go_on(made.trainings, asked_to_stop.is_set)
    assert {outcome.state for outcome in outcomes.values()} == {"missing"}


@pytest.mark.parametrize(
    ("number", "state"), [(signal.SIGTERM, None), (signal.SIGINT, None), (signal.SIGKILL, "failed")]
)
def test_a_process_that_was_told_to_stop_is_no_failure_and_one_that_was_killed_is(
    study_file: MakeStudy, tmp_path: Path, number: int, state: str | None
) -> None:
    (run, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    child = Child(1)
    child.process.send_signal(number)
    outcome = child.carry_out(Task("weights", run, "nowhere", 1, 1))
    child.close()
    assert (outcome.state if outcome else None) == state


@pytest.mark.parametrize("step", ["prepare", "carry_out_all", "conclude"])
def test_a_study_that_is_stopped_anywhere_goes_on_with_the_same_command(
    simulacra: Callable[..., Any], study_file: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulacra.verbs.study.carry_out_all", lambda *_: [])
    monkeypatch.setattr(f"simulacra.verbs.study.{step}", stop)
    ended = simulacra("study", study_file(), "--out", tmp_path / "studies", "--workers", 1)
    assert ended.code == 130
    assert "simulacra: stopped; the same command goes on: simulacra study" in ended.err


def test_a_study_for_a_quick_look_needs_no_full_budget(study_file: MakeStudy, tmp_path: Path) -> None:
    path = study_file()
    table = tomllib.loads(path.read_text("utf-8"))
    del table["full"]
    path.write_text(tomli_w.dumps(table), "utf-8")
    asked: dict[str, Any] = {"seeds": None, "data": None, "out": tmp_path}
    assert len(prepare(str(path), full=False, **asked).runs) == 4
    with pytest.raises(StudyError, match=r"weights\.toml has no table \[full\]; add it, or leave --full out"):
        prepare(str(path), full=True, **asked)


def test_a_cost_of_one_is_singular(study_file: MakeStudy, tmp_path: Path) -> None:
    (run, other, *_) = prepare(str(study_file()), full=False, seeds=None, data=None, out=tmp_path).runs
    assert summary([Cost(run, "missing", 1.2)], 1).startswith(
        "1 run, 0 done, 1 to train: 1 minute of training, about 1"
    )
    both = [Cost(run, "missing", 1.2), Cost(other, "finished", 0.0)]
    assert summary(both, 1).startswith("2 runs, 1 done, 1 to train: 1 minute of")
    assert ": 3 minutes of" in summary([Cost(run, "missing", 2.6)], 1)


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

        crew = Crew(executor, 1, submit, lambda task, result: result)
        outcomes = {run.folder: Outcome(run, "missing") for run in made.trainings}
        Work(made, crew, outcomes, 1, live).go_on(made.trainings, lambda: False)
    states = [(outcome.run.case, outcome.state) for outcome in outcomes.values()]
    expected = {"before": "failed", "alone": "finished", "helped": "failed"}
    assert states == [(case, expected[case]) for case, _ in states]
    assert "it was stopped" in next(outcome.why for outcome in outcomes.values() if outcome.run.case == "helped")
