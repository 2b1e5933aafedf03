"""What is asked of pictures as they are: alike in `pack`, in `train` and in Python, and said before training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import simulacra as sm

Run = Callable[..., Any]
LINE = "2 classes from folder names: cat 20, dog 20; split from folders train/test; 1 picture outside the folders"


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """train/cat, train/dog, test/cat, test/dog, and a stray picture."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw, root = np.random.default_rng(0), tmp_path / "pets"
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (root / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(root / name / f"{number}.png")
    Image.new("RGB", (8, 8)).save(root / "stray.png")
    return root


def test_what_is_guessed_is_said_by_pack_train_and_python(
    simulacra: Run, recipe_file: Any, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = simulacra("pack", "folder", pets, "--size", 8, "--out", tmp_path / "a")
    assert LINE in packed.out
    trained = simulacra(
        "train", recipe_file("vae"), "--data", pets, "--out", tmp_path / "r", "--steps", 1, "--no-report"
    )
    assert trained.code == 0, trained.err
    assert LINE in trained.err
    sm.pack("folder", pets, out=tmp_path / "b", size=8)
    assert LINE in capsys.readouterr().err


def test_the_same_options_say_otherwise(
    simulacra: Run, recipe_file: Any, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "no classes, as asked; the folders train/test are no split, as asked; the split is drawn, as asked"
    words = ("--classes", "none", "--split", "random")
    assert said in simulacra("pack", "folder", pets, "--size", 8, *words, "--out", tmp_path / "a").out
    trained = simulacra(
        "train", recipe_file("vae"), "--data", pets, *words, "--out", tmp_path / "r", "--steps", 1, "--no-report"
    )
    assert said in trained.err
    store = sm.pack("folder", pets, out=tmp_path / "b", size=8, classes="none", split="random")
    assert store.label_names == ()
    assert len(store.images) == 41
    assert said in capsys.readouterr().err


def test_all_labels_of_a_folder_without_classes_are_refused_with_the_reason(
    simulacra: Run, recipe_file: Any, pets: Path, tmp_path: Path
) -> None:
    words = ("--data", pets / "train" / "cat", "--set", "data.labels=all", "--out", tmp_path / "r")
    ended = simulacra("train", recipe_file("acgan"), *words)
    assert ended.code == 2
    assert "has no labels (there are no folders); pack the data with --labels table.csv, or put" in ended.err


def test_a_run_and_its_sheets_inside_the_data_change_nothing(
    simulacra: Run, recipe_file: Any, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pets)
    words = ("train", recipe_file("vae"), "--data", ".", "--out", "runs/x", "--no-report")
    for steps in (1, 2):
        ended = simulacra(*words, "--steps", steps)
        assert ended.code == 0, ended.err
        assert simulacra("sample", "runs/x", "-n", 4, "--out", "samples.png").code == 0
    assert "run folders of Simulacra left out (the first: runs/x): 1" in ended.err
    assert "sheets and figures of Simulacra left out (the first: samples.png): 1" in ended.err
