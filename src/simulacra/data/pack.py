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

from simulacra.data.colours import KINDS, Depth, Range, joined
from simulacra.data.decode import Picture
from simulacra.data.sources.base import Source
from simulacra.data.splits import TRAIN, split_by_class, split_by_content
from simulacra.data.store import FORMAT, SPLITS, ImageStore, digest, hasher, is_store, open_store
from simulacra.errors import DataError, one_line
from simulacra.files import beside, can_lock, sync, sync_names

# Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]
# The share of pictures that may be unreadable.
TOLERATED = 0.01
# The number of unreadable pictures that the notes name.
SHOWN = 5
# Training pictures that are looked at for whether they show anything, the largest difference of values in a picture
# that does not, and the share of such pictures that is worth a line.
LOOKED, FLAT, NEARLY_ALL = 256, 8, 0.9
# Seconds of waiting for another process before the user gets a message.
PATIENCE = 1.0
# Seconds of waiting in all: a lock on a network's disk may outlive the machine that held it.
LONGEST_WAIT = 12 * 3600.0
ELSEWHERE = "take another --out"  # what helps where a store cannot be written


@dataclass
class _Tally:
    """What is remembered of the pictures."""

    content: Any = field(default_factory=hasher)  # of all pixels
    kept: list[int] = field(default_factory=list)  # rows of the source whose picture is good
    digests: list[bytes] = field(default_factory=list)  # a hash of each
    originals: list[tuple[int, int]] = field(default_factory=list)  # width and height of each file
    bad: list[dict[str, str]] = field(default_factory=list)  # name of each picture that cannot be read, and the reason
    # What was odd about files -> how often, and the name of the first one.
    odd: dict[str, tuple[int, str]] = field(default_factory=dict)
    # Kind of deep picture and its scale -> the same with the extent of all such pictures.
    depths: dict[tuple[str, Range], Depth] = field(default_factory=dict)
    clear: int = 0  # how many pictures have transparent parts

    def add(self, row: int, name: str, picture: Picture, data: bytes) -> None:
        """Remembers a good picture: its row and name in the source, and the bytes of its pixels."""
        self.content.update(data)
        self.kept.append(row)
        self.digests.append(hashlib.blake2b(data, digest_size=8).digest())
        self.originals.append(picture.original)
        self.clear += picture.clear
        for what, times in picture.odd:
            count, first = self.odd.get(what, (0, name))
            self.odd[what] = count + times, first
        if (depth := picture.depth) is not None:
            before = self.depths.get((depth.kind, depth.scale), depth)
            self.depths[depth.kind, depth.scale] = depth._replace(extent=joined((before.extent, depth.extent)))


def _write_store(source: Source, folder: Path, tolerated: int, progress: Progress | None, workers: int | None) -> None:
    """Writes a store's files into an empty folder, store.json last."""
    tally = _write_images(source, folder / "images.npy", tolerated, progress, workers)
    kept = np.array(tally.kept, dtype=np.int64)
    labels = np.ascontiguousarray(source.labels[kept])
    if source.split is not None:
        split = source.split[kept]
    elif source.exclusive:
        split = split_by_class(tally.digests, labels.argmax(axis=1))
    else:
        split = split_by_content(tally.digests)
    np.save(folder / "labels.npy", labels)
    np.save(folder / "split.npy", split)
    if source.factors is not None:
        np.save(folder / "factors.npy", source.factors[kept])
    (folder / "names.json").write_text(json.dumps([source.names[row] for row in tally.kept]), "utf-8")
    fingerprints = {
        "pictures": digest(tally.content.hexdigest(), (len(kept), *source.shape)),
        "split": digest(split),
        "labels": digest((source.label_names, source.exclusive), labels),
    }
    meaning = [source.shape, len(kept), source.label_names, source.exclusive]
    for part in (labels.tobytes(), split.tobytes(), json.dumps(meaning).encode()):
        tally.content.update(part)
    head = {
        "format": FORMAT,
        "fingerprint": tally.content.hexdigest(),
        "fingerprints": fingerprints,
        "label_names": list(source.label_names),
        "exclusive": source.exclusive,
        "factor_names": list(source.factor_names),
        "card": _card(source, tally, split, np.load(folder / "images.npy", mmap_mode="r")),
    }
    (folder / "store.json").write_text(json.dumps(head, indent=1), "utf-8")
    for path in folder.iterdir():  # a power cut must not leave empty files
        with path.open("rb+") as file:
            sync(file.fileno())


