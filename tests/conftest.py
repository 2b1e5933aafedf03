"""What every test may ask for: stores and recipes of the smallest size, and the command line, inside and outside."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import settings

from simulacra import cli
from simulacra.data.store import SPLITS, ImageStore, open_store
from simulacra.engine import devices as engine_devices
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, assemble
from simulacra.objectives import FAMILIES, build
from simulacra.recipe import Recipe, read_table, to_toml
from simulacra.runs import RunFolder
from simulacra.verbs import study_work
from simulacra.verbs.study_run import Task, carry_out
from simulacra.verbs.study_workers import Crew
from simulacra.verbs.train import train

SEES = {"kind": "convolution", "channels": [4, 8], "norm_first": False, "dropout": 0.2}
MAKES = {"kind": "deconvolution", "channels": [8, 4]}
ADVERSARIES = {"generator": MAKES, "discriminator": SEES}

# The smallest recipe of every family, for images of 8x8; the author of a new family adds a row.
TINY: dict[str, dict[str, Any]] = {
    "vae": {"objective": {"latent": 3}, "networks": {"encoder": SEES, "decoder": MAKES}},
    "gan": {"objective": {"code": {"noise": 3}}, "networks": ADVERSARIES},
    "r3gan": {
        "objective": {"code": {"noise": 3}},
        "networks": {"generator": MAKES, "discriminator": SEES | {"norm": "none"}},
    },
    "acgan": {
        "data": {"labels": ["Smiling", "Male"]},
        "objective": {"code": {"noise": 3}},
        "networks": ADVERSARIES,
    },
    "wgan": {
        "objective": {"code": {"noise": 3}, "critic_steps": 2},
        "networks": {"generator": MAKES, "critic": SEES | {"norm": "none"}},
    },
    "infogan": {
        "objective": {"code": {"noise": 3, "categorical": [2, 3], "continuous": 1}},
        "networks": ADVERSARIES,
    },
    "classifier": {"data": {"labels": ["Smiling", "Male"]}, "objective": {}, "networks": {"encoder": SEES}},
}

settings.register_profile("tests", database=None)  # a checkout may be read-only
settings.load_profile("tests")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

SEEN = ("Bright_Top", "Bright_Left", "Coin")  # labels of the images of `seen`
Changes = dict[str, Any]
MakeStore = Callable[..., Path]
MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds options by which one machine checks what others would train."""
    parser.addoption(
        "--precision",
        choices=("float32", "bfloat16", "other"),
        help='what precision = "auto" means, other being what this processor would not take',
    )
    parser.addoption("--seeds", type=int, default=1, help="how many seeds a test that depends on a threshold tries")
    parser.addoption("--attempts", type=int, default=1, help="how often each test of tests/faults attacks")
    parser.addoption("--threads", type=int, default=1, help="torch threads per test process")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test that takes `seed` each of --seeds."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds")))


@pytest.fixture(autouse=True, scope="session")
def native_bfloat16(pytestconfig: pytest.Config) -> Iterator[bool]:
    """Whether precision = "auto" means bfloat16 in these tests, and in the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        native = engine_devices.multiplies_bfloat16(torch.device("cpu"))
        forced = {None: native, "float32": False, "bfloat16": True, "other": not native}
        bfloat16 = forced[pytestconfig.getoption("--precision")]
        patch.setattr(engine_devices, "multiplies_bfloat16", lambda _: bfloat16)
        yield bfloat16


@pytest.fixture(autouse=True, scope="session")
def _threads(pytestconfig: pytest.Config) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(pytestconfig.getoption("--threads"))
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No power is cut while tests run, but where a test plays it with an fsync of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def attempts(pytestconfig: pytest.Config) -> int:
    """How often a test attacks what it tests."""
    count: int = pytestconfig.getoption("--attempts")
    return count


@pytest.fixture(params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    """Every family in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def tiny() -> MakeRecipe:
    """tiny(family, **{"dotted.key": value}): the smallest recipe of a family."""

    def make(family: str, **changes: Any) -> Recipe:
        if family not in TINY:
            pytest.fail(f"family {family} has no row in TINY of tests/conftest.py; add the smallest recipe of it there")
        part = deepcopy(TINY[family])
        table = {
            "title": f"tiny {family}",
            "steps": 6,
            "data": {"name": "made", "size": 8, "batch": 4, "flip": True} | part.get("data", {}),
            "objective": {"family": family} | part["objective"],
            "networks": {name: dict(network) for name, network in part["networks"].items()},
            "every": {"log": 2, "checkpoint": 3, "keep": 0, "epochs": [1]},
        }
        return read_table(table, f"tiny {family}", changes)

    return make


