"""Where a run's data is found again: from another folder, after a move, with an empty cache, from its own recipe."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.errors import DataError
from simulacra.evaluation.data_of_run import store_at_hand, store_of
from simulacra.runs import RunFolder

Run = Callable[..., Any]


@pytest.fixture
def project(
    tmp_path: Path, simulacra: Run, recipe_file: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunFolder]:
    """project(*options): a run that was trained on pictures, by paths relative to a project's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(30):
        pixels = random.integers(0, 256, (12, 10, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    recipe = recipe_file("vae")

    def make(*options: str, data: str = "photos") -> RunFolder:
        words = ("train", recipe.name, "--data", data, "--out", "runs/x", "--no-report", "--steps", "3", *options)
        simulacra(*words, code=0)
        return RunFolder(Path("runs/x"))

    return make


def test_the_data_is_seen_from_another_folder(project, simulacra, monkeypatch, tmp_path) -> None:
    simulacra("pack", "folder", "photos", "--size", "8", "--out", "stores/a")
    project(data="stores/a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = RunFolder(tmp_path / "runs" / "x")
    assert store_of(run).path == tmp_path / "stores" / "a"
    assert run.read_facts()["data"]["path"] == "stores/a", "as it was typed"


def test_a_project_that_was_moved_as_a_whole_finds_its_data(project, simulacra, tmp_path) -> None:
    simulacra("pack", "folder", "photos", "--size", "8", "--out", "stores/a")
    project(data="stores/a")
    moved = tmp_path / "moved"
    moved.mkdir()
    for part in ("stores", "runs"):
        (tmp_path / part).rename(moved / part)
    assert store_of(RunFolder(moved / "runs" / "x")).path == moved / "stores" / "a"


@pytest.mark.parametrize("options", [(), ("--crop", "0,0,8,8")], ids=" ".join)
@pytest.mark.parametrize("data", [None, "photos"])
def test_a_cleared_cache_is_filled_again_as_it_was_for_the_run(options, data, project, tmp_path) -> None:
    run = project(*options)
    fingerprint = run.read_facts()["data"]["fingerprint"]
    shutil.rmtree(tmp_path / "cache")
    assert store_at_hand(run) is None, "nothing is packed for a page"
    said: list[str] = []
    assert store_of(run, data, say=said.append).fingerprint == fingerprint
    assert said[-1].startswith("packed 30 ")


def test_data_that_is_gone_is_asked_for_by_an_option_that_helps(project, simulacra, tmp_path) -> None:
    run = project()
    (tmp_path / "photos").rename(tmp_path / "moved")
    shutil.rmtree(tmp_path / "cache")
    for command in ("evaluate", "best"):
        ended = simulacra(command, run.path, code=2)
        assert "--data PATH" in ended.err
    simulacra("evaluate", run.path, "--data", "moved", "-n", 6, "--only", "reconstruction", code=0)


def test_a_store_of_another_size_names_the_pictures_that_help(project, simulacra) -> None:
    run = project()
    simulacra("pack", "folder", "photos", "--out", "other")
    with pytest.raises(DataError, match=r"images of 64x64 where runs/x was trained on 8x8; .*--data .*/photos"):
        store_of(run, "other")


def test_a_store_that_was_packed_again_in_another_size_asks_for_pictures(project, simulacra) -> None:
    simulacra("pack", "folder", "photos", "--out", "faces", "--size", 8, code=0)
    run = project(data="faces")
    shutil.rmtree("faces")
    simulacra("pack", "folder", "photos", "--out", "faces", "--size", 16, code=0)
    with pytest.raises(DataError, match=r"images of 16x16 where runs/x was trained on 8x8; .*: --data PICTURES"):
        store_of(run)


def test_a_recipe_of_a_run_trains_again_on_the_same_data_from_anywhere(
    project, simulacra, monkeypatch, tmp_path
) -> None:
    run = project("--crop", "0,0,8,8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    simulacra("train", tmp_path / run.path / "recipe.toml", "--out", "again", "--no-report", code=0)
    first, second = (json.loads((path / "run.json").read_text()) for path in (tmp_path / run.path, Path("again")))
    assert first["data"]["fingerprint"] == second["data"]["fingerprint"]


def test_a_run_goes_on_with_its_own_data(project, simulacra, recipe_file) -> None:
    run = project()
    simulacra("train", recipe_file("vae"), "--out", run.path, "--steps", 6, "--no-report", code=0)
    assert RunFolder(run.path).read_facts()["step"] == 6


def test_a_home_folder_is_understood_in_every_path(project, simulacra, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run = project(data="~/photos")
    simulacra("sample", "~/runs/x", "--out=~/sheet.png", code=0)
    assert (tmp_path / "sheet.png").is_file()
    simulacra("pack", "folder", "~/photos", "--out=~/s", "--size", 8, code=0)
    simulacra("train", "~/runs/x/recipe.toml", "--out=~/y", "--set", "start.run=~/runs/x", "--no-report", code=0)
    shutil.rmtree(tmp_path / "y" / "pictures")  # they take long to draw
    simulacra("report", "~/y", "--out=~/page.html", code=0)
    simulacra("pack", "folder", "~/photos", "--out=~/large", "--size", 16, code=0)
    ended = simulacra(
        "train", "~/runs/x/recipe.toml", "--data=~/large", "--out=~/z", "--steps", 1, "--no-report", code=0
    )
    assert "follow the data: 16x16" in ended.err
    simulacra("sample", run.path, "--out=~nobody_here/x.png", code=2)
    assert not (tmp_path / "~").exists()


@pytest.fixture
def relabelled(trained_once: Any, tmp_path: Path) -> Callable[..., tuple[RunFolder, Path]]:
    """relabelled(family): a run, and a store with its pictures and splits but other labels."""

    def make(family: str) -> tuple[RunFolder, Path]:
        run = RunFolder(trained_once(family, steps=1))
        other = shutil.copytree(tmp_path / "store", tmp_path / "other")
        np.save(other / "labels.npy", 1 - np.load(other / "labels.npy"))
        head = json.loads((other / "store.json").read_text())
        (other / "store.json").write_text(json.dumps(head | {"fingerprint": "of other labels"}))
        return run, other

    return make


def test_other_labels_make_it_no_other_data_for_a_run_that_takes_none(relabelled) -> None:
    run, other = relabelled("gan")
    assert store_of(run, other).path == other


def test_a_run_that_takes_labels_takes_its_own_alone(relabelled) -> None:
    run, other = relabelled("acgan")
    with pytest.raises(DataError, match="has fingerprint of other labels"):
        store_of(run, other)


def test_a_store_of_the_same_pictures_is_measured_against_as_the_own_one(relabelled, simulacra, monkeypatch) -> None:
    run, other = relabelled("gan")
    simulacra("evaluate", run.path, "-n", 6, "--only", "quality", "--features", "random-vgg", code=0)
    rows = run.measurements()
    words = ("--only", "quality", "--features", "random-vgg", "--against", other)
    simulacra("evaluate", run.path, "-n", 6, *words, code=0)
    assert run.measurements() == rows
