"""What is left out of a folder: the system's things, ours, and what is no picture that is read."""

import os
from pathlib import Path

import numpy as np
import pytest

from simulacra.data.sources.scan import kept_by_us, scan
from simulacra.evaluation.preview import sheet, to_png


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "$RECYCLE.BIN/S-1-5/x.png",
        "System Volume Information/x.png",
        "lost+found/x.png",
        ".ipynb_checkpoints/x-checkpoint.png",
        "__MACOSX/x.png",
        ".thumbnails/normal/x.png",
        ".Trash-1000/files/x.png",
        "#recycle/x.png",
        "cat/@eaDir/x.png",
        "._a.png",
        "cat/._a.png",
    ],
)
def test_what_a_system_keeps_is_left_out_and_counted(folder, name: str) -> None:
    found = scan(folder(["cat/a.png", "dog/b.png", name]))
    assert list(found.files) == ["cat/a.png", "dog/b.png"]
    assert sum(found.odd.values()) == 1
    assert "left out (the first: " in "".join(found.odd)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        (("recipe.toml", "run.json"), "run folders"),
        (("recipe.toml", "metrics.jsonl"), "run folders"),
        (("store.json", "images.npy"), "stores"),
        (("config.json", "model.safetensors"), "exported models"),
        (("recipe.toml", "cake.txt"), ""),
        (("config.json",), ""),
    ],
)
def test_our_own_folders_are_known_by_their_files(folder, files: tuple[str, ...], what: str) -> None:
    root = folder(["a.png", "runs/x/pictures/b.png"])
    for file in files:
        (root / "runs" / "x" / file).touch()
    found = scan(root)
    assert kept_by_us(set(files)) == what
    assert list(found.files) == (["a.png"] if what else ["a.png", "runs/x/pictures/b.png"])
    assert [key for key in found.odd if what in key and what] == (
        [f"{what} of Simulacra left out (the first: runs/x)"] if what else []
    )


def test_sheets_are_left_out_unless_there_is_nothing_else(folder) -> None:
    root = folder(3)
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    (root / "samples.png").write_bytes(to_png(sheet(pixels), marked=True))
    (root / "one.png").write_bytes(to_png(pixels[0]))
    found = scan(root)
    assert list(found.files) == ["000.png", "001.png", "002.png", "one.png"]
    assert found.odd == {"sheets and figures of Simulacra left out (the first: samples.png)": 1}
    for name in found.files:
        (root / name).unlink()
    assert list(scan(root).files) == ["samples.png"]


def test_pipes_and_sockets_are_no_pictures(folder) -> None:
    root = folder(2)
    os.mkfifo(root / "pipe.jpg")
    found = scan(root)
    assert len(found.files) == 2
    assert found.odd == {"pipes, sockets and devices left out (the first: pipe.jpg)": 1}


def test_a_folder_inside_that_may_not_be_read_is_counted(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    root, opened = folder(["cat/a.png", "secret/b.png"]), os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan(root)
    assert list(found.files) == ["cat/a.png"]
    assert found.odd == {"folders left out that may not be read (Permission denied) (the first: secret)": 1}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.CR2", "develop them to JPEG or PNG"),
        ("a.svg", "export them as PNG"),
        ("a.psd", "export them as PNG"),
        ("a.jxl", "save them as JPEG or PNG"),
        ("a.dcm", "export their slices as PNG"),
        ("clip.mp4", "cut them into single pictures"),
        ("more.zip", "unpack them"),
        ("x.npz", "simulacra pack arrays FILE"),
    ],
)
def test_kinds_that_are_not_read_are_counted_by_ending_with_what_to_do(folder, name: str, remedy: str) -> None:
    root = folder(1)
    for at in range(3):
        (root / f"{at}{name}").write_bytes(b"x")
    (key, count), *others = scan(root).odd.items()
    assert not others
    assert count == 3
    assert remedy in key
    assert Path(name).suffix.lower() in key


def test_pictures_without_an_ending_are_counted(folder) -> None:
    root = folder(1)
    (root / "000.png").rename(root / "000")
    (root / "README").write_text("about")
    assert scan(root).odd == {
        "pictures without an ending are not read (the first: 000); add .jpg or .png to their names": 1
    }


def test_folders_without_a_picture_are_named(folder) -> None:
    root = folder(["cat/a.png", "dog/b.png"])
    (root / "bird" / "rare").mkdir(parents=True)
    assert scan(root).empty == ["bird"]
