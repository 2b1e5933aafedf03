"""ImageStore: a packed data set on disk, mapped into memory.

A store is a folder:

    images.npy    (N, H, W, C) uint8, C is 1 (grey) or 3 (RGB)
    labels.npy    (N, K) uint8 in {0, 1}
    split.npy     (N,) uint8, an index into SPLITS
    factors.npy   (N, F) float32, the known factors of drawn pictures, if there are any
    names.json    N names, each picture's path or row in its source
    store.json    format, fingerprint, fingerprints, label_names, exclusive, factor_names, card; written last

A folder without store.json is not a store, so an interrupted packing is never used.
"""

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError
from simulacra.files import DAMAGED_ARRAYS, parse_json, read_npy, read_text

# Linux shortens a hint that is longer than the disk's read-ahead, which is seldom less than this.
HINT = 2**17
CAN_READ, CAN_HINT = hasattr(os, "preadv"), hasattr(os, "posix_fadvise")
FORMAT = 1
# Keys of store.json beside its format.
HEAD = {"fingerprint": str, "label_names": list, "exclusive": bool, "factor_names": list, "card": dict}
SPLITS = ("train", "valid", "test")
DIGITS = 16  # hexadecimal ones, of fingerprints of parts
PIECE = 256  # images that are read at once for a fingerprint


