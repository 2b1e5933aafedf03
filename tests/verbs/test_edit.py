"""The verb `edit`: from a picture file to a picture file."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.runs import RunFolder

BRIEF = {"steps": 2, "every.log": 1, "every.checkpoint": 1, "every.evaluate": []}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


@pytest.fixture
def edit(simulacra: Any, trained_once: Any, tmp_path: Path, photo: Path) -> Callable[..., Any]:
    """edit(*words, family=): how `edit` ends for a run of two updates in tmp_path / "run"."""

    def ended(*words: object, family: str = "vae", picture: Path = photo) -> Any:
        run = tmp_path / "run"
        if not run.exists():
            trained_once(family, {"count": 60}, **BRIEF)
        return simulacra("edit", run, picture, "--out", tmp_path / "out.png", *words)

    return ended


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_picture_is_edited_and_directions_are_kept_for_when_the_data_is_gone(edit, tmp_path) -> None:
    first = edit("--label", "Smiling=1", "--strength", "1.5")
    assert first.code == 0, first.err
    assert "the mean squared error of the reconstruction, before the edit, is" in first.err
    before = pixels(tmp_path / "out.png")
    assert before.shape == (8, 8, 3)
    shutil.rmtree(tmp_path / "store")
    assert edit("--label", "Smiling=1", "--strength", "1.5").code == 0
    assert np.array_equal(pixels(tmp_path / "out.png"), before)
    assert edit("--label", "Smiling=1", "--method", "normal", "--keep", "Male", "--strength", "1.5").code == 0
    assert not np.array_equal(pixels(tmp_path / "out.png"), before)
    other = edit("--label", "Smiling=1", "--step", 1)
    assert other.code == 2
    assert "keeps no directions of step 1, and learning them needs the data set" in other.err
    assert "with --data PATH" in other.err


@pytest.mark.parametrize("strength", [("--strength", "1.5"), ("--strengths", "0,1")])
def test_an_edited_picture_is_written_as_its_ending_says(edit, tmp_path, strength) -> None:
    ended = edit("--label", "Smiling=1", *strength, "--out", tmp_path / "out.jpg")
    assert ended.code == 0, ended.err
    with Image.open(tmp_path / "out.jpg") as picture:
        assert picture.format == "JPEG"


def test_several_strengths_are_a_row_beside_the_original(edit, tmp_path) -> None:
    ended = edit("--label", "Smiling=1", "--strengths", "-2,-1,0,1,2")
    assert ended.code == 0, ended.err
    assert pixels(tmp_path / "out.png").shape[1] == 6 * 154 + 10


def test_a_label_that_the_model_takes_needs_no_data(edit, tmp_path) -> None:
    edit("--label", "Smiling=1", family="acgan")
    shutil.rmtree(tmp_path / "store")
    ended = edit("--label", "Smiling=1", "--label", "Male=0", "--keep", "Eyeglasses")
    assert ended.code == 0, ended.err
    assert not (tmp_path / "run" / "directions.npz").exists()


def test_a_run_that_is_still_training_is_taken_as_it_is_and_said(edit, tmp_path) -> None:
    edit("--label", "Smiling=1")
    RunFolder(tmp_path / "run").write_facts({"state": "running"})
    assert "is still training or was interrupted: its checkpoint of step 2 is used" in edit("--label", "Smiling=1").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--label", "Smilling=1"],
            "--label Smilling: neither the model nor its data has this label; did you mean Smiling?",
        ),
        (["--label", "Smiling"], "--label Smiling: expected NAME=0 or NAME=1"),
        (
            ["--label", "Smiling=1", "--keep", "Mail"],
            "Mail: neither the model nor its data has this label; did you mean Male?",
        ),
        (["--label", "Smiling=1", "--keep", "Smiling"], "--keep Smiling: a label cannot be changed and kept at once"),
        (["--label", "Smiling=1", "--strength", "much"], "--strength much: expected a number like 1.5"),
        (["--label", "Smiling=1", "--strength", "nan"], "--strength nan: expected a number like 1.5"),
        (["--label", "Smiling=1", "--strengths", "1;2"], "--strengths 1;2: expected a number like 1.5"),
        (["--label", "Smiling=1", "--method", "magic"], "--method magic: there is no such method; known: mean, normal"),
        (["--label", "Smiling=1", "--out", "out.gif"], "--out out.gif: expected a name that ends in .png, .jpg"),
        (["--label", "Smiling=1", "--step", "9"], "no checkpoint at step 9"),
        (["--label", "Smiling=1", "--crop", "0,0,99,99"], "photo.jpg is 40x30, too small for the crop"),
    ],
)
def test_what_cannot_be_edited_is_reported(edit, tmp_path, words, said) -> None:
    ended = edit(*words)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "out.png").exists()


def test_a_picture_that_is_none_and_a_folder_that_is_no_run_are_reported(edit, simulacra, tmp_path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a picture")
    assert f"{text} is not a picture in any known format" in edit("--label", "Smiling=1", picture=text).err
    assert f"{tmp_path / 'none.png'} " in edit("--label", "Smiling=1", picture=tmp_path / "none.png").err
    assert "holds no run" in simulacra("edit", tmp_path, text, "--label", "Smiling=1").err


def test_a_model_that_makes_no_images_cannot_edit_any(edit) -> None:
    assert "a model of family classifier generates no images" in edit("--label", "Smiling=1", family="classifier").err


def test_data_without_labels_gives_no_direction(edit, trained_once) -> None:
    trained_once("vae", {"labels": ()}, **BRIEF)
    ended = edit("--label", "Smiling=1")
    assert ended.code == 2
    assert "has no labels, so " in ended.err
    assert "pack its pictures with a table of attributes, a row for each picture: " in ended.err
    assert "simulacra pack folder PICTURES --labels TABLE --size 8x8 " in ended.err


def test_a_run_without_labels_is_edited_once_its_pictures_are_packed_with_some(
    simulacra, recipe_file, tmp_path, photo, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    draw, rows = np.random.default_rng(0), ["file,Male"]
    (tmp_path / "my faces").mkdir()
    for number in range(60):
        image = Image.fromarray(draw.integers(0, 256, (9, 12, 3), np.uint8))
        image.save(tmp_path / "my faces" / f"{number}.png")
        rows.append(f"{number}.png,{number % 2}")
    (tmp_path / "TABLE").write_text("\n".join(rows), "utf-8")
    words = ("--data", "my faces", "--crop", "none", "--out", "run", "--steps", 2, "--no-report")
    simulacra("train", recipe_file("vae", **{"every.evaluate": []}), *words, code=0)
    refused = simulacra("edit", "run", photo, "--label", "Male=1", code=2)
    assert "my faces has no labels, so run has no direction of a label to learn" in refused.err
    (command,) = re.findall("simulacra (pack .*?);", refused.err)
    simulacra(*shlex.split(command), code=0)
    simulacra("edit", "run", photo, "--label", "Male=1", "--data", "stores/labelled", code=0)
