"""Commands that are killed at random moments: the same command goes on, and ends in the bytes of one left alone."""

import multiprocessing
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra import cli
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.objectives import FAMILIES
from simulacra.runs import RunFolder

STEPS = 60
RHYTHM = {"steps": STEPS, "every.log": 2, "every.checkpoint": 7, "every.keep": 2, "every.epochs": [1, 10]}
CHANGES: dict[str, dict[str, Any]] = {name: {} for name in sorted(FAMILIES)} | {
    "gan": {"ema": 0.9},
    "vae": {
        "optimizer.schedule": "cosine",
        "objective.kl_schedule": "cyclical",
        "objective.kl_steps": 20,
        "every.score": 14,
    },
}
PATIENCE = 240.0
Outputs = dict[str, Any]


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    """Where processes come from that have imported everything and done nothing yet; one thread each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["simulacra.verbs.train", "simulacra.verbs.evaluate", "simulacra.engine.devices"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield context


@pytest.fixture
def attack(
    processes: Any, attempts: int, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """attack(words, reset, read): kills a command `attempts` times, and compares each end with one left alone.

    Args of the call:
        words: the command line.
        reset: brings everything back to before the first command.
        read: what the command has left behind, to be compared.
    """

    def run(words: list[object], reset: Callable[[], None], read: Callable[[], Outputs]) -> None:
        monkeypatch.setattr(sys, "argv", ["simulacra", *map(str, words)])
        chance, kills = random.Random(str(words[0])), 0

        def start() -> Any:
            process = processes.Process(target=cli.main)
            process.start()
            return process

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
            process.kill()
            process.join()
            kills += process.exitcode != 0
            if process.exitcode == 0 or kills == attempts:
                process = start()  # where it had ended, it says so and changes nothing
                process.join(PATIENCE)
                assert process.exitcode == 0, f"after {kills} kills"
                assert read() == alone, f"after {kills} kills"
                reset()
        record_property("kills", kills)

    return run


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
    [*((name, "float32") for name in sorted(FAMILIES)), ("gan", "bfloat16"), ("vae", "bfloat16")],
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


def test_packing_that_is_killed(attack: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "pictures", tmp_path / "store"
    source.mkdir()
    for number in range(300):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), np.uint8)
        Image.fromarray(pixels).save(source / f"{number}.png")
    words = ["pack", "folder", source, "--size", 32, "--out", out]
    attack(words, lambda: remove(out), lambda: files(out, "*.npy", "names.json"))


@pytest.mark.parametrize(
    "words", [["evaluate"], ["export", "--format", "onnx"], ["report"], ["sample", "--count", 400]]
)
def test_what_is_made_of_a_run_is_killed(
    words: list[object], attack: Any, tmp_path: Path, trained_once: Callable[..., Path]
) -> None:
    run = trained_once("gan", {"count": 60, "held_out": 10})
    copy, out = tmp_path / "copy", tmp_path / "out"
    options = [] if words[0] == "evaluate" else ["--out", out / "page.html" if words[0] == "report" else out]

    def reset() -> None:
        for path in (copy, out):
            remove(path)
        shutil.copytree(run, copy)

    def read() -> Outputs:
        kept = files(copy, "evaluations.jsonl", "metrics.jsonl")
        return kept | {name: None if name.endswith(".html") else data for name, data in files(out, "*").items()}

    if words[0] == "report":
        out.mkdir()
    attack([words[0], copy, *words[1:], *options], reset, read)