@pytest.fixture
def recipe_file(tmp_path: Path, tiny: MakeRecipe) -> Callable[..., Path]:
    """The same recipe as a file, for the command line."""

    def make(family: str, **changes: Any) -> Path:
        path = tmp_path / f"tiny-{family}.toml"
        path.write_text(to_toml(tiny(family, **changes)), "utf-8")
        return path

    return make


@pytest.fixture
def make_store(tmp_path: Path, make_store_in: MakeStore) -> MakeStore:
    """make_store(count=, shape=, labels=, exclusive=, seed=, name=): a packed store of random images; its folder."""
    return partial(make_store_in, tmp_path)


@pytest.fixture(scope="session")
def make_store_in() -> MakeStore:
    """The same in a given folder."""

    def make(
        folder: Path,
        count: int = 20,
        shape: tuple[int, int, int] = (8, 8, 3),
        labels: tuple[str, ...] = ("Smiling", "Eyeglasses", "Male"),
        exclusive: bool = False,
        seed: int = 0,
        name: str = "store",
        held_out: int = 3,
    ) -> Path:
        path, random = folder / name, np.random.default_rng(seed)
        path.mkdir()
        images = random.integers(0, 256, (count, *shape), np.uint8)
        rows = random.integers(0, 2, (count, len(labels)), np.uint8)
        if exclusive:
            rows = np.eye(len(labels), dtype=np.uint8)[random.integers(0, len(labels), count)]
        split = np.zeros(count, np.uint8)
        split[:held_out], split[held_out : 2 * held_out] = SPLITS.index("valid"), SPLITS.index("test")
        for file, array in {"images": images, "labels": rows, "split": split}.items():
            np.save(path / f"{file}.npy", array)
        (path / "names.json").write_text(json.dumps([f"{row}.png" for row in range(count)]))
        head = {
            "format": 1,
            "fingerprint": f"made of {count} {shape} {labels} {exclusive} {seed}",
            "label_names": list(labels),
            "exclusive": exclusive,
            "factor_names": [],
            "card": {"source": "made", "title": "noise"},
        }
        (path / "store.json").write_text(json.dumps(head))
        return path

    return make


@pytest.fixture
def store(make_store: MakeStore) -> ImageStore:
    """Twenty random images 8x8 with three attributes: 14 to train, 3 valid, 3 test."""
    return open_store(make_store())


@pytest.fixture
def seen(make_store: Callable[..., Path]) -> Callable[..., ImageStore]:
    """seen(exclusive=): 240 images of 8x8 whose labels can be seen, but for the attribute Coin, which is tossed."""

    def make(*, exclusive: bool = False, name: str = "seen", shape: tuple[int, int, int] = (8, 8, 3)) -> ImageStore:
        path = make_store(240, shape, SEEN, exclusive, name=name, held_out=50)
        labels = np.load(path / "labels.npy")
        images = np.random.default_rng(1).integers(60, 140, (240, *shape), np.uint8)
        images[labels[:, 0] == 1, :4] += 100
        images[labels[:, 1] == 1, :, :4] += 60
        np.save(path / "images.npy", images)
        return open_store(path)

    return make


@pytest.fixture
def make_training(tmp_path: Path) -> MakeTraining:
    """make_training(recipe, store, folder): an assembled training, at its folder's newest checkpoint."""

    def make(recipe: Recipe, store: ImageStore, folder: str = "run", precision: Any = "float32") -> Training:
        run = RunFolder(tmp_path / folder)
        run.path.mkdir(exist_ok=True)
        return assemble(recipe, run, build(recipe), store, Devices("cpu", precision))

    return make


@pytest.fixture(scope="session")
def trainings() -> dict[str, Path]:
    """What `trained_once` has trained: family, changes and store -> the folder of run and store."""
    return {}


@pytest.fixture
def trained_once(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tiny: MakeRecipe,
    make_store_in: MakeStore,
    trainings: dict[str, Path],
) -> Callable[..., Path]:
    """trained_once(family, store=, name=, **changes): a finished run in tmp_path, its store beside it.

    It is trained once for all tests, and copied: a test may change its copy.
    """

    def get(family: str, store: Changes | None = None, name: str = "run", **changes: Any) -> Path:
        kind = {"name": "store"} | (store or {})
        key = json.dumps([family, kind, changes], sort_keys=True)
        if key not in trainings:
            trainings[key] = home = tmp_path_factory.mktemp("trained")
            recipe = home / f"tiny-{family}.toml"
            recipe.write_text(to_toml(tiny(family, **changes)), "utf-8")
            train(str(recipe), str(make_store_in(home, **kind)), home / "run", report=False)
        home, run = trainings[key], tmp_path / name
        shutil.copytree(home / "run", run)
        if not (tmp_path / kind["name"]).exists():
            shutil.copytree(home / kind["name"], tmp_path / kind["name"])
        for file in (run / "run.json", run / "recipe.toml"):
            file.write_text(file.read_text("utf-8").replace(str(home), str(tmp_path)), "utf-8")
        return run

    return get


