"""File systems that lack something: locks, fsync, the right to write, or an answer. Files are whole or not there."""

import builtins
import errno
import fcntl
import io
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.files import LACKS_LOCKS, LACKS_SYNC
from simulacra.runs import RunFolder
from simulacra.verbs.study_run import train_judge

OPEN, OPEN_RAW, MKDIR, ACCESS = io.open, os.open, os.mkdir, os.access
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
COMMANDS: dict[str, tuple[object, ...]] = {
    "train": ("train", "RECIPE", "--data", "STORE", "--no-report", "--out", "DISK/new"),
    "pack": ("pack", "folder", "PICTURES", "--size", 8, "--out", "DISK/packed"),
    "evaluate": ("evaluate", "DISK/run", "--count", 10, "--features", "random-vgg", "--only", "quality"),
    "sample": ("sample", "DISK/run", "--out", "DISK/samples.npy"),
    "export": ("export", "DISK/run", "--out", "DISK/exported"),
    "edit": ("edit", "DISK/run", "PICTURES/0.png", "--label", "Male=1", "--out", "DISK/edited.png"),
    "best": ("best", "DISK/run"),
    "compare": ("compare", "DISK/run", "DISK/other", "--out", "DISK/compared.csv"),
}


@pytest.fixture
def command(trained_once: Callable[..., Path], recipe_file: Callable[..., Path], tmp_path: Path) -> Any:
    """command(name): the words of a command of COMMANDS, which writes into the folder `disk`."""
    disk, pictures = tmp_path / "disk", tmp_path / "pictures"
    for folder in (disk, pictures):
        folder.mkdir()
    trained_once("vae", {"count": 60, "held_out": 10}).rename(disk / "run")
    shutil.copytree(disk / "run", disk / "other")
    for number in range(4):
        Image.fromarray(np.full((16, 16, 3), 60 * number, np.uint8)).save(pictures / f"{number}.png")
    names = {"DISK": disk, "PICTURES": pictures, "STORE": tmp_path / "store", "RECIPE": recipe_file("vae", steps=2)}

    def words(name: str) -> list[str]:
        found = [str(word) for word in COMMANDS[name]]
        for placeholder, path in names.items():
            found = [word.replace(placeholder, str(path)) for word in found]
        return found

    return words


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder but locks."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def stable(folder: Path) -> dict[str, bytes]:
    """The files that do not note a time or a speed, by their names below the folder."""
    found = {str(path.relative_to(folder)): content for path, content in contents(folder).items()}
    ends = (".npy", ".png", ".csv", "metrics.jsonl", "evaluations.jsonl")
    # The library writes the keys of a header in any order, so a file of weights is taken from behind its header.
    weights = {
        name: content[8 + int.from_bytes(content[:8], "little") :]
        for name, content in found.items()
        if name.endswith(".safetensors")
    }
    return weights | {name: content for name, content in found.items() if name.endswith(ends)}


