"""A store is whole or is not there, whatever happens while it is packed."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from simulacra.data import pack as pack_module
from simulacra.data.pack import pack
from simulacra.data.sources import Options, open_source
from simulacra.data.sources.base import Source
from simulacra.data.store import is_store, open_store
from simulacra.errors import DataError


def avatars(count: int = 3, seed: int = 0) -> Source:
    return open_source("avatars", None, Options(count=count, size=(8, 8), seed=seed))


def test_a_packed_store_opens_with_all_that_was_packed(folder, packed) -> None:
    result = packed("folder", folder(["cat/a.png", "cat/b.png", "dog/c.png"]))
    store = open_store(result.store.path)
    assert store.images.shape == (3, 8, 8, 3)
    assert isinstance(store.images, np.memmap)
    assert store.labels.dtype == store.split.dtype == np.uint8
    assert store.names == ["cat/a.png", "cat/b.png", "dog/c.png"]
    assert store.card["source"] == "folder"
    assert store.card["title"] == "photos"
    assert sum(store.card["counts"].values()) == 3
    assert result.message.startswith("packed 3 colour images of 8x8")


def test_the_card_names_no_place_on_the_machine(folder, packed, tmp_path: Path) -> None:
    store = packed("folder", folder(2)).store
    assert str(tmp_path) not in (store.path / "store.json").read_text()


def test_a_duplicate_never_crosses_splits(folder, packed) -> None:
    root = folder(30)
    for number in range(30):
        (root / f"copy{number:03}.png").write_bytes((root / f"{number:03}.png").read_bytes())
    store = packed("folder", root).store
    part = dict(zip(store.names, store.split.tolist(), strict=True))
    assert all(part[f"{number:03}.png"] == part[f"copy{number:03}.png"] for number in range(30))


def test_the_same_pictures_have_the_same_fingerprint_wherever_they_lie(folder, packed) -> None:
    one = packed("folder", folder(3, "here"), out="a").store
    two = packed("folder", folder(3, "there"), out="b").store
    other = packed("folder", folder(4, "more"), out="c").store
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_labels_are_part_of_the_fingerprint(folder, packed, tmp_path: Path) -> None:
    tables = []
    for number, row in enumerate(("1", "0")):
        tables.append(tmp_path / f"{number}.csv")
        tables[-1].write_text(f"file,Smile\n000.png,{row}\n001.png,0\n")
    root = folder(2)
    one, two = (packed("folder", root, out=table.stem, labels=table).store for table in tables)
    assert one.fingerprint != two.fingerprint
    assert one.fingerprints["labels"] != two.fingerprints["labels"]
    for part in ("pictures", "split"):
        assert one.fingerprints[part] == two.fingerprints[part], "the same pictures, whatever their labels"
    assert one.fingerprint_of(["test"]) == two.fingerprint_of(["test"]) != one.fingerprint_of(["train"])


def test_a_store_of_an_earlier_version_has_the_fingerprints_of_its_images(folder, packed) -> None:
    store = packed("folder", folder(3)).store
    head = json.loads((store.path / "store.json").read_text("utf-8"))
    assert head.pop("fingerprints") == store.fingerprints
    (store.path / "store.json").write_text(json.dumps(head), "utf-8")
    assert open_store(store.path).fingerprints == store.fingerprints


def test_packing_again_says_already_packed(tmp_path: Path) -> None:
    first, again = pack(avatars(), tmp_path / "s"), pack(avatars(), tmp_path / "s")
    assert first.fresh
    assert not again.fresh
    assert again.message.startswith("already packed: 3 colour images")


def test_another_store_is_never_overwritten(tmp_path: Path) -> None:
    before = pack(avatars(), tmp_path / "s").store.fingerprint
    with pytest.raises(DataError, match="already holds another store"):
        pack(avatars(seed=1), tmp_path / "s")
    assert open_store(tmp_path / "s").fingerprint == before


def test_a_changed_picture_makes_another_store(folder, packed, noise) -> None:
    root = folder(2)
    packed("folder", root)
    noise(99).save(root / "000.png")
    with pytest.raises(DataError, match="already holds another store"):
        packed("folder", root)


def test_a_folder_with_something_in_it_is_never_packed_into(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.tex").write_text("precious")
    with pytest.raises(DataError, match="already exists and is no store"):
        pack(avatars(), tmp_path / "s")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(DataError, match="already exists and is no store"):
        pack(avatars(), tmp_path / "file")


def test_an_empty_folder_is_packed_into(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    assert pack(avatars(), tmp_path / "s").fresh


@pytest.mark.parametrize("place", [".", "..", "/", ""])
def test_a_store_never_takes_the_place_of_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulacra, place: str
) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    ended = simulacra("pack", "avatars", "--count", 3, "--size", 8, "--out", place)
    assert (ended.code, ended.out) == (2, "")
    assert "--out" in ended.err
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]
    with pytest.raises(DataError, match="name a new one"):
        pack(avatars(), tmp_path / "new")


def test_an_empty_path_of_a_source_is_not_the_folder_one_stands_in(
    folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulacra
) -> None:
    monkeypatch.chdir(folder(2))
    ended = simulacra("pack", "folder", "", "--out", tmp_path / "s")
    assert ended.code == 2
    assert "the path is empty" in " ".join(ended.err.replace("│", " ").split()), "however narrow the terminal"


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    pack(avatars(4), tmp_path / "s", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_nothing_is_left_beside_the_store(tmp_path: Path) -> None:
    pack(avatars(), tmp_path / "s")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_packing_that_is_stopped_leaves_no_store_and_begins_again(tmp_path: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(avatars(), tmp_path / "s", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert pack(avatars(), tmp_path / "s").fresh


def test_what_a_killed_packing_left_is_no_store_and_is_cleared_away(tmp_path: Path) -> None:
    aside = tmp_path / "s.packing"
    aside.mkdir()
    (aside / "images.npy").write_bytes(b"half")
    (tmp_path / "s.packing.lock").touch()
    assert not is_store(aside)
    assert pack(avatars(), tmp_path / "s").fresh
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize("file", ["_Tally.add", "_card"], ids=["in the images", "at the end"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"simulacra.data.pack.{file}", full)
    with pytest.raises(DataError, match="does not fit on its disk; free about"):
        pack(avatars(), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        pack(avatars(), tmp_path / "file" / "s")


def test_a_place_where_no_file_can_be_made_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders of the system such as /proc say "no such file" to a new one, which filelock takes for a race."""
    opened = os.open

    def refuse(path: str | Path, *more: int, **options: int) -> int:
        if str(path).endswith(".packing.lock"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return opened(path, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match=r"cannot be written \(No such file or directory\); take another --out"):
        pack(avatars(), tmp_path / "s")


def test_another_packing_of_the_same_place_is_waited_for_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_module, "PATIENCE", 0.01)
    held = FileLock(tmp_path / "s.packing.lock", is_singleton=False)
    said: list[str] = []

    def leave(line: str) -> None:
        said.append(line)
        held.release()

    held.acquire()
    pack(avatars(), tmp_path / "s", say=leave)
    assert said == [f"waiting for another process, which packs into {tmp_path / 's'}"]


