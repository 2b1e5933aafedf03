"""Packing: from a source to a store on disk, written aside and renamed, so that a store is whole or is not there."""

import errno
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from simulacra.data.sources.base import Source
from simulacra.data.store import SPLITS, ImageStore, is_store, open_store
from simulacra.data.writing import Progress, write_store
from simulacra.errors import DataError, one_line

# Of the pictures, how many may be unreadable before packing is refused.
TOLERATED = 0.01
# How many of those are named in the notes.
SHOWN = 5
# Seconds that another process may take before a person is told that it is waited for.
PATIENCE = 1.0


class Packed(NamedTuple):
    """A store, and how it came about.

    Attributes:
        store: the store.
        fresh: whether it was packed just now, rather than found.
        said: one line for the user.
    """

    store: ImageStore
    fresh: bool
    said: str

    @property
    def notes(self) -> list[str]:
        """What else a person should know, a line each: the source's notes, what was odd, and what was left out."""
        card = self.store.card
        bad = card.get("left_out", [])
        left_out = [f"left out: {one['name']} {one['why']}" for one in bad[:SHOWN]]
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
    """Packs a source into a store; finds it there if it was packed before.

    Args:
        source: an opened source.
        out: the store's folder: absent, empty, or the same source's store.
        progress: called with (pictures done, pictures in all).
        say: told in one line when another process packs into the same place and is waited for.
        keep_going: leave out however many pictures cannot be read, instead of at most one in a hundred.
        workers: processes that read; None takes one a core unless there is little to do.

    Raises:
        DataError: the folder is taken or cannot be made, too many pictures are bad, or the disk is full.
    """
    # The store would take the folder's place, and whoever stands in it would be left in one that is no more.
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
            _keep(aside)
            aside.rename(out)
        except OSError as error:
            raise _unwritable(out, source, error) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    store = open_store(out)
    return Packed(store, True, f"packed {summary(store)}")


def summary(store: ImageStore) -> str:
    """A store in one line: how many pictures of what size, where, in which splits, and what was left out."""
    height, width, channels = store.shape
    splits = ", ".join(f"{len(store.rows(split)):,} {split}" for split in SPLITS)
    out = len(store.card.get("left_out", ()))
    tail = f"; {out:,} bad left out" if out else ""
    kind = "colour" if channels == 3 else "grey"
    return one_line(f"{len(store.images):,} {kind} images of {width}x{height} in {store.path} ({splits}{tail})")


@contextmanager
def _alone(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Keeps other processes from packing into the same place; they wait, and then find the store."""
    lock = FileLock(out.with_name(f"{out.name}.packing.lock"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        Path(lock.lock_file).touch()  # filelock waits for ever where no file can be made
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


def _keep(folder: Path) -> None:
    """Returns once the disk holds a folder's files, which a power cut might else leave empty under their names."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _acquire(lock: FileLock, out: Path, say: Callable[[str], None]) -> None:
    """Waits for a lock, and says so before long.

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