def refusing(number: int) -> Callable[..., Any]:
    """A call of the system that fails with an error of this number."""

    def refuse(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("name", ["train", "pack", "evaluate", "export"])
def test_where_locks_and_fsync_are_missing_everything_works(
    name: str, command: Any, simulacra: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = sorted({*LACKS_LOCKS, *LACKS_SYNC})
    number = numbers[list(COMMANDS).index(name) % len(numbers)]
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    monkeypatch.setattr(os, "fsync", refusing(number if number in LACKS_SYNC else errno.EINVAL))
    ended = simulacra(*command(name), code=0)
    assert ("cannot lock files" in ended.err) == (name != "export"), ended.err
    assert not list((tmp_path / "disk").rglob("*.aside"))


@pytest.mark.parametrize("number", sorted(LACKS_LOCKS))
def test_without_locks_the_runs_of_a_study_train_their_judge(
    number: int, trained_once: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("simulacra.verbs.study_run.judge_of", lambda store: None)
    run = RunFolder(trained_once("vae", {"count": 60, "held_out": 10}))
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    train_judge(run)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", ["train", "pack", "evaluate", "export", "sample"])
def test_a_disk_that_fails_where_it_is_asked_to_keep_a_file_ends_a_command_in_a_sentence(
    name: str,
    number: int,
    command: Any,
    simulacra: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refusing(number))
        ended = simulacra(*command(name))
    assert "Traceback" not in ended.err
    if name == "evaluate":  # it prints what it has measured
        assert ended.code == 0, ended.err
        assert "not kept" in ended.err
    else:
        assert ended.code == 2, ended.err
        assert ended.err.count("simulacra: ") == 1, ended.err
    assert not list((tmp_path / "disk").rglob("*.aside"))
    assert not (tmp_path / "disk" / "packed").exists()
    record_property("writes", 1)


class ReadOnly:
    """A folder into which nothing can be written."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = folder, number

    def refuse(self, path: Any) -> None:
        """Raises OSError where a path is in the folder."""
        if isinstance(path, str | Path) and self.is_inside(Path(path)):
            raise OSError(self.number, os.strerror(self.number), str(path))

    def is_inside(self, path: Path) -> bool:
        """Whether a path is the folder or below it."""
        return path == self.folder or self.folder in path.parents

    def mount(self, patch: pytest.MonkeyPatch) -> None:
        """From here on, the folder is read-only."""

        def opened(path: Any, mode: str = "r", *words: Any, **options: Any) -> Any:
            if set(mode) & set("wxa+"):
                self.refuse(path)
            return OPEN(path, mode, *words, **options)

        def opened_raw(path: Any, flags: int, *words: Any, **options: Any) -> int:
            if flags & WRITES:
                self.refuse(path)
            return OPEN_RAW(path, flags, *words, **options)

        def made(path: Any, *words: Any, **options: Any) -> None:
            if not Path(path).exists():
                self.refuse(path)
            MKDIR(path, *words, **options)

        def accessed(path: Any, mode: int, **options: Any) -> bool:
            return not (mode & os.W_OK and self.is_inside(Path(path))) and ACCESS(path, mode, **options)

        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "open", opened_raw)
        patch.setattr(os, "mkdir", made)
        patch.setattr(os, "access", accessed)


@pytest.mark.parametrize("name", COMMANDS)
def test_into_a_folder_that_is_read_only_nothing_is_written_and_a_sentence_says_so(
    name: str, command: Any, simulacra: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    before = contents(disk)
    with monkeypatch.context() as patch:
        ReadOnly(disk, errno.EROFS if len(name) % 2 else errno.EACCES).mount(patch)
        ended = simulacra(*command(name))
    assert "Traceback" not in ended.err, ended.err
    assert contents(disk) == before
    if name in ("evaluate", "best"):
        assert ended.code == 0 or name == "best", ended.err
    else:
        assert ended.code == 2, ended.err
        assert ended.err.count("simulacra: ") == 1, ended.err


CALLS = {io: ("open",), builtins: ("open",), os: ("open", "fsync", "rename", "replace", "mkdir", "scandir", "stat")}


@pytest.mark.parametrize("name", ["train", "pack", "evaluate", "export"])
def test_on_a_slow_network_folder_a_command_writes_the_same(
    name: str, command: Any, simulacra: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, disk, aside = command(name), tmp_path / "disk", tmp_path / "aside"
    shutil.copytree(disk, aside)
    simulacra(*words, code=0)
    disk.rename(tmp_path / "fast")
    aside.rename(disk)
    late = 0

    def delayed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wait(path: Any = ".", *words: Any, **options: Any) -> Any:
            nonlocal late
            if isinstance(path, int) or disk in Path(os.fsdecode(path)).parents:
                late += 1
                time.sleep(0.002)
            return call(path, *words, **options)

        return wait

    with monkeypatch.context() as patch:
        for module, calls in CALLS.items():
            for call in calls:
                patch.setattr(module, call, delayed(getattr(module, call)))
        simulacra(*words, code=0)
    assert late > 10
    assert stable(disk) == stable(tmp_path / "fast")


FAILURES = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)


@pytest.mark.parametrize("name", ["train", "evaluate", "sample", "export", "compare"])
def test_a_network_folder_that_stops_answering_ends_a_command_in_a_sentence(
    name: str,
    command: Any,
    attempts: int,
    simulacra: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    disk, tried, step = tmp_path / "disk", 0, max(1, 50 // attempts)
    first = command(name)
    while True:
        left, number = step * tried, FAILURES[tried % len(FAILURES)]

        def opened(path: Any, *words: Any, number: int = number, **options: Any) -> Any:
            nonlocal left
            if isinstance(path, str | Path) and disk in Path(path).parents:
                left -= 1
                if left < 0:
                    raise OSError(number, os.strerror(number), str(path))
            return OPEN(path, *words, **options)

        with monkeypatch.context() as patch:
            patch.setattr(io, "open", opened)
            patch.setattr(builtins, "open", opened)
            ended = simulacra(*first)
        assert "Traceback" not in ended.err, (left, ended.err)
        assert ended.code in (0, 2), ended.err
        if left >= 0:
            break
        tried += 1
        record_property("reads", 1)
    assert ended.code == 0, ended.err
    assert tried