def test_two_packings_of_one_place_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that runs an unguarded script again is refused instead of waiting for its own parent."""
    monkeypatch.setattr(pack_module.multiprocessing.current_process(), "name", "SpawnProcess-1")
    with (
        pack_module._alone(tmp_path / "s", print, "wait"),
        pytest.raises(DataError, match="being packed by another process"),
    ):
        pack(avatars(), tmp_path / "s")


def test_memory_holds_a_few_pictures_and_never_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture is written before the next is read."""
    events: list[str] = []
    source = avatars()
    keep, read = pack_module._Tally.add, source.pictures

    def pictures(workers: int | None) -> Iterator[object]:
        for picture in read(workers):
            events.append("read")
            yield picture

    monkeypatch.setattr(pack_module._Tally, "add", lambda *values: (events.append("written"), keep(*values)))
    monkeypatch.setitem(source.__dict__, "pictures", pictures)
    pack(source, tmp_path / "s")
    assert events == ["read", "written"] * 3


def test_worker_processes_pack_the_same_store(folder, packed, tmp_path: Path) -> None:
    root = folder(5)
    alone = packed("folder", root, out="alone").store
    spread = pack(open_source("folder", root, Options(size=(8, 8))), tmp_path / "spread", workers=2).store
    assert spread.fingerprint == alone.fingerprint
    assert spread.card == alone.card


def test_a_script_without_a_main_guard_gets_one_sentence(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from simulacra.data.pack import pack\n"
        "from simulacra.data.sources import Options, open_source\n"
        "pack(open_source('avatars', None, Options(count=3, size=(8, 8))), Path('s'), workers=1)\n"
        "pack(open_source('avatars', None, Options(count=4, size=(8, 8))), Path('t'), workers=2)\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "without `if __name__ == '__main__':`" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "script.py"]


def test_importing_and_packing_load_no_torch(tmp_path: Path) -> None:
    names = "pack, resolve, audit, decode, sources, splits, workers"
    code = f"import sys; from simulacra.data import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=50).returncode == 0


def test_store_json_is_json_with_the_counts(packed) -> None:
    head = json.loads((packed("avatars", None, count=3).store.path / "store.json").read_text())
    assert head["card"]["licence"].startswith("Avataaars by Pablo Stanley")
    assert head["format"] == 1


def test_the_disk_holds_every_file_before_the_store_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, out, fsync = set(), tmp_path / "store", os.fsync

    def sync(handle: int) -> None:
        if not out.exists():
            held.add(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", sync)
    pack(avatars(), out)
    assert held >= {path.stat().st_ino for path in (out, *out.iterdir())}
