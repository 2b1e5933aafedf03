"""Writing a store's files, picture by picture, so that memory holds a few pictures and never the whole."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import Picture
from simulacra.data.sources.base import Source
from simulacra.data.splits import split_by_content
from simulacra.data.store import FORMAT, SPLITS
from simulacra.errors import DataError

# Called with (pictures done, pictures in all).
Progress = Callable[[int, int], None]


@dataclass
class _Tally:
    """What is kept of the pictures that went by: which, their hashes, their first sizes, and those that were bad."""

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
        folder: where to.
        tolerated: how many pictures may be bad.
        progress: called with (pictures done, pictures in all).
        workers: processes that read.

    Raises:
        DataError: more bad pictures than tolerated, or none that is good.
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
    """Writes the good pictures as they come; a good one is on its way to the disk before the next is read."""
    tally = _Tally()
    with path.open("wb") as file:
        _write_header(file, (len(source.names), *source.shape))
        for row, picture in enumerate(source.pictures(workers)):
            if isinstance(picture, Picture):
                _keep(tally, row, picture, file)
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


def _keep(tally: _Tally, row: int, picture: Picture, file: IO[bytes]) -> None:
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
