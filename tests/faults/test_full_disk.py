"""A disk that fills up at any write: one sentence, nothing half-written, and the same command goes on."""

import builtins
import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.engine.checkpoints import read_checkpoint
from simulacra.runs import STREAMS, RunFolder

OPEN = io.open
EVERY = 3  # of so many writes of a training, one fails in the short form


class Disk:
    """A disk below a folder that takes so many writes, the last of them by half, and then is full.

    Args:
        folder: writes elsewhere are not counted.
        room: how many writes are left.

    Attributes:
        number: the error: the disk is full, or, every second time, the user's quota is.
    """

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room, self.number = folder, room, (errno.ENOSPC, errno.EDQUOT)[room % 2]

    def open(self, path: Any, mode: str = "r", *words: Any, **options: Any) -> Any:
        """As ever, but what is written below the folder is counted."""
        file = OPEN(path, mode, *words, **options)
        below = isinstance(path, str | Path) and self.folder in Path(path).parents
        return File(file, self) if below and set(mode) & set("wax") else file


class File:
    """A file of a disk that may be full."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, content: Any) -> int:
        self.disk.room -= 1
        if self.disk.room < 0:
            self.file.write(content[: len(content) // 2])
            raise OSError(self.disk.number, os.strerror(self.disk.number))
        return int(self.file.write(content))


def test_a_training_whose_disk_is_full_at_any_write_ends_in_a_sentence_and_the_same_command_goes_on(
    simulacra: Callable[..., Any],
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    attempts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    recipe = recipe_file("vae", **{"steps": 1, "every.log": 1, "every.checkpoint": 1})
    words = ["train", recipe, "--data", make_store(), "--no-report", "--out"]
    assert simulacra(*words, tmp_path / "whole").code == 0
    out, room, tried, stride = tmp_path / "run", 0, 0, EVERY if attempts == 1 else 1
    while True:
        disk = Disk(out, room)
        with monkeypatch.context() as patch:
            patch.setattr(io, "open", disk.open)
            patch.setattr(builtins, "open", disk.open)
            ended = simulacra(*words, out)
        if disk.room >= 0:
            break
        said = ended.err.strip().splitlines()[-1]
        assert (ended.code, ended.err.count("simulacra:")) == (2, 1), (room, ended.err)
        assert f"cannot be written ({os.strerror(disk.number)}); free space" in said, room
        assert "Traceback" not in ended.err
        assert_whole(out)
        tried, room = tried + 1, room + stride
    assert ended.code == 0
    assert tried > 5
    record_property("writes", tried)
    whole, run = RunFolder(tmp_path / "whole"), RunFolder(out)
    assert (whole.path / "metrics.jsonl").read_bytes() == (run.path / "metrics.jsonl").read_bytes()
    assert whole.rows("evaluations") == run.rows("evaluations")
    assert {path.name for path in whole.path.rglob("*.*")} - {path.name for path in run.path.rglob("*.*")} == {
        path.name for path in whole.path.glob("tensorboard/*")
    }


def assert_whole(out: Path) -> None:
    """Every file of a run can be read."""
    run = RunFolder(out)
    assert not [path for path in out.rglob(".*") if path.name != ".lock"]
    if run.exists():
        assert run.read_facts()
        run.read_recipe()
    for path in out.glob("*.json"):
        json.loads(path.read_text())
    for stream in STREAMS:
        run.rows(stream)
    for path in run.checkpoints().values():
        read_checkpoint(path)
    for name in run.pictures():
        assert run.arrays(name)


@pytest.mark.parametrize(
    "words",
    [
        ("pack", "folder", "PICTURES", "--size", 8, "--out", "OUT/store"),
        ("evaluate", "RUN", "--count", 10, "--features", "random-vgg", "--only", "quality"),
        ("sample", "RUN", "--out", "OUT/samples.npy"),
        ("export", "RUN", "--out", "OUT/exported"),
    ],
    ids=lambda words: " ".join(map(str, words[:1])),
)
def test_a_command_whose_disk_is_full_at_any_write_is_refused_and_then_goes_on(
    words: tuple[object, ...],
    simulacra: Callable[..., Any],
    trained_once: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    disk_folder = tmp_path / "disk"
    run, pictures = trained_once("vae", {"count": 60, "held_out": 10}), tmp_path / "pictures"
    pictures.mkdir()
    for number in range(4):
        Image.fromarray(np.full((16, 16, 3), 60 * number, np.uint8)).save(pictures / f"{number}.png")
    disk_folder.mkdir()
    run = run.rename(disk_folder / "run")
    names = {"RUN": run, "OUT": disk_folder / "out", "PICTURES": pictures}
    for name, path in names.items():
        words = tuple(str(word).replace(name, str(path)) for word in words)
    before, room = {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()}, 0
    while True:
        disk = Disk(disk_folder, room)
        with monkeypatch.context() as patch:
            patch.setattr(io, "open", disk.open)
            patch.setattr(builtins, "open", disk.open)
            ended = simulacra(*words)
        if disk.room >= 0:
            break
        assert "Traceback" not in ended.err, (room, ended.err)
        assert ended.code in (0, 2), (room, ended.err)
        assert "free" in ended.err or ended.code == 0, (room, ended.err)
        assert not list(disk_folder.rglob("*.aside")), room
        assert all(path.read_bytes().startswith(content) for path, content in before.items()), room
        room += 1
    assert ended.code == 0, ended.err
    assert room > 0
    record_property("writes", room)
