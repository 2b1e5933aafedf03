"""Commands that are killed at random moments: the same command goes on, and ends in the bytes of one left alone.

No process that a killed command has started goes on without it.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image

from simulacra import cli
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.exporting import FORMATS
from simulacra.exporting.onnx import PARTS
from simulacra.objectives import FAMILIES
from simulacra.runs import RunFolder

STEPS = 12
RHYTHM = {"steps": STEPS, "every.log": 2, "every.checkpoint": 4, "every.keep": 2, "every.epochs": [1]}
CHANGES: dict[str, dict[str, Any]] = {name: {} for name in sorted(FAMILIES)} | {
    "gan": {"ema": 0.9},
    "vae": {
        "optimizer.schedule": "cosine",
        "objective.kl_schedule": "cyclical",
        "objective.kl_steps": 10,
        "every.score": 8,
    },
}
PATIENCE = 300.0
LOOK = 0.02  # seconds between two looks
PROC = Path("/proc")
Outputs = dict[str, Any]


def children(parent: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have started, where the system tells."""
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            state, its_parent = stat.read_text("utf-8").rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(its_parent) == parent and state != "Z":
            yield int(stat.parent.name)
            yield from children(int(stat.parent.name))


def is_alive(process: int) -> bool:
    """Whether a process runs."""
    try:
        return (PROC / str(process) / "stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(process: Any) -> None:
    """Kills a process that `processes` has started, and sees those end that it has started."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)  # nothing more is started while this one looks
    started = list(children(process.pid))
    process.kill()
    process.join()
    wait_until(lambda: not any(map(is_alive, started)), f"the end of {started}")


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Waits for something to come true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(LOOK)


@pytest.fixture
def attack(
    processes: Any, attempts: int, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """attack(words, reset, read): kills a command `attempts` times, and compares each end with one left alone.

    Args of the call:
        words: the command line.
        reset: brings everything back to before the first command.
        read: what the command has left behind, to be compared.
        program: the path of the program, which processes of a training start again.
        of_family: kills one of the processes that the command has started as often as the command itself.
    """

    def run(
        words: list[object],
        reset: Callable[[], None],
        read: Callable[[], Outputs],
        program: object = "simulacra",
        of_family: bool = False,
    ) -> None:
        monkeypatch.setattr(sys, "argv", [str(program), *map(str, words)])
        chance, kills = random.Random(str(words[0])), 0

        def start() -> Any:
            process = processes.Process(target=cli.main)
            process.start()
            return process

        def end(process: Any) -> bool:
            """Kills it or one of its children; says whether anything was killed."""
            others = list(children(process.pid)) if of_family and chance.random() < 0.5 else []
            if others:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(others), signal.SIGKILL)
                process.join(PATIENCE)  # it ends, or goes on without that one
                return True
            kill(process)
            return bool(process.exitcode != 0)

        reset()
        begin, process = time.monotonic(), start()
        process.join(PATIENCE)
        seconds = time.monotonic() - begin
        assert process.exitcode == 0, "left alone"
        alone = read()
        reset()
        while kills < attempts:
            process = start()
            process.join(chance.uniform(0, seconds))
            kills += end(process)
            if process.exitcode == 0 or kills == attempts:
                process = start()  # where it had ended, it says so and changes nothing
                process.join(PATIENCE)
                assert process.exitcode == 0, f"after {kills} kills"
                assert read() == alone, f"after {kills} kills"
                reset()
        record_property("kills", kills)

    return run


@pytest.fixture
def long_form(attempts: int) -> None:
    """Skips a test whose processes take too long for one attempt alone."""
    if attempts == 1:
        pytest.skip("its processes take long: pytest tests/faults --attempts 10")


def files(folder: Path, *names: str) -> Outputs:
    """The bytes of files below a folder; none of them is left half-written."""
    assert not list(folder.rglob(".*.aside"))
    paths = [path for pattern in names for path in sorted(folder.rglob(pattern)) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def results(run: Path) -> Outputs:
    """Rows and the last weights of a training."""
    state = read_checkpoint(RunFolder(run).checkpoints()[STEPS])
    parts = [state[part] for part in ("networks", "ema")]
    weights = [(name, value.numpy().tobytes()) for part in parts for name, value in part.items()]
    return files(run, "metrics.jsonl", "evaluations.jsonl") | {"weights": weights}


def remove(path: Path) -> None:
    """Deletes a folder or a file, if there is one."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


# What a family keeps between updates is the same in every precision; `engine/test_loop.py` tries all of both.
@pytest.mark.parametrize(
    ("family", "precision"),
    [*((name, "float32") for name in sorted(FAMILIES)), ("vae", "bfloat16")],
)
def test_a_training_that_is_killed(
    family: str,
    precision: str,
    attack: Any,
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
) -> None:
    recipe, out = recipe_file(family, precision=precision, **RHYTHM | CHANGES[family]), tmp_path / "run"
    words = ["train", recipe, "--data", make_store(60, held_out=10), "--no-report", "--out", out]
    attack(words, lambda: remove(out), lambda: results(out))


# The short form is `promises/test_processes.py`, whose processes serve many tests.
@pytest.mark.usefixtures("long_form")
@pytest.mark.parametrize("family", ["vae", "gan"])
def test_a_training_in_two_processes_of_which_any_is_killed(
    family: str, attack: Any, tmp_path: Path, recipe_file: Callable[..., Path], make_store: Callable[..., Path]
) -> None:
    program = tmp_path / "program.py"
    program.write_text("from simulacra.cli import main\n\nmain()\n", "utf-8")
    recipe = recipe_file(family, precision="float32", **RHYTHM | CHANGES[family])
    out = tmp_path / "run"
    words = ["train", recipe, "--data", make_store(60, held_out=10), "--no-report", "--devices", 2, "--out", out]
    attack(words, lambda: remove(out), lambda: results(out), program, of_family=True)


WAITS = """
import os, time
from simulacra.engine.devices import Crew, ending_with_first
os.dup2(stdin.fileno(), 0)
with ending_with_first(Crew(rank=1, world=2, local=2)):
    time.sleep(60)
"""


def test_a_process_of_a_training_ends_with_the_first_one_wherever_that_is_killed(processes: Any) -> None:
    stdin, held = multiprocessing.Pipe(duplex=False)
    process = processes.Process(target=exec, args=(WAITS, {"stdin": stdin}))
    process.start()
    stdin.close()
    process.join(0.5)
    assert process.is_alive()
    held.close()
    process.join(PATIENCE)
    assert process.exitcode == 1


# The short form is `verbs/test_study.py`, where a study is stopped.
@pytest.mark.usefixtures("long_form")
def test_a_study_of_which_any_process_is_killed(
    attack: Any, tmp_path: Path, recipe_file: Callable[..., Path], make_store: Callable[..., Path]
) -> None:
    budget = {"images": 200, "seeds": 2, "samples": 10, "features": "random-vgg"}
    table: dict[str, Any] = {
        "claim": "A larger KL weight makes reconstructions worse.",
        "source": "a test",
        "recipe": str(recipe_file("vae", precision="float32")),
        "data": str(make_store(60, held_out=10)),
        "cases": {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}},
        "question": {"kind": "better"},
        "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
        "full": budget,
        "quick": budget,
    }
    study, out = tmp_path / "weights.toml", tmp_path / "studies"
    study.write_text(tomli_w.dumps(table), "utf-8")

    def read() -> Outputs:
        result = json.loads((out / "weights" / "quick" / "result.json").read_text("utf-8"))
        runs = [{key: value for key, value in run.items() if key != "seconds"} for run in result.pop("runs")]
        return files(out / "runs", "metrics.jsonl", "evaluations.jsonl") | {"result": result, "runs": runs}

    attack(["study", study, "--workers", 2, "--out", out], lambda: remove(out), read, of_family=True)


