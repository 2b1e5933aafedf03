"""Runs that nobody may write to, and users without a cache: what can be measured is measured and printed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra import runs
from simulacra.runs import RunFolder


@pytest.fixture
def run(trained_once: Callable[..., Path]) -> RunFolder:
    """A small run."""
    return RunFolder(trained_once("vae", {"count": 40, "held_out": 8}))


@pytest.mark.parametrize("words", [["evaluate", "-n", "8", "--only", "reconstruction"], ["best"]], ids=" ".join)
def test_a_run_that_may_not_be_written_to_is_measured_and_says_that_nothing_is_kept(
    words, run, simulacra, monkeypatch
) -> None:
    def refuse(*_: Any) -> bool:
        raise OSError(30, "Read-only file system")

    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    monkeypatch.setattr(runs, "can_lock", refuse)
    ended = simulacra(words[0], run.path, *words[1:], code=0)
    assert "mse" in ended.out
    assert "may not be written to" in ended.err
    assert "not kept" in ended.err
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_without_a_cache_features_are_used_and_not_kept(run, simulacra, monkeypatch, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    simulacra("evaluate", run.path, "-n", 8, "--only", "quality", "--features", "random-vgg", code=0)
    assert run.measurements()


def test_without_a_cache_training_names_options_that_help(simulacra, recipe_file, monkeypatch, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    recipe = recipe_file("vae", **{"data.size": 8})
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8))
    words = ["train", recipe, "--data", tmp_path / "images.npy", "--out", tmp_path / "again", "--no-report"]
    ended = simulacra(*words, code=2)
    assert "--no-cache" in ended.err
    assert "XDG_CACHE_HOME" in ended.err
    assert simulacra(*words, "--no-cache").code == 0
