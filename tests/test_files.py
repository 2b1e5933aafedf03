"""Disks as they are: without locks, with nothing but short names, without room, without a home."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from simulacra.data.pack import pack
from simulacra.data.sources import Options, open_source
from simulacra.errors import DataError
from simulacra.files import LONGEST_NAME, beside, expand, keep_aside, remove_unfinished, user_cache, write_aside
from simulacra.runs import RunFolder


@pytest.fixture(params=["ENOSYS", "EOPNOTSUPP", "ENOLCK"])
def without_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that knows no locks."""

    def refuse(*_: Any) -> None:
        raise OSError(getattr(errno, request.param), "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("without_locks")
def test_a_disk_that_cannot_lock_is_told_of_and_never_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    source = open_source("avatars", None, Options(size=(8, 8), count=12))
    assert pack(source, tmp_path / "s", say=said.append).fresh
    with RunFolder(tmp_path / "run").lock(said.append):
        pass
    assert [line.split(";")[0] for line in said] == [
        f"the disk of {tmp_path} cannot lock files",
        f"the disk of {tmp_path / 'run'} cannot lock files",
    ]


def test_a_file_that_a_running_process_has_begun_is_not_removed_and_one_of_a_killed_process_is(tmp_path: Path) -> None:
    running, killed = tmp_path / f".a.{os.getppid()}-1.aside", tmp_path / ".b.99999999-1.aside"
    for path in (running, killed):
        path.write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert [path for path in (running, killed) if path.exists()] == [running]


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EINVAL])
def test_where_a_disk_cannot_be_asked_to_keep_a_file_it_is_written_all_the_same(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, "no fsync")

    monkeypatch.setattr(os, "fsync", refuse)
    assert write_aside(tmp_path / "file", b"content").read_bytes() == b"content"


@pytest.mark.parametrize("letters", [1, 200, 230, 251, 255])
@pytest.mark.parametrize("letter", ["a", "猫"])
def test_a_name_that_a_disk_can_keep_can_be_written(letters: int, letter: str, tmp_path: Path) -> None:
    name = (letter * letters).encode()[:LONGEST_NAME].decode("utf-8", "ignore")
    assert write_aside(tmp_path / name, b"x").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(beside(tmp_path / name, ".packing.lock").name.encode()) <= LONGEST_NAME


def test_what_cannot_be_kept_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert not keep_aside(tmp_path / "file" / "x", b"x")
    assert not keep_aside(None, b"x")
    assert keep_aside(tmp_path / "x", b"x")


def test_without_a_home_there_is_no_cache_and_no_folder_called_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # of a user whom nobody knows
    assert user_cache("stores") is None


def test_the_home_of_a_stranger_is_refused() -> None:
    with pytest.raises(DataError, match="write the whole path"):
        expand("~nobody_has_this_name/x")
