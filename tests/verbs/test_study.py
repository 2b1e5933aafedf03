"""`simulacra study`: trainings of several cases and seeds, which end in a verdict and are never repeated."""

import json
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from simulacra.errors import SimulacraError, StudyError
from simulacra.evaluation.metrics import reconstruction
from simulacra.runs import RunFolder
from simulacra.studies.file import load_study
from simulacra.verbs.study import prepare, study
from simulacra.verbs.study_cluster import cluster

MakeStudy = Callable[..., Path]
STREAMS = ("recipe.toml", "metrics.jsonl", "evaluations.jsonl")


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
    assert finished.findings.verdict in ("supported", "contradicted", "undecided")
    assert [outcome.state for outcome in finished.findings.outcomes] == ["finished"] * 4
    result = json.loads(finished.result.read_text("utf-8"))
    assert result["rows"][0]["seeds"] == [0, 1]
    folders = {outcome.run.folder for outcome in finished.findings.outcomes}
    assert {RunFolder(folder).read_facts()["studies"]["weights"]["case"] for folder in folders} == {"light", "heavy"}
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
    assert finished.findings.verdict == "undecided"
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


def test_cases_that_are_one_recipe_on_the_data_are_refused(study_file: MakeStudy, tmp_path: Path) -> None:
    cases = {"twice": {"data": {"size": 16}}, "once": {"data": {"size": 8}}}  # the store has one size
    with pytest.raises(StudyError, match=r"cases '.*' and '.*' are the same recipe on "):
        prepare(str(study_file(cases=cases)), full=False, seeds=None, data=None, out=tmp_path)


def test_a_study_that_is_not_there_is_refused() -> None:
    with pytest.raises(StudyError, match="there is no study"):
        study("kl-wait")


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