def _write_images(source: Source, path: Path, tolerated: int, progress: Progress | None, workers: int | None) -> _Tally:
    """Writes each good picture before the next one is read."""
    tally = _Tally()
    with path.open("wb") as file:
        _write_header(file, (len(source.names), *source.shape))
        for row, picture in enumerate(source.pictures(workers)):
            name = source.names[row]
            if isinstance(picture, Picture):
                data = picture.pixels.tobytes()
                file.write(data)
                tally.add(row, name, picture, data)
            else:
                tally.bad.append({"name": name, "why": str(picture)})
                _refuse_bad(source, tally, tolerated)
            if progress is not None:
                progress(row + 1, len(source.names))
        if not tally.kept:
            _refuse_bad(source, tally, tolerated=-1)
        # The header of .npy has room for a longer first axis, so a shorter one fits in its place.
        file.seek(0)
        _write_header(file, (len(tally.kept), *source.shape))
    return tally


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


def _depth_notes(source: Source, tally: _Tally) -> list[str]:
    """For each kind of deep picture, which value became black and which white."""
    reason = "unless --values states another range" if source.card.get("values") is None else "as stated"
    return [
        f"{KINDS[kind]}: {scale.low:g} is black and {scale.high:g} is white, {reason} "
        f"(the pictures have {extent.low:g} to {extent.high:g})"
        for kind, scale, extent in tally.depths.values()
    ]


def _one_colour(images: NDArray[np.uint8], rows: NDArray[np.int64], clear: int) -> list[str]:
    """A line if nearly all training pictures, of those that are looked at, show nothing."""
    looked = rows[np.linspace(0, max(len(rows) - 1, 0), min(len(rows), LOOKED)).astype(np.int64)]
    flat = sum(int(np.ptp(images[row], axis=(0, 1)).max()) <= FLAT for row in looked.tolist())
    if not flat or flat < NEARLY_ALL * len(looked):
        return []
    remedy = "; where they are transparent, lay them over another colour: --background black" if clear else ""
    return [f"{flat:,} of {len(looked):,} training pictures that were looked at are of one colour all over{remedy}"]


def _card(source: Source, tally: _Tally, split: NDArray[np.uint8], images: NDArray[np.uint8]) -> dict[str, Any]:
    """Facts for people about a store with these images."""
    one_colour = _one_colour(images, np.flatnonzero(split == TRAIN), tally.clear)
    sizes = np.array(tally.originals)
    smallest, largest = (tally.originals[int(at)] for at in (sizes.prod(1).argmin(), sizes.prod(1).argmax()))
    height, width, _ = source.shape
    odd = {f"{what} (the first: {first})": count for what, (count, first) in tally.odd.items()}
    return {
        "source": source.kind,
        **source.card,
        "notes": [*source.card.get("notes", []), *_depth_notes(source, tally), *one_colour],
        "scales": {depth.kind: list(depth.scale) for depth in sorted(tally.depths.values())},
        "counts": {name: int((split == part).sum()) for part, name in enumerate(SPLITS)},
        "original": {
            "smallest": list(smallest),
            "largest": list(largest),
            "smaller_than_packed": int(((sizes[:, 0] < width) | (sizes[:, 1] < height)).sum()),
        },
        "odd": source.odd | odd,
        "left_out": tally.bad,
        "inputs": source.identity,
    }


