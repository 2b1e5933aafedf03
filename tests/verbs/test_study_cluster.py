"""A study on a Dask cluster: the results of a local one, also where a worker is killed in the middle of a run."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import tomli_w

from simulacra import __version__
from simulacra.errors import StudyError
from simulacra.recipe import to_toml
from simulacra.studies.file import load_study
from simulacra.studies.plan import plan
from simulacra.verbs import study_cluster
from simulacra.verbs.study import Finished, study
from simulacra.verbs.study_cluster import cluster, pack, unpack

pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")  # Dask needs it too

STREAMS = ("recipe.toml", "metrics.jsonl", "evaluations.jsonl")
RARELY = {"every.log": 20, "every.checkpoint": 200}  # writing takes longer than training here
CASES = {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}}
Start = Callable[..., subprocess.Popen[str]]


@contextmanager
def programs(home: Path) -> Iterator[Start]:
    """launch(module, *words): a program of Dask, in a folder of its own in `home`; at the end all of them end."""
    started: list[subprocess.Popen[str]] = []

    def run(module: str, *words: object) -> subprocess.Popen[str]:
        folder = home / f"process-{len(started)}"
        folder.mkdir()
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words), "--no-dashboard"]
        environment = os.environ | {"TMPDIR": str(folder)}
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def address_of_scheduler(launch: Start) -> str:
    """The address of a scheduler that is started."""
    process = launch("dask_scheduler", "--host", "127.0.0.1", "--port", 0)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"tcp://127\.0\.0\.1:\d+", line):
            return found[0]
    pytest.fail("the scheduler says no address")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler without workers."""
    with programs(tmp_path) as launch:
        yield address_of_scheduler(launch)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study and of what its programs write."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def launch(home: Path) -> Iterator[Start]:
    """The programs of all tests with workers."""
    with programs(home) as start:
        yield start


@pytest.fixture(scope="module")
def served(launch: Start) -> str:
    """The address of a scheduler to which each test adds the workers that are missing."""
    return address_of_scheduler(launch)


@pytest.fixture(scope="module")
def workers() -> list[subprocess.Popen[str]]:
    """The workers that the tests have started and not killed."""
    return []


@pytest.fixture(scope="module")
def written_file(home: Path, tiny: Callable[..., Any], make_store_in: Callable[..., Path]) -> Path:
    """A study of four runs that take a second each."""
    recipe = home / "tiny-vae.toml"
    recipe.write_text(to_toml(tiny("vae", **RARELY)), "utf-8")
    budget = {"images": 300, "seeds": 2, "samples": 10, "features": "random-vgg"}
    table = {
        "claim": "A larger KL weight makes reconstructions worse.",
        "source": "a test",
        "recipe": str(recipe),
        "data": str(make_store_in(home, 60, held_out=10)),
        "cases": CASES,
        "question": {"kind": "better"},
        "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
        "full": budget,
        "quick": budget,
    }
    path = home / "weights.toml"
    path.write_text(tomli_w.dumps(table), "utf-8")
    return path


