"""A training that is killed at any moment goes on, and ends byte for byte like one that was left alone."""

import re
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simulacra.engine.checkpoints import read_checkpoint
from simulacra.runs import RunFolder

STEPS, LOG, CHECKPOINT = 100, 2, 13  # a checkpoint often lies between two rows
RHYTHM = {"steps": STEPS, "every.log": LOG, "every.checkpoint": CHECKPOINT, "every.keep": 2}
PATIENCE = 60.0  # seconds until a process that shows nothing is given up

Fork = Callable[..., Any]


def wait_until(true: Callable[[], bool], process: Any, what: str) -> None:
    """Waits for something to come true while a process runs."""
    end = time.monotonic() + PATIENCE
    while not true():
        exited = process.exitcode if hasattr(process, "exitcode") else process.poll()
        assert exited is None, f"the process ended with {exited} before {what}"
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.002)


def rows_of(run: Path) -> int:
    """Rows of metrics so far."""
    path = run / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def assert_same_end(one: Path, other: Path) -> None:
    """Equal rows, byte for byte, and equal weights and optimizers, bit for bit."""
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


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    simulacra: Callable[..., Any],
    fork: Fork,
) -> None:
    kill_in_the_midst = """
import os, signal
def fsync(number, real=os.fsync):
    real(number)
    if "step-00000026" in os.readlink(f"/proc/self/fd/{number}"):
        os.ftruncate(number, 100)
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = fsync
"""
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell which file is written")
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    words = ["train", recipe_file("vae", **RHYTHM), "--data", make_store(), "--no-report", "--out"]
    process = fork(*words, killed, before=kill_in_the_midst)
    process.communicate(PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert list((killed / "checkpoints").glob(".*")), "half a file is there"
    assert list(RunFolder(killed).checkpoints()) == [13]
    assert simulacra(*words, alone).code == 0
    ended = simulacra(*words, killed)
    assert ended.code == 0
    assert "going on from step 13" in ended.err
    assert_same_end(alone, killed)
    assert not list((killed / "checkpoints").glob(".*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_this_very_step_and_says_how_to_go_on(
    number: signal.Signals,
    code: int,
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    simulacra: Callable[..., Any],
    fork: Fork,
) -> None:
    endless = recipe_file("acgan", **RHYTHM | {"steps": 1_000_000, "every.checkpoint": 1_000_000})
    alone, stopped = tmp_path / "alone", tmp_path / "it's stopped"
    words = ["train", endless, "--data", make_store(), "--no-report"]
    process = fork(*words, "--out", stopped)
    wait_until(lambda: rows_of(stopped) >= 3, process, "row 3")
    refused = simulacra(*words, "--out", stopped)
    assert refused.code == 2, "two processes in one folder"
    assert "another process is training in" in refused.err
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in out + err
    told = re.search(r"stopped at step ([\d,]+), saved; go on with: (simulacra train .*)", err)
    assert told, err
    step = int(told[1].replace(",", ""))
    assert max(RunFolder(stopped).checkpoints()) == step
    assert RunFolder(stopped).read_facts()["step"] == step
    assert shlex.split(told[2]) == ["simulacra", *map(str, words), "--out", str(stopped)]
    more = step + 3
    assert simulacra(*shlex.split(told[2])[1:], "--steps", more).code == 0
    assert simulacra(*words, "--steps", more, "--out", alone).code == 0
    assert (alone / "metrics.jsonl").read_bytes() == (stopped / "metrics.jsonl").read_bytes()
    assert_same(*(read_checkpoint(RunFolder(run).checkpoints()[more]) for run in (alone, stopped)))


def test_a_run_that_goes_on_for_longer_ends_like_one_of_that_length(
    tmp_path: Path, recipe_file: Callable[..., Path], make_store: Callable[..., Path], simulacra: Callable[..., Any]
) -> None:
    words = ["train", recipe_file("gan"), "--data", make_store(), "--no-report"]
    for run, lengths in {"whole": [11], "parts": [5, 8, 11]}.items():
        for steps in lengths:
            assert simulacra(*words, "--out", tmp_path / run, "--steps", steps).code == 0
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert (whole / "metrics.jsonl").read_bytes() == (parts / "metrics.jsonl").read_bytes()
    assert_same(*(read_checkpoint(RunFolder(run).checkpoints()[11]) for run in (whole, parts)))
