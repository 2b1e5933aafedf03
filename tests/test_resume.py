"""A training that is killed at any moment goes on, and ends byte for byte like one that was left alone."""

import json
import multiprocessing
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simulacra import cli
from simulacra.engine.restore import read_checkpoint
from simulacra.runs import RunFolder

STEPS, LOG, CHECKPOINT = 60, 2, 7  # a checkpoint often lies between two rows
RHYTHM = {"steps": STEPS, "every.log": LOG, "every.checkpoint": CHECKPOINT, "every.keep": 2, "precision": "float32"}
PATIENCE = 60.0  # seconds until a process that shows nothing is given up

Start = Callable[..., subprocess.Popen[str]]


def wait_until(true: Callable[[], bool], process: Any, what: str) -> None:
    """Waits for something to come true while a process runs."""
    end = time.monotonic() + PATIENCE
    while not true():
        exited = process.exitcode if hasattr(process, "exitcode") else process.poll()
        assert exited is None, f"the process ended with {exited} before {what}"
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.002)


def lines(run: Path) -> int:
    """Rows of metrics so far."""
    path = run / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def assert_same_end(one: Path, other: Path) -> None:
    """Equal rows, byte for byte, and equal weights and optimisers, bit for bit."""
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    states = [read_checkpoint(RunFolder(run).checkpoints()[STEPS]) for run in (one, other)]
    assert_same(*states)


def assert_same(one: Any, other: Any, name: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            assert_same(one[key], other[key], f"{name}/{key}")
    elif isinstance(one, Tensor):
        assert torch.equal(one, other), name
    else:
        assert one == other, name


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    """Where processes come from that have imported everything and done nothing yet; one thread each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["simulacra.workflow.training", "simulacra.engine.devices", "lightning_fabric"])
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    yield context
    os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_training_killed_at_random_moments_ends_like_one_left_alone(
    family: str,
    average: float,
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    simulacra: Callable[..., Any],
    processes: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if average and family != "gan":
        pytest.skip("one family shows that averages go on too")
    recipe, store, chance = recipe_file(family, average=average, **RHYTHM), make_store(), random.Random(family)
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    words = ["train", str(recipe), "--data", str(store), "--no-report", "--out"]
    assert simulacra(*words, alone).code == 0
    monkeypatch.setattr(sys, "argv", ["simulacra", *words, str(killed)])
    moments = sorted(chance.sample(range(1, STEPS // LOG - 4), 2))
    for moment in moments:
        process = processes.Process(target=cli.main)
        process.start()
        wait_until(lambda moment=moment: lines(killed) >= moment, process, f"row {moment}")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was killed before its end"
        assert STEPS not in RunFolder(killed).checkpoints()
    process = processes.Process(target=cli.main)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    assert_same_end(alone, killed)
    assert RunFolder(killed).facts["state"] == "finished"
    values = [[row for row in RunFolder(run).rows("evaluations")] for run in (alone, killed)]
    assert values[0] == values[1], "every look of the killed run is there, and once"