class _OpenFile:
    """The file of mapped images, open as long as this object lives: where rows begin, and their size in bytes.

    Args:
        images: (N, H, W, C) uint8, the whole of a file.
    """

    def __init__(self, images: np.memmap[Any, Any]) -> None:
        assert images.filename is not None, "the images are in a file"
        self.images, self.path = images, Path(images.filename)
        self.offset, self.size = images.offset, int(np.prod(images.shape[1:]))
        self.descriptor = os.open(self.path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


@dataclass(frozen=True, repr=False)
class ImageStore:
    """One packed data set."""

    path: Path  # its folder
    images: NDArray[np.uint8]  # (N, H, W, C) uint8, memory-mapped read-only
    labels: NDArray[np.uint8]  # (N, K) uint8 in {0, 1}; K may be 0
    label_names: tuple[str, ...]  # K names
    exclusive: bool  # True if every row of `labels` has exactly one 1 (classes), False for attributes
    split: NDArray[np.uint8]  # (N,) uint8, an index into SPLITS
    fingerprint: str  # hexadecimal hash of images, labels and split
    factors: NDArray[np.float32] | None = None  # (N, F) float32 generative factors of drawn pictures, or None
    factor_names: tuple[str, ...] = ()  # F names
    # Facts for people: source, options, counts, licence, notes. JSON values.
    card: dict[str, Any] = field(default_factory=dict)
    pictures: str = ""  # fingerprint of the images alone; empty where store.json, of an earlier version, has none
    # What a person calls the source of the labels, in messages: a table or pictures; the store's own path by default.
    labels_from: str = field(default="", compare=False)
    # The file of `images`, opened with them: where the store is deleted or packed anew, its images are still read.
    file: _OpenFile | None = field(default=None, compare=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def __repr__(self) -> str:
        """What it holds, in a line: a notebook shows it."""
        height, width, channels = self.shape
        kind, labels = "grey" if channels == 1 else "colour", "classes" if self.exclusive else "labels"
        parts = ", ".join(f"{len(self.rows(part)):,} {part}" for part in SPLITS)
        size = f"{len(self.images):,} {kind} images of {width}x{height}, {len(self.label_names)} {labels}"
        return f"<ImageStore {self.path}: {size}; {parts}>"

    @cached_property
    def names(self) -> list[str]:
        """Each picture's relative path or row number in its source.

        Raises:
            DataError: names.json is missing or damaged.
        """
        try:
            names = parse_json((self.path / "names.json").read_text("utf-8"))  # as large as there are pictures
        except (OSError, ValueError) as error:
            raise _damaged(self.path, error) from error
        if not isinstance(names, list) or len(names) != len(self.images):
            raise _damaged(self.path, f"names.json is no list of {len(self.images):,} names")
        return [str(name) for name in names]

    def rows(self, split: str) -> NDArray[np.int64]:
        """Indices of the images of one split, or of several that are joined like "valid+test", ascending."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(part) for part in split.split("+")]))

    def pixels(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """A copy of these rows' images, (n, H, W, C), read past the mapping, so that it keeps no page in memory.

        Raises:
            DataError: the file has become shorter than it was.
        """
        file = self._file
        if file is None:
            return self.images[rows]
        out = np.empty((len(rows), *self.shape), np.uint8)
        starts = (file.offset + rows * file.size).tolist()
        got = sum(os.preadv(file.descriptor, [into.data], start) for start, into in zip(starts, out, strict=True))
        if got != out.nbytes:
            raise DataError(f"{file.path} is cut short; pack the data again")
        return out

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Asks the system to fetch these rows' images from disk in the order of the file, if it can."""
        file = self._file
        if file is None or not CAN_HINT:
            return
        piece, starts = max(HINT, file.size), file.offset + rows * file.size
        for number in np.unique(np.concatenate([starts, starts + file.size - 1]) // piece).tolist():
            os.posix_fadvise(file.descriptor, number * piece, piece, os.POSIX_FADV_WILLNEED)

    @property
    def _file(self) -> _OpenFile | None:
        """The file that images are read from; None where these are other images, or the system cannot read so."""
        return self.file if self.file is not None and self.file.images is self.images else None

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Part -> its fingerprint: the pictures, which of them are in which split, and the labels.

        The first two are the same whatever the labels. Images of a store of an earlier version are read once for it.
        """
        head = (self.label_names, self.exclusive)
        return {
            "pictures": self.pictures or of_pictures(self.images),
            "split": digest(self.split),
            "labels": digest(head, self.labels),
        }

    def fingerprint_of(self, splits: Iterable[str], labels: tuple[str, ...] = (), *, factors: bool = False) -> str:
        """A fingerprint of the images of these splits, with these labels of theirs, and their factors where asked for.

        Raises:
            DataError: the store has no label of that name.
        """
        rows = self.rows("+".join(dict.fromkeys("+".join(splits).split("+"))))
        parts = [self.fingerprints["pictures"], labels, rows, self.labels[rows][:, self.columns(labels)]]
        parts += [self.factor_names, self.factors[rows]] if factors and self.factors is not None else []
        return digest(*parts)

    def columns(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """Indices of the labels with these names.

        Raises:
            DataError: the store has no label of that name.
        """
        for name in names:
            if name not in self.label_names:
                lacking = f"{self.labels_from or self.path} has no label {name!r}"
                raise DataError(f"{lacking} {remedy_for_label(self.label_names, packed=not self.labels_from)}")
        return np.array([self.label_names.index(name) for name in names], dtype=np.int64)


def remedy_for_label(there: Sequence[str], *, packed: bool) -> str:
    """What to do about a label that data lacks, behind "... has no label 'Male'".

    Args:
        there: names of the labels that it has.
        packed: whether a packed store was named, which takes no table any more.
    """
    if there:
        return f"(it has: {', '.join(there)}); choose among these with data.labels"
    give = "pack its pictures again with a table of labels" if packed else "give a table of labels"
    return f"(it has: none); {give}: --labels TABLE"


def digest(*parts: Any) -> str:
    """A fingerprint of arrays and JSON values."""
    content = hashlib.blake2b(digest_size=DIGITS // 2)
    for part in parts:
        content.update(part.tobytes() if isinstance(part, np.ndarray) else json.dumps(part).encode())
    return content.hexdigest()


def hasher() -> Any:
    """The hash that takes pixels, picture by picture, and then whatever else a whole store is known by."""
    return hashlib.blake2b(digest_size=DIGITS)


def of_pictures(images: NDArray[np.uint8]) -> str:
    """The fingerprint of images (N, H, W, C), read some at a time."""
    content = hasher()
    for start in range(0, len(images), PIECE):
        content.update(np.ascontiguousarray(images[start : start + PIECE]))
    return digest(content.hexdigest(), images.shape)


def is_store(path: Path) -> bool:
    """Whether a folder holds a finished store."""
    return (path / "store.json").is_file()


def open_store(path: Path) -> ImageStore:
    """Maps a store into memory without reading pixels.

    Raises:
        DataError: the folder holds no finished store, one of another format, or one whose files are damaged, missing
            or of other pictures than the rest.
    """
    if not is_store(path):
        folder = shlex.quote(str(path))
        out = shlex.quote(f"stores/{path.absolute().name}")
        remedy = f"pack its pictures: simulacra pack folder {folder} --out {out}"
        if not (path.is_dir() and any(path.iterdir())):
            remedy = f"pack pictures there, like: simulacra pack avatars --count 300 --out {folder}"
        raise DataError(f"{path} is no packed store (it has no store.json); {remedy}")
    try:
        head = _head(path)
        factors = read_npy(path / "factors.npy") if head["factor_names"] else None
        images = read_npy(path / "images.npy", mapped=True)
        store = ImageStore(
            path=path,
            images=images,
            labels=read_npy(path / "labels.npy"),
            label_names=tuple(map(str, head["label_names"])),
            exclusive=head["exclusive"],
            split=read_npy(path / "split.npy"),
            fingerprint=head["fingerprint"],
            factors=factors,
            factor_names=tuple(map(str, head["factor_names"])),
            card=head["card"],
            pictures=pictures_of(head),
            file=_OpenFile(images) if CAN_READ and isinstance(images, np.memmap) else None,
        )
        _check(store)
    except DAMAGED_ARRAYS as error:
        raise _damaged(path, error) from error
    return store


def _damaged(path: Path, why: object) -> DataError:
    return DataError(f"{path} is damaged ({why}); remove it and pack the data again")


def _head(path: Path) -> dict[str, Any]:
    """The content of store.json; ValueError if a key is missing."""
    head = parse_json(read_text(path / "store.json"))
    if not isinstance(head, dict):
        raise ValueError("store.json holds no table")
    if head.get("format") != FORMAT:
        raise DataError(
            f"{path}/store.json has format {head.get('format')}, this version reads {FORMAT}; pack the data again"
        )
    for key, kind in HEAD.items():
        if not isinstance(head.get(key), kind):
            raise ValueError(f"store.json has {head.get(key)!r} as {key}")
    return head


def pictures_of(head: dict[str, Any]) -> str:
    """The fingerprint of the images, out of store.json; empty where an earlier version wrote it."""
    parts = head.get("fingerprints")
    pictures = parts.get("pictures") if isinstance(parts, dict) else None
    return pictures if isinstance(pictures, str) else ""


def _check(store: ImageStore) -> None:
    """Raises ValueError if shapes and types of the arrays do not fit together."""
    images = store.images
    if images.ndim != 4 or images.shape[3] not in (1, 3) or images.dtype != np.uint8:
        raise ValueError(f"images.npy has shape {images.shape} and type {images.dtype}")
    count = len(images)
    due: list[tuple[str, NDArray[Any] | None, type, tuple[int, ...]]] = [
        ("labels.npy", store.labels, np.uint8, (count, len(store.label_names))),
        ("split.npy", store.split, np.uint8, (count,)),
        ("factors.npy", store.factors, np.float32, (count, len(store.factor_names))),
    ]
    for name, array, kind, shape in due:
        if array is not None and (array.shape != shape or array.dtype != kind):
            raise ValueError(
                f"{name} has shape {array.shape} and type {array.dtype} where {shape} and {kind.__name__} are due"
            )
