"""What a source of pictures is: names, pixels when asked for, labels, and what a person should know."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import Picture, parse_crop
from simulacra.errors import DataError

# Each picture in order, or in its place the reason why it cannot be read.
Pictures = Iterator[Picture | DataError]


@dataclass(frozen=True)
class Options:
    """What a user may ask of a source; None leaves the choice to the source.

    Attributes:
        size: (width, height) of the packed pictures.
        channels: 1 (grey) or 3 (RGB).
        crop: `center`, `none` or `LEFT,TOP,RIGHT,BOTTOM`.
        labels: a table of attributes (folder).
        count: how many pictures to make (avatars).
        seed: which ones (avatars).
        layout: `NHWC` or `NCHW` (arrays).
        values: which value is black and which is white, as `LOW..HIGH` (arrays; files of more than 8 bits).
        background: the colour that transparent parts lie over (folder, arrays).
        max_pixels: pixels that one picture may have (folder).
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    crop: str | None = None
    labels: Path | None = None
    count: int | None = None
    seed: int | None = None
    layout: str | None = None
    values: str | None = None
    background: str | None = None
    max_pixels: int | None = None

    def settled(self, size: tuple[int, int], channels: int, crop: str = "center") -> "Settled":
        """Size, channels and crop as asked for, or the source's own.

        Raises:
            DataError: the channels are neither 1 nor 3, or the crop is not understood.
        """
        settled = Settled(self.size or size, self.channels or channels, self.crop or crop)
        if settled.channels not in (1, 3):
            raise DataError(f"channels is {settled.channels}, but a picture has 1 (grey) or 3 (colour)")
        parse_crop(settled.crop)
        return settled

    def given(self) -> dict[str, Any]:
        """The options that were set, as JSON values."""
        return {
            key: value.name if isinstance(value, Path) else value
            for key, value in asdict(self).items()
            if value is not None
        }


class Settled(NamedTuple):
    """How every picture of a source will come: no option left open.

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
        """Whether there is one channel."""
        return self.channels == 1


@dataclass(frozen=True)
class Source:
    """A data set that was found and understood, its pixels still unread.

    Attributes:
        kind: its key in SOURCES.
        names: N names, each picture's place in the source.
        shape: (H, W, C) of every picture to come.
        pictures: workers -> the N pictures in order; None leaves the number of processes to the machine.
        labels: (N, K) uint8 in {0, 1}.
        label_names: K names.
        exclusive: True where every row of `labels` has exactly one 1.
        split: (N,) uint8, the source's own, or None.
        factors: (N, F) float32, or None.
        factor_names: F names.
        card: source, options, licence, notes; JSON values.
        odd: what was odd, as a sentence, and how often.
        identity: changes whenever the packed store would.
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
    """A hexadecimal hash of a source's form and of the evidence (file names, sizes, dates) for its content."""
    text = json.dumps([kind, form, *evidence], default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def evidence_of(*files: Path) -> list[tuple[str, int, int]]:
    """Path, size and date of files: what tells a changed file from an unchanged one without reading it."""
    return [(str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def no_labels(count: int) -> NDArray[np.uint8]:
    """The (count, 0) labels of an unlabelled source."""
    return np.zeros((count, 0), dtype=np.uint8)


def one_hot(classes: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """(N, count) uint8 exclusive labels from (N,) class indices in [0, count)."""
    return np.eye(count, dtype=np.uint8)[classes] if len(classes) else np.zeros((0, count), dtype=np.uint8)