@pytest.fixture
def simulacra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """simulacra(*words, code=): runs a command line in this process; it has to end with this code, if one is given."""

    def run(*words: object, code: int | None = None) -> Ended:
        monkeypatch.setattr(sys, "argv", ["simulacra", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as leave:
            ended = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
        else:
            ended = 0
        said = capsys.readouterr()
        assert code in (None, ended), said.err
        return Ended(ended, said.out, said.err)

    return run


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of a study are carried out in this process, as starting another one takes longer than a small run."""

    @contextmanager
    def crew(workers: int, threads: int) -> Iterator[Crew]:
        def submit(task: Task) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(carry_out(task))
            return future

        yield Crew(1, submit, lambda task, result: result)

    monkeypatch.setattr(study_work, "local", crew)


@pytest.fixture
def start(native_bfloat16: bool) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """start(*words, before=""): the same in a process of its own, after a line of Python; it ends with the test."""
    started: list[subprocess.Popen[str]] = []
    force = f"from simulacra.engine import devices; devices.multiplies_bfloat16 = lambda _: {native_bfloat16}"

    def run(*words: object, before: str = "pass") -> subprocess.Popen[str]:
        quick = "import os, sys; sys.argv[0] = 'simulacra'; os.fsync = lambda _: None"
        code = f"{quick}\n{force}\n{before}\nfrom simulacra.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


# What commands import, imported once for all processes of a test; torch imports its own parts when it needs them.
VERBS = ["train", "evaluate", "best", "export", "report", "sample", "study", "study_run", "data"]
IMPORTED = [
    "simulacra.cli",
    *(f"simulacra.verbs.{verb}" for verb in VERBS),
    "simulacra.report",
    *("torch._dynamo", "openTSNE", "scipy.stats", "sklearn.decomposition"),
]


@pytest.fixture(scope="session")
def processes() -> Iterator[Any]:
    """Where processes come from that have imported everything and done nothing yet; one thread each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield context


# A command in a process of `processes`, after some lines of Python.
COMMAND = """
import multiprocessing, os, sys
multiprocessing.current_process().name = "MainProcess"  # it is nobody's worker
os.environ.clear(), os.environ.update(environment), os.chdir(folder)
os.fsync = lambda _: None
sys.argv, sys.stdout, sys.stderr = words, open(out, "w"), open(err, "w")
from simulacra.engine import devices
devices.multiplies_bfloat16 = lambda _: bfloat16
exec(before)
from simulacra.cli import main
main()
"""


class Forked:
    """A command in a process of `processes`, with what tests use of `subprocess.Popen`."""

    def __init__(self, process: Any, out: Path, err: Path) -> None:
        self.process, self.out, self.err = process, out, err
        process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code, or a signal's number made negative; None while the process runs."""
        code: int | None = self.process.exitcode
        return code

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process."""
        os.kill(self.process.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What the process printed to stdout and to stderr, once it has ended."""
        self.process.join(timeout)
        assert self.returncode is not None, f"it has not ended after {timeout} s"
        return self.out.read_text("utf-8"), self.err.read_text("utf-8")


@pytest.fixture
def fork(processes: Any, native_bfloat16: bool, tmp_path: Path) -> Iterator[Callable[..., Forked]]:
    """fork(*words, before=""): as `start`, without seconds of imports; its interpreter does not end as usual."""
    started: list[Forked] = []

    def run(*words: object, before: str = "") -> Forked:
        out, err = (tmp_path / f"{name}-of-{len(started)}" for name in ("stdout", "stderr"))
        names = {
            "environment": os.environ | {"OMP_NUM_THREADS": "1"},
            "folder": str(Path.cwd()),
            "words": ["simulacra", *map(str, words)],
            "out": str(out),
            "err": str(err),
            "bfloat16": native_bfloat16,
            "before": before,
        }
        started.append(Forked(processes.Process(target=exec, args=(COMMAND, names)), out, err))
        return started[-1]

    yield run
    for one in started:
        one.process.kill()
        one.process.join()


def program(name: str) -> str:
    """The path of a program of the system; without it the test is skipped, and fails where all tests must run."""
    path = shutil.which(name)
    if path is not None:
        return path
    missing = f"{name} is missing: apt-get install {name}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def npm() -> str:
    """The path of npm."""
    return program("npm")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright, which reaches this machine alone."""
    path = program("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()
