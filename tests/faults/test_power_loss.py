"""A power cut at any moment of a training: what was not synced is gone, and the same command ends in the same bytes."""

import builtins
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.engine.checkpoints import read_checkpoint
from simulacra.runs import RunFolder

OPEN, FSYNC = io.open, os.fsync
STEPS = 8
STATES = 5  # power cuts that are tried for each attempt, evenly spaced over the moments at which something is synced
MOMENTS = 150  # about how many these are
Names = dict[str, "Content"]


class Content:
    """What a disk has of a file: the bytes that it was asked to keep."""

    def __init__(self) -> None:
        self.synced = b""

    def after_a_cut(self, written: bytes) -> bytes:
        """The synced bytes, and half of what was appended since."""
        appended = written[len(self.synced) :] if written.startswith(self.synced) else b""
        return self.synced + appended[: len(appended) // 2]


class Disk:
    """A folder, and what would be left of it after a power cut.

    POSIX promises the content of a file after fsync of the file, and its name after fsync of its folder. `keep` is
    called after each such event. Files that other programs write are not seen, and count as never synced.
    """

    def __init__(self, root: Path, keep: Callable[["Disk"], None]) -> None:
        self.root, self.keep = root, keep
        self.live: dict[int, Content] = {}  # inode -> content
        self.names: dict[Path, Names] = {}  # folder -> names as of its last fsync

    def open(self, path: Any, mode: str = "r", *words: Any, **options: Any) -> Any:
        """As ever; a file that is made anew has nothing synced."""
        file = OPEN(path, mode, *words, **options)
        if set(mode) & set("wx") and self._is_below(path):
            self.live[os.fstat(file.fileno()).st_ino] = Content()
        return file

    def fsync(self, number: int) -> None:
        """As ever, and noted."""
        FSYNC(number)
        path = Path(f"/proc/self/fd/{number}").readlink()
        if not (path == self.root or self._is_below(path)):
            return
        if path.is_dir():
            self.names[path] = {entry.name: self._content(entry) for entry in path.iterdir() if entry.is_file()}
            self.names[path] |= {entry.name: Content() for entry in path.iterdir() if entry.is_dir()}
        else:
            self._content(path).synced = path.read_bytes()
        self.keep(self)

    def write(self, target: Path, strict: bool) -> None:
        """Writes what a cut at this moment leaves.

        Args:
            target: folder.
            strict: names are those of the last fsync of their folder; otherwise all names of now, as a disk may keep
                them at once while contents are late.
        """
        target.mkdir()
        names = self.names.get(self.root, {}) if strict else {path.name: None for path in self.root.iterdir()}
        self._write(self.root, target, names, strict)

    def _write(self, source: Path, target: Path, names: Any, strict: bool) -> None:
        for name in names:
            path = source / name
            if path.is_dir():
                (target / name).mkdir()
                inner = self.names.get(path, {}) if strict else {entry.name: None for entry in path.iterdir()}
                self._write(path, target / name, inner, strict)
            elif strict:
                (target / name).write_bytes(names[name].synced)
            else:
                (target / name).write_bytes(self._content(path).after_a_cut(path.read_bytes()))

    def _content(self, path: Path) -> Content:
        return self.live.setdefault(path.stat().st_ino, Content())

    def _is_below(self, path: Any) -> bool:
        return isinstance(path, str | Path) and self.root in Path(path).parents


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not say which file is synced")
@pytest.mark.parametrize("strict", [True, False])
def test_a_training_goes_on_from_what_a_power_cut_leaves(
    simulacra: Callable[..., Any],
    recipe_file: Callable[..., Path],
    make_store: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strict: bool,
    attempts: int,
    record_property: Callable[[str, object], None],
) -> None:
    recipe = recipe_file("vae", **{"steps": STEPS, "every.log": 1, "every.checkpoint": 2, "every.keep": 1})
    words = ["train", recipe, "--data", make_store(), "--no-report", "--out"]
    whole, states, moments, stride = tmp_path / "whole", [], 0, max(1, MOMENTS // (STATES * attempts))

    def keep(disk: Disk) -> None:
        nonlocal moments
        moments += 1
        if moments % stride == 0:
            states.append(tmp_path / f"cut-{moments}")
            disk.write(states[-1], strict)

    disk = Disk(whole, keep)
    with monkeypatch.context() as patch:
        patch.setattr(io, "open", disk.open)
        patch.setattr(builtins, "open", disk.open)
        patch.setattr(os, "fsync", disk.fsync)
        assert simulacra(*words, whole).code == 0
    assert len(states) > 2
    for state in states:
        ended = simulacra(*words, state)
        assert ended.code == 0, (state.name, ended.err)
        assert (state / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes(), state.name
        assert RunFolder(state).rows("evaluations") == RunFolder(whole).rows("evaluations"), state.name
        ends = [read_checkpoint(RunFolder(run).checkpoints()[STEPS])["networks"] for run in (state, whole)]
        assert [str(end) for end in ends] == [str(ends[0])] * 2, state.name
    record_property("power cuts", len(states))
