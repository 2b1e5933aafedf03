"""Packing: a source becomes a store on disk, picture by picture, in a temporary folder that is renamed at the end."""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from simulacra.data.decode import Picture
from simulacra.data.sources.base import Source
from simulacra.data.splits import split_by_content
from simulacra.data.store import FORMAT, SPLITS, ImageStore, is_store, open_store
from simulacra.errors import DataError, one_line

# Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]
# The share of pictures that may be unreadable.
TOLERATED = 0.01
# The number of unreadable pictures that the notes name.
SHOWN = 5
# Seconds of waiting for another process before the user gets a message.
PATIENCE = 1.0


@dataclass
class _Tally:
    """What is remembered of the pictures: rows that were kept, their hashes, original sizes, and bad pictures."""

    content: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    kept: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    originals: list[tuple[int, int]] = field(default_factory=list)
    bad: list[dict[str, str]] = field(default_factory=list)


def write_store(
    source: Source,
    folder: Path,
    tolerated: int,
    progress: Progress | None = None,
    workers: int | None = None,
) -> None:
    """Writes a store's files into an empty folder, store.json last.

    Args:
        source: an opened source.
        folder: the folder.
        tolerated: number of bad pictures that is allowed.
        progress: called with (pictures done, pictures in all).
        workers: number of reading processes.

    Raises:
        DataError: more bad pictures than tolerated, or no good one.
        OSError: the disk is full, or the folder cannot be written.
    """
    tally = _write_images(source, folder / "images.npy", tolerated, progress, workers)
    kept = np.array(tally.kept, dtype=np.int64)
    labels = np.ascontiguousarray(source.labels[kept])
    split = split_by_content(tally.digests) if source.split is None else source.split[kept]
    np.save(folder / "labels.npy", labels)
    np.save(folder / "split.npy", split)
    if source.factors is not None:
        np.save(folder / "factors.npy", source.factors[kept])
    (folder / "names.json").write_text(json.dumps([source.names[row] for row in tally.kept]), "utf-8")
    head = {
        "format": FORMAT,
        "fingerprint": _fingerprint(tally, source, labels, split),
        "label_names": list(source.label_names),
        "exclusive": source.exclusive,
        "factor_names": list(source.factor_names),
        "card": _card(source, tally, split),
    }
    (folder / "store.json").write_text(json.dumps(head, indent=1), "utf-8")


def _write_images(source: Source, path: Path, tolerated: int, progress: Progress | None, workers: int | None) -> _Tally:
    """Writes each good picture before the next one is read."""
    tally = _Tally()
    with path.open("wb") as file:
        _write_header(file, (len(source.names), *source.shape))
        for row, picture in enumerate(source.pictures(workers)):
            if isinstance(picture, Picture):
                _keep_picture(tally, row, picture, file)
            else:
                tally.bad.append({"name": source.names[row], "why": str(picture)})
                _refuse_bad(source, tally, tolerated)
            if progress is not None:
                progress(row + 1, len(source.names))
        if not tally.kept:
            _refuse_bad(source, tally, tolerated=-1)
        # The header of .npy has room for a longer first axis, so a shorter one fits in its place.
        file.seek(0)
        _write_header(file, (len(tally.kept), *source.shape))
    return tally


def _keep_picture(tally: _Tally, row: int, picture: Picture, file: IO[bytes]) -> None:
    data = np.ascontiguousarray(picture.pixels).tobytes()
    file.write(data)
    tally.content.update(data)
    tally.kept.append(row)
    tally.digests.append(hashlib.blake2b(data, digest_size=8).digest())
    tally.originals.append(picture.original)


def _refuse_bad(source: Source, tally: _Tally, tolerated: int) -> None:
    if len(tally.bad) <= tolerated:
        return
    total, first = len(source.names), tally.bad[0]
    where = f"{source.card['title']}: {first['name']}"
    if len(tally.bad) == total:
        raise DataError(f"none of the {total:,} pictures can be read; the first, {where}, {first['why']}")
    raise DataError(
        f"more than 1 in 100 of the {total:,} pictures cannot be read; the first, {where}, {first['why']}; "
        "repair or remove such files, or leave them out with --keep-going"
    )


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _fingerprint(tally: _Tally, source: Source, labels: NDArray[np.uint8], split: NDArray[np.uint8]) -> str:
    meaning = [source.shape, len(tally.kept), source.label_names, source.exclusive]
    for part in (labels.tobytes(), split.tobytes(), json.dumps(meaning).encode()):
        tally.content.update(part)
    return str(tally.content.hexdigest())