def test_packing_that_is_killed(attack: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "pictures", tmp_path / "store"
    source.mkdir()
    for number in range(200):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), np.uint8)
        Image.fromarray(pixels).save(source / f"{number}.png")
    words = ["pack", "folder", source, "--size", 32, "--out", out]
    attack(words, lambda: remove(out), lambda: files(out, "*.npy", "names.json"))


READS = """
import time
from simulacra.data.workers import read_all
list(read_all(time.sleep, [0.01] * 6_000, workers=2))
"""


def test_workers_end_with_the_packing_that_is_killed(processes: Any) -> None:
    process = processes.Process(target=exec, args=(READS, {}))
    process.start()
    wait_until(lambda: len(list(children(process.pid))) > 1, "a worker")
    kill(process)


RUN_COMMANDS: dict[str, list[object]] = {
    "evaluate": ["evaluate", "--features", "random-vgg"],
    "report": ["report"],
    "sample": ["sample", "--count", 40],
    **{f"export {form}": ["export", "--format", form] for form in FORMATS},
}
SLOW = ("export onnx", "export web")  # they write like the other formats, after seconds of work


@pytest.mark.parametrize("name", RUN_COMMANDS)
def test_what_is_made_of_a_run_is_killed(
    name: str, attack: Any, attempts: int, tmp_path: Path, trained_once: Callable[..., Path]
) -> None:
    if name in SLOW and attempts == 1:
        pytest.skip("it takes long: pytest tests/faults --attempts 10")
    run = trained_once("gan", {"count": 60, "held_out": 10})
    copy, out, words = tmp_path / "copy", tmp_path / "out", RUN_COMMANDS[name]
    options = [] if name == "evaluate" else ["--out", out / "page.html" if name == "report" else out]
    if name == "export web":
        runtime = tmp_path / "runtime"
        runtime.mkdir()
        for part in PARTS:
            (runtime / part).write_bytes(b"// stands for a file of ONNX Runtime Web")
        options += ["--ort", runtime]

    def reset() -> None:
        for path in (copy, out):
            remove(path)
        shutil.copytree(run, copy)

    def read() -> Outputs:
        kept = files(copy, "evaluations.jsonl", "metrics.jsonl")
        return kept | {name: None if name.endswith(".html") else data for name, data in files(out, "*").items()}

    if name == "report":
        out.mkdir()
    attack([words[0], copy, *words[1:], *options], reset, read)