@pytest.fixture
def study_file(written_file: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may change."""
    return Path(shutil.copy(written_file, tmp_path))


@pytest.fixture
def here(written_file: Path, home: Path, one_process: None, finished_here: list[Finished]) -> Finished:
    """The study on this machine, carried out once."""
    if not finished_here:
        finished_here.append(study(str(written_file), out=home / "here"))
    return finished_here[0]


@pytest.fixture(scope="module")
def finished_here() -> list[Finished]:
    """What `here` has carried out."""
    return []


def contents(out: Path) -> dict[str, bytes]:
    """The files of all runs that do not depend on the time."""
    folders = sorted((out / "runs").iterdir())
    return {f"{folder.name}/{name}": (folder / name).read_bytes() for folder in folders for name in STREAMS}


def wait_for_workers(scheduler: str, out: Path) -> None:
    """Returns once a scheduler has two workers."""
    for _ in range(600):
        try:
            with cluster(scheduler, out) as crew:
                if crew.workers == 2:
                    return
        except StudyError:  # none has come yet
            pass
        time.sleep(0.2)
    pytest.fail("the workers do not come")


@pytest.mark.parametrize("shared", [True, False])
def test_a_cluster_gives_the_bytes_of_this_machine_though_a_worker_is_killed(
    written_file: Path,
    home: Path,
    launch: Start,
    served: str,
    workers: list[subprocess.Popen[str]],
    here: Finished,
    shared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    while len(workers) < 2:
        workers.append(launch("dask_worker", served, "--nthreads", 1, "--no-nanny"))
    wait_for_workers(served, home)
    out = home / f"there-{shared}"
    if not shared:  # a worker that looks for another file does not see the folder
        monkeypatch.setattr(study_cluster.Token, "__reduce__", lambda self: (study_cluster.Token, (Path("no"), "x")))
    killed = threading.Event()

    def kill() -> None:
        """Kills a worker as soon as a run has come so far that it has written a row; each has one of two."""
        elsewhere = "process-*/simulacra-study-*/*/metrics.jsonl"
        before = set(home.glob(elsewhere))
        while not list(out.glob("runs/*/metrics.jsonl")) and set(home.glob(elsewhere)) <= before:
            time.sleep(0.02)
        workers.pop(0).kill()
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    finished = study(str(written_file), out=out, scheduler=served)
    assert killed.is_set()
    assert [outcome.state for outcome in finished.findings.outcomes] == ["finished"] * 4
    assert contents(out) == contents(home / "here")
    assert finished.to_json()["rows"] == here.to_json()["rows"]
    assert not [child for worker in workers for child in psutil.Process(worker.pid).children()]


def test_a_scheduler_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_cluster, "TIMEOUT", 1)
    with (
        pytest.raises(StudyError, match="no Dask scheduler answers there"),
        cluster("tcp://127.0.0.1:9", tmp_path / "studies"),
    ):
        pass
    assert not (tmp_path / "studies").exists()


def test_a_scheduler_without_workers_is_refused(scheduler: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="has no workers; start some: dask worker"), cluster(scheduler, tmp_path):
        pass


class Client:
    """A client whose workers have the version that they are given."""

    def __init__(self, version: object) -> None:
        self.version = version

    def nthreads(self) -> dict[str, int]:
        """Threads of each worker."""
        return {"tcp://a:1": 2}

    def run(self, function: Callable[[], str], on_error: str) -> dict[str, object]:
        """What each worker says."""
        return {"tcp://a:1": self.version}


@pytest.mark.parametrize("version", ["0.0.1", ModuleNotFoundError("No module named 'simulacra'")])
def test_a_worker_of_another_version_is_refused(version: object) -> None:
    with pytest.raises(StudyError, match="install the same on both"):
        study_cluster.check_workers(Client(version), "tcp://a:2")


def test_a_scheduler_that_goes_leaves_a_study_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MagicMock()
    client.__enter__.return_value = client
    client.nthreads.return_value = {"tcp://a:1": 1}
    client.run.side_effect = [{"tcp://a:1": __version__}, OSError("closed")]
    monkeypatch.setattr("distributed.Client", lambda *_, **__: client)
    with cluster("tcp://a:2", tmp_path) as crew:
        assert crew.workers == 1
    assert client.run.call_count == 2
    assert not list(tmp_path.iterdir())


def test_a_run_folder_travels_as_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "pictures").mkdir(parents=True)
    (folder / "recipe.toml").write_bytes(b"x")
    (folder / "pictures" / "a.png").write_bytes(b"y")
    (folder / ".lock").touch()
    unpack(pack(folder), tmp_path / "other" / "run")
    files = {path.relative_to(tmp_path / "other" / "run") for path in (tmp_path / "other" / "run").rglob("*")}
    assert files == {Path("recipe.toml"), Path("pictures"), Path("pictures/a.png")}


def test_a_run_elsewhere_starts_from_a_run_there(study_file: Path, home: Path, tmp_path: Path) -> None:
    text = study_file.read_text("utf-8").replace("claim = ", f'before = "{home / "tiny-vae.toml"}"\nclaim = ')
    text = text.replace("[cases.heavy.objective]\nkl_weight = 5.0", '[cases.heavy.start]\nrun = "before"')
    study_file.write_text(text, "utf-8")
    made = plan("weights", load_study(str(study_file)), "quick", 2, "made", tmp_path, lambda recipe: (recipe, "x"))
    here = made.runs[1]
    there = study_cluster.moved(here, tmp_path / "there")
    assert there.before is not None
    assert there.recipe.start is not None
    assert there.recipe.start.run == str(there.before.folder)
    there.folder.mkdir(parents=True)
    (there.folder / "recipe.toml").write_text(f'run = "{there.before.folder}"', "utf-8")
    study_cluster.name_here(there, here)
    assert here.before is not None
    assert (there.folder / "recipe.toml").read_text("utf-8") == f'run = "{here.before.folder.absolute()}"'