class Packed(NamedTuple):
    """A store, and whether it was packed now."""

    store: ImageStore  # the store
    fresh: bool  # whether it was packed now, and not found on disk
    message: str  # one line for the user
    # What was found now, of a store that was packed before: files that are no pictures may have come since.
    source: Source | None = None
    warnings: tuple[str, ...] = ()  # about a training on it

    @property
    def notes(self) -> list[str]:
        """More lines for the user: the source's notes, odd things, and pictures that were left out."""
        card = self.store.card
        notes, odd_things = card.get("notes", []), card.get("odd", {})
        if self.source is not None:
            notes, odd_things = self.source.card["notes"], odd_things | self.source.odd
        bad = card.get("left_out", [])
        left_out = [f"left out: {picture['name']} {picture['why']}" for picture in bad[:SHOWN]]
        more = [f"left out: {len(bad) - SHOWN:,} more"] if len(bad) > SHOWN else []
        said = "\n".join(notes)  # a note may count an odd thing already
        odd = [f"{what}: {count:,}" for what, count in odd_things.items() if f"{count:,} {what}" not in said]
        return [one_line(note) for note in (*notes, *odd, *left_out, *more, *self.warnings)]


def pack(
    source: Source,
    out: Path,
    *,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
    keep_going: bool = False,
    workers: int | None = None,
    remedy: str | None = None,
) -> Packed:
    """Packs a source into a store, or opens the store if it was packed before.

    Args:
        source: an opened source.
        out: the store's folder: absent, empty, or the same source's store.
        progress: called with (pictures done, pictures in all).
        say: gets one line if this process waits for another one that packs into the same folder.
        keep_going: leave out any number of unreadable pictures, and not at most one in a hundred.
        workers: processes that read; None takes one per core unless there are few pictures.
        remedy: what a person can do where the folder cannot be written; by default, take another one.

    Raises:
        DataError: the folder is taken or cannot be made, too many pictures are bad, or the disk is full.
    """
    # The store would replace the folder, and a shell in it would be in a deleted folder.
    if not out.name or (out.is_dir() and out.samefile(Path())):
        raise DataError(f"--out {out} is the folder where you are, or a whole disk; name a new one: --out stores/mine")
    remedy = remedy or ELSEWHERE
    with _alone(out, say, remedy):
        if is_store(out):
            store = open_store(out)
            if store.card.get("inputs") == source.identity:
                return Packed(store, False, f"already packed: {summary(store)}", source)
            raise DataError(f"{out} already holds another store; remove it, or pack with another --out")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out} already exists and is no store; pack with another --out")
        aside = beside(out, ".packing")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir()
            tolerated = len(source.names) if keep_going else int(TOLERATED * len(source.names))
            _write_store(source, aside, tolerated, progress, workers)
            sync_names(aside)
            aside.rename(out)
            sync_names(out.parent)
        except OSError as error:
            raise _unwritable(out, source, error, remedy) from error
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
    images = f"{kind} image" if len(store.images) == 1 else f"{kind} images"
    return one_line(f"{len(store.images):,} {images} of {width}x{height} in {store.path} ({splits}{tail})")


@contextmanager
def _alone(out: Path, say: Callable[[str], None], remedy: str) -> Iterator[None]:
    """Makes other processes that pack into the same folder wait; they find the store afterwards."""
    path = beside(out, ".packing.lock")
    lock = FileLock(path)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not can_lock(path):
            say(f"the disk of {out.parent} cannot lock files; let no other process pack into {out} meanwhile")
        elif multiprocessing.current_process().name != "MainProcess":
            # A worker that runs the user's unguarded script again must not wait for its own parent.
            lock.acquire(timeout=0)
        else:
            try:
                lock.acquire(timeout=PATIENCE)
            except Timeout:
                say(f"waiting for another process, which packs into {out}")
                lock.acquire(timeout=LONGEST_WAIT)
    except Timeout as error:
        raise DataError(f"{out} is being packed by another process; wait for it, or {remedy}") from error
    except OSError as error:
        raise DataError(f"{out.parent} cannot be written ({error.strerror}); {remedy}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _unwritable(out: Path, source: Source, error: OSError, remedy: str) -> DataError:
    height, width, channels = source.shape
    need = len(source.names) * height * width * channels / 2**20
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"{out} does not fit on its disk; free about {need:,.0f} MB, or {remedy}")
    return DataError(f"{out} cannot be written ({os.strerror(error.errno or 0)}); {remedy}")
