"""What a source of pictures gives: names, labels, facts for people, and pixels when they are read."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
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
    """The options of a source; with None the source decides.

    Attributes:
        size: (width, height) of the packed pictures.
        channels: 1 (grey) or 3 (RGB).
        crop: `center`, `none` or `LEFT,TOP,RIGHT,BOTTOM`.
        labels: a table of attributes or classes (folder).
        classes: `folders`, to take folders for classes, or `none` (folder).
        split: `folder`, to take folders for the split, or `random` (folder).
        columns: those of the table that are read, all by default (folder).
        missing: what an empty cell of the table means: `0`, `1`, or `drop` for a row that is left out (folder).
        unknown: the same of -1 in a column that also has 0 (folder).
        factors: columns of numbers that are kept as factors (folder).
        count: number of pictures to draw (avatars).
        seed: decides which pictures are drawn (avatars).
        layout: `NHWC` or `NCHW` (arrays).
        values: which value is black and which is white, as `LOW..HIGH` (arrays, and files of more than 8 bits).
        background: the colour that transparent parts lie over (folder, arrays).
        max_pixels: the largest number of pixels that a picture may have (folder, celeba).
        source: which source reads what `--data` names, where that would be taken for another.
        keep_going: whether however many pictures that cannot be read are left out.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    crop: str | None = None
    labels: Path | None = None
    classes: str | None = None
    split: str | None = None
    columns: tuple[str, ...] | None = None
    missing: str | None = None
    unknown: str | None = None
    factors: tuple[str, ...] | None = None
    count: int | None = None
    seed: int | None = None
    layout: str | None = None
    values: str | None = None
    background: str | None = None
    max_pixels: int | None = None
    source: str | None = None
    keep_going: bool = False

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
        return {
            key: value.name if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value is not None and key not in ("source", "keep_going")
        }

    def with_others(self, others: "Options | None") -> "Options":
        """These options, of which those that are set in the others are replaced."""
        others = others or Options()
        given = {
            key: value for key, value in vars(others or Options()).items() if value is not None and value is not False
        }
        return replace(self, **given)

    def words(self) -> dict[str, Any]:
        """The options that were set, as `read_options` takes them from anywhere: with whole paths."""
        given = asdict(self) | {"grey": self.channels == 1, "size": None, "channels": None}
        return {
            key: str(value.absolute())
            if isinstance(value, Path)
            else list(value)
            if isinstance(value, tuple)
            else value
            for key, value in given.items()
            if value is not None and value is not False
        }


# What an option of the Python API may be, beside None; the command line gives the same, but lists as words.
WORDS: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("size",), ((int, str), "64 or 'WIDTHxHEIGHT'")),
    **dict.fromkeys(("labels",), ((str, Path), "the path of a table")),
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
            words = value.split(",") if isinstance(value, str) else list(given[name])
            read[name] = tuple(str(word).strip() for word in words)
        else:
            read[name] = str(value) if name in ("missing", "unknown") else value
    return Options(**read)


class Settled(NamedTuple):
    """The form of every picture of a source.

    Attributes:
        size: (width, height).
        channels: 1 or 3.
        crop: as in `parse_crop`.
    """

    size: tuple[int, int]
    channels: int
    crop: str

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
    """A data set that was found, with all facts but its pixels.

    Attributes:
        kind: its key in SOURCES.
        names: N names, each picture's path or row in the source.
        shape: (H, W, C) of every picture.
        pictures: number of reading processes -> the N pictures in order; None takes one process per core.
        labels: (N, K) uint8 in {0, 1}.
        label_names: K names.
        exclusive: True if every row of `labels` has exactly one 1.
        split: (N,) uint8, the source's own, or None.
        factors: (N, F) float32, or None.
        factor_names: F names.
        card: source, options, licence, notes; JSON values.
        odd: a sentence for each odd thing -> how often it was met.
        identity: a hash that changes whenever the packed store would change.
    """

    kind: str
    names: list[str]
    shape: tuple[int, int, int]
    pictures: Callable[[int | None], Pictures]
    labels: NDArray[np.uint8]
    identity: str
    label_names: tuple[str, ...] = ()
    exclusive: bool = False
    split: NDArray[np.uint8] | None = None
    factors: NDArray[np.float32] | None = None
    factor_names: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    odd: dict[str, int] = field(default_factory=dict)


class Kind(NamedTuple):
    """One row of SOURCES: how to open a source, and the options that it takes."""

    open: Callable[[Path, Options], Source]
    takes: frozenset[str]


def identity_of(kind: str, form: Settled, *evidence: object) -> str:
    """A hexadecimal hash of a source's form and of evidence of its content: names, sizes and dates of files."""
    text = json.dumps([kind, form, *evidence], default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def evidence_of(*files: Path) -> list[tuple[str, int, int]]:
    """Path, size and date of files, by which a changed file is recognised without reading it."""
    return [(str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def no_labels(count: int) -> NDArray[np.uint8]:
    """The (count, 0) labels of an unlabelled source."""
    return np.zeros((count, 0), dtype=np.uint8)


def one_hot(classes: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """(N, count) uint8 exclusive labels from (N,) class indices in [0, count)."""
    return np.eye(count, dtype=np.uint8)[classes] if len(classes) else np.zeros((0, count), dtype=np.uint8)
