"""What a source of pictures gives: names, labels, facts for people, and pixels when they are read."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import Picture, parse_crop, parse_size
from simulacra.errors import DataError, nearest
from simulacra.files import expand

# Each picture in order; if it cannot be read, a DataError in its place.
Pictures = Iterator[Picture | DataError]


@dataclass(frozen=True)
class Options:
    """The options of a source; with None the source decides."""

    size: tuple[int, int] | None = None  # (width, height) of the packed pictures
    channels: int | None = None  # 1 (grey) or 3 (RGB)
    crop: str | None = None  # `center`, `none` or `LEFT,TOP,RIGHT,BOTTOM`
    labels: Path | None = None  # a table of attributes or classes (folder)
    classes: str | None = None  # `folders`, to take folders for classes, or `none` (folder)
    split: str | None = None  # `folder`, to take folders for the split, or `random` (folder)
    columns: tuple[str, ...] | None = None  # those of the table that are read, all by default (folder)
    # What an empty cell of the table means: `0`, `1`, or `drop` for a row that is left out (folder).
    missing: str | None = None
    unknown: str | None = None  # the same of -1 in a column that also has 0 (folder)
    factors: tuple[str, ...] | None = None  # columns of numbers that are kept as factors (folder)
    count: int | None = None  # number of pictures to draw (avatars)
    seed: int | None = None  # decides which pictures are drawn (avatars)
    layout: str | None = None  # `NHWC` or `NCHW` (arrays)
    # Which value is black and which is white, as `LOW..HIGH` (arrays, and files of more than 8 bits).
    values: str | None = None
    background: str | None = None  # the colour that transparent parts lie over (folder, arrays)
    max_pixels: int | None = None  # the largest number of pixels that a picture may have (folder, celeba)
    source: str | None = None  # which source reads what `--data` names, where that would be taken for another
    keep_going: bool = False  # whether however many pictures that cannot be read are left out

    def settled(self, size: tuple[int, int], channels: int, crop: str = "center") -> "Settled":
        """Size, channels and crop: those of the user, or else those of the source.

        Raises:
            DataError: the channels are neither 1 nor 3, or the crop is not understood.
        """
        settled = Settled(self.size or size, self.channels or channels, self.crop or crop)
        if settled.channels not in (1, 3):
            raise DataError(f"channels is {settled.channels}, but a picture has 1 (grey) or 3 (colour)")
        parse_crop(settled.crop)
        return settled

    def given(self) -> dict[str, Any]:
        """The options that were set and change what is packed, as JSON values."""
        values = {key: value.name if isinstance(value, Path) else value for key, value in self._set().items()}
        return {key: value for key, value in values.items() if key not in ("source", "keep_going")}

    def words(self) -> dict[str, Any]:
        """The options that were set, as `read_options` takes them from anywhere: with whole paths."""
        values = self._set() | {"grey": self.channels == 1}
        words = {key: str(value.absolute()) if isinstance(value, Path) else value for key, value in values.items()}
        return {key: value for key, value in words.items() if key not in ("size", "channels") and value is not False}

    def with_others(self, others: "Options | None") -> "Options":
        """These options, of which those that are set in the others are replaced."""
        given = {} if others is None else {key: getattr(others, key) for key in others._set()}
        return replace(self, **given)

    def _set(self) -> dict[str, Any]:
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in vars(self).items()
            if value is not None and value is not False
        }


# What an option of the Python API may be, beside None; the command line gives the same, but lists as words.
WORDS: dict[str, tuple[tuple[type, ...], str]] = {
    "size": ((int, str), "64 or 'WIDTHxHEIGHT'"),
    "labels": ((str, Path), "the path of a table"),
    **dict.fromkeys(("columns", "factors"), ((str, tuple, list), "names of columns, like 'A,B' or ['A', 'B']")),
    **dict.fromkeys(("count", "seed", "max_pixels"), ((int,), "a whole number")),
    **dict.fromkeys(("grey", "keep_going"), ((bool,), "True or False")),
    **dict.fromkeys(("missing", "unknown"), ((int, str), "0, 1 or 'drop'")),
    **dict.fromkeys(
        ("crop", "classes", "split", "layout", "values", "background", "source"),
        ((str,), "words as on the command line, like crop='0,0,178,178'"),
    ),
}


def read_options(**given: Any) -> Options:
    """Options from the words of a command line or the arguments of the Python API; None leaves an option open.

    Args:
        given: attributes of `Options`, and `grey` in the place of `channels`.

    Raises:
        DataError: no option is called so, or a value is of another type.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in WORDS:
            raise DataError(f"{name} is not an option of a source; {nearest(name, WORDS)}")
        if value is None:
            continue
        types, expected = WORDS[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise DataError(f"{name} = {value!r}: expected {expected}")
        if name == "size":
            read["size"] = parse_size(str(value))
        elif name == "grey":
            read["channels"] = 1 if value else None
        elif name == "labels":
            read["labels"] = expand(str(value))
        elif name in ("columns", "factors"):
            words = value.split(",") if isinstance(value, str) else given[name]
            read[name] = tuple(str(word).strip() for word in words)
        else:
            read[name] = str(value) if name in ("missing", "unknown") else value
    return Options(**read)


class Settled(NamedTuple):
    """The form of every picture of a source."""

    size: tuple[int, int]  # (width, height)
    channels: int  # 1 or 3
    crop: str  # as in `parse_crop`

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.size[1], self.size[0], self.channels

    @property
    def grey(self) -> bool:
        """Whether pictures have one channel."""
        return self.channels == 1


@dataclass(frozen=True)
class Source:
    """A data set that was found, with all facts but its pixels."""

    kind: str  # its key in SOURCES
    names: list[str]  # N names, each picture's path or row in the source
    shape: tuple[int, int, int]  # (H, W, C) of every picture
    # Number of reading processes -> the N pictures in order; None takes one process per core.
    pictures: Callable[[int | None], Pictures]
    labels: NDArray[np.uint8]  # (N, K) uint8 in {0, 1}
    identity: str  # a hash that changes whenever the packed store would change
    label_names: tuple[str, ...] = ()  # K names
    exclusive: bool = False  # True if every row of `labels` has exactly one 1
    split: NDArray[np.uint8] | None = None  # (N,) uint8, the source's own, or None
    factors: NDArray[np.float32] | None = None  # (N, F) float32, or None
    factor_names: tuple[str, ...] = ()  # F names
    card: dict[str, Any] = field(default_factory=dict)  # source, options, licence, notes; JSON values
    odd: dict[str, int] = field(default_factory=dict)  # a sentence for each odd thing -> how often it was met


class Kind(NamedTuple):
    """One row of SOURCES: how to open a source, and the options that it takes."""

    open: Callable[[Path, Options], Source]
    takes: frozenset[str]


MOST_LABELS = 2**28  # of all pictures together: a thousand classes of 268,000 pictures
# Raised when the same folder, table or arrays come to mean something else: stores of before are packed anew.
MEANING = 2


def identity_of(kind: str, form: Settled, *evidence: object) -> str:
    """A hexadecimal hash of a source's form and of evidence of its content: names, sizes and dates of files."""
    text = json.dumps([kind, form, *evidence], default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def evidence_of(*files: Path) -> list[tuple[str, int, int]]:
    """Path, size and date of files, by which a changed file is recognised without reading it."""
    return [(str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def one_hot(classes: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """(N, count) uint8 exclusive labels from (N,) class indices in [0, count).

    Raises:
        DataError: there are so many classes that their labels would fill the memory.
    """
    if len(classes) * count > MOST_LABELS:
        many = f"{count:,} classes of {len(classes):,} pictures"
        raise DataError(f"{many} are more than a model can be trained with; give classes that many pictures share")
    labels = np.zeros((len(classes), count), np.uint8)
    labels[np.arange(len(classes)), classes] = 1
    return labels


def describe(
    label_names: Sequence[str],
    labels: NDArray[np.uint8],
    exclusive: bool,
    origin: str,
    factor_names: Sequence[str] = (),
) -> str:
    """What a data set says of its pictures, in words: 2 classes from column kind: cat 30, dog 30; 1 factor (size).

    Args:
        label_names: K names.
        labels: (N, K) uint8 in {0, 1}.
        exclusive: whether the labels are classes.
        origin: where classes are from.
        factor_names: F names.
    """
    parts = []
    if exclusive:
        counts = [f"{name} {count:,}" for name, count in zip(label_names, labels.sum(0, dtype=np.int64), strict=True)]
        parts.append(f"{len(label_names)} classes from {origin}: {some(counts)}")
    for what, names in (("attribute", () if exclusive else label_names), ("factor", factor_names)):
        if names:
            parts.append(f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({some(names)})")
    return "; ".join(parts)


def some(words: Sequence[str], most: int = 8) -> str:
    """The first few of several words."""
    return ", ".join(words[:most]) + (f" and {len(words) - most:,} more" if len(words) > most else "")