def _card(source: Source, tally: _Tally, split: NDArray[np.uint8]) -> dict[str, Any]:
    sizes = np.array(tally.originals)
    smallest, largest = (tally.originals[int(at)] for at in (sizes.prod(1).argmin(), sizes.prod(1).argmax()))
    height, width, _ = source.shape
    return {
        "source": source.kind,
        **source.card,
        "counts": {name: int((split == part).sum()) for part, name in enumerate(SPLITS)},
        "original": {
            "smallest": list(smallest),
            "largest": list(largest),
            "smaller_than_packed": int(((sizes[:, 0] < width) | (sizes[:, 1] < height)).sum()),
        },
        "odd": source.odd,
        "left_out": tally.bad,
        "inputs": source.identity,
    }


class Packed(NamedTuple):
    """A store, and whether it was packed now.

    Attributes:
        store: the store.
        fresh: whether it was packed now, and not found on disk.
        message: one line for the user.
    """

    store: ImageStore
    fresh: bool
    message: str

    @property
    def notes(self) -> list[str]:
        """More lines for the user: the source's notes, odd things, and pictures that were left out."""
        card = self.store.card
        bad = card.get("left_out", [])
        left_out = [f"left out: {picture['name']} {picture['why']}" for picture in bad[:SHOWN]]
        more = [f"left out: {len(bad) - SHOWN:,} more"] if len(bad) > SHOWN else []
        odd = [f"{what}: {count:,}" for what, count in card.get("odd", {}).items()]
        return [one_line(note) for note in (*card.get("notes", []), *odd, *left_out, *more)]


def pack(
    source: Source,
    out: Path,
    *,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
    keep_going: bool = False,
    workers: int | None = None,
) -> Packed:
    """Packs a source into a store, or opens the store if it was packed before.

    Args:
        source: an opened source.
        out: the store's folder: absent, empty, or the same source's store.
        progress: called with (pictures done, pictures in all).
        say: gets one line if this process waits for another one that packs into the same folder.
        keep_going: leave out any number of unreadable pictures, and not at most one in a hundred.
        workers: processes that read; None takes one per core unless there are few pictures.

    Raises:
        DataError: the folder is taken or cannot be made, too many pictures are bad, or the disk is full.
    """
    # The store would replace the folder, and a shell in it would be in a deleted folder.
    if not out.name or (out.is_dir() and out.samefile(Path())):
        raise DataError(f"--out {out} is the folder where you are, or a whole disk; name a new one: --out stores/mine")
    with _alone(out, say):
        if is_store(out):
            store = open_store(out)
            if store.card.get("inputs") == source.identity:
                return Packed(store, False, f"already packed: {summary(store)}")
            raise DataError(f"{out} already holds another store; remove it, or pack with another --out")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out} already exists and is no store; pack with another --out")
        aside = out.with_name(f"{out.name}.packing")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir()
            tolerated = len(source.names) if keep_going else int(TOLERATED * len(source.names))
            write_store(source, aside, tolerated, progress, workers)
            _flush_to_disk(aside)
            aside.rename(out)
        except OSError as error:
            raise _unwritable(out, source, error) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    store = open_store(out)
    return Packed(store, True, f"packed {summary(store)}")


def summary(store: ImageStore) -> str:
    """A store in one line: number and size of its pictures, its path, its splits, and pictures that were left out."""
    height, width, channels = store.shape
    splits = ", ".join(f"{len(store.rows(split)):,} {split}" for split in SPLITS)
    out = len(store.card.get("left_out", ()))
    tail = f"; {out:,} bad left out" if out else ""
    kind = "colour" if channels == 3 else "grey"
    return one_line(f"{len(store.images):,} {kind} images of {width}x{height} in {store.path} ({splits}{tail})")


@contextmanager
def _alone(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Makes other processes that pack into the same folder wait; they find the store afterwards."""
    lock = FileLock(out.with_name(f"{out.name}.packing.lock"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        Path(lock.lock_file).touch()  # filelock waits for ever if it cannot create a file
        _acquire(lock, out, say)
    except Timeout as error:
        raise DataError(f"{out} is being packed by another process; wait for it, or take another --out") from error
    except OSError as error:
        raise DataError(f"{out.parent} cannot be written ({error.strerror}); take another --out") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _flush_to_disk(folder: Path) -> None:
    """Returns when a folder's files are on the disk, so that a power cut cannot leave empty files."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _acquire(lock: FileLock, out: Path, say: Callable[[str], None]) -> None:
    """Waits for a lock, and says so after PATIENCE seconds.

    Raises:
        Timeout: another process holds it, and this one is a worker that runs the user's unguarded script again, which
            must not wait for its own parent.
    """
    if multiprocessing.current_process().name != "MainProcess":
        lock.acquire(timeout=0)
        return
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        say(f"waiting for another process, which packs into {out}")
        lock.acquire()


def _unwritable(out: Path, source: Source, error: OSError) -> DataError:
    height, width, channels = source.shape
    need = len(source.names) * height * width * channels / 2**20
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"{out} does not fit on its disk; free about {need:,.0f} MB, or take another --out")
    return DataError(f"{out} cannot be written ({os.strerror(error.errno or 0)}); take another --out")
