"""The MNIST family: four idx files, gzipped or not. Format: http://yann.lecun.com/exdb/mnist/."""

import gzip
import hashlib
import math
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import fit, parse_crop
from simulacra.data.sources.base import Options, Pictures, Settled, Source, describe, evidence_of, identity_of, one_hot
from simulacra.data.splits import TEST, TRAIN
from simulacra.data.workers import attempt
from simulacra.errors import DataError
from simulacra.files import is_bomb

IMAGES, LABELS = 2051, 2049
BLOCK = 1 << 20
# `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`, `emnist-letters-test-images-idx3-ubyte`.
NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<split>train|t10k|test)[-_.](?P<what>images|labels)[-_.]idx[13][-_.]ubyte(?:\.gz)?",
    re.IGNORECASE,
)
PARTS = {
    (TRAIN, IMAGES): "train-images-idx3-ubyte",
    (TRAIN, LABELS): "train-labels-idx1-ubyte",
    (TEST, IMAGES): "t10k-images-idx3-ubyte",
    (TEST, LABELS): "t10k-labels-idx1-ubyte",
}
# Where downloads are unpacked, below the folder that a person names: by torchvision, by EMNIST's archive.
PLACES = ("raw", "gzip", "*/raw", "*/gzip")
# Cohen et al. 2017, EMNIST: an extension of MNIST to handwritten letters, arXiv:1702.05373.
EMNIST = "emnist"


# SHA-256 of the 10,000 test labels -> title, classes, licence. Xiao et al. 2017, Fashion-MNIST, arXiv:1708.07747.
KNOWN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9": (
        "Fashion-MNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        "MIT (Zalando SE)",
    )
}


class IdxFile(NamedTuple):
    """One checked idx file: its path, its dimensions, and where its bytes start."""

    path: Path
    shape: tuple[int, ...]
    offset: int

    @contextmanager
    def content(self) -> Iterator[IO[bytes]]:
        """The file, opened behind its header."""
        with _stream(self.path) as stream:
            stream.read(self.offset)
            yield stream


class Set(NamedTuple):
    """Files of one set: where they lie, what stands before `train` in their names, and the path of each of PARTS."""

    place: Path
    prefix: str
    files: dict[tuple[int, int], Path]


def looks_like_idx(path: Path) -> bool:
    """Whether a path holds the training images of an MNIST-like set, or is such a file."""
    return any((TRAIN, IMAGES) in found.files for found in _sets(path))


def open_idx(path: Path, options: Options) -> Source:
    """Checks the four files and reads the labels; train and test are the files' own, and there is no valid.

    Raises:
        DataError: a file is missing, of another format, or cut short, or there are several sets.
    """
    chosen = _one_set(path)
    files = {part: _open_one(chosen, part) for part in PARTS}
    images = [files[part, IMAGES] for part in (TRAIN, TEST)]
    labels = [_labels(files[part, IMAGES], files[part, LABELS]) for part in (TRAIN, TEST)]
    height, width = images[0].shape[1:]
    if images[1].shape[1:] != (height, width):
        raise DataError(f"{images[1].path} holds pictures of another size than {images[0].path}; fetch them again")
    form = options.settled((width, height), 1, crop="none")
    title, names, licence = KNOWN.get(hashlib.sha256(labels[1].tobytes()).hexdigest(), (None, (), None))
    classes = np.concatenate(labels).astype(np.int64)
    if not names:
        names, classes = _classes(chosen, classes)
    hot = one_hot(classes, len(names))
    notes = [describe(names, hot, True, "the labels"), "train and test as the files have them; no valid split"]
    lying = chosen.prefix.lower().startswith(EMNIST)
    if lying:
        notes.append("EMNIST's pictures lie on their side in its files, and were turned")
    counts = [file.shape[0] for file in images]
    return Source(
        kind="idx",
        names=[f"{part}/{row}" for part, count in zip(("train", "test"), counts, strict=True) for row in range(count)],
        shape=form.shape,
        pictures=partial(_pictures, images, form, lying),
        labels=hot,
        identity=identity_of("idx", form, evidence_of(*(file.path for file in files.values()))),
        label_names=names,
        exclusive=True,
        split=np.repeat(np.array([TRAIN, TEST], dtype=np.uint8), counts),
        card={"title": title or chosen.prefix or path.resolve().name, "licence": licence, "notes": notes},
    )


def _classes(found: Set, labels: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the classes, and the index of each label's among them.

    EMNIST's labels may start at 1, and a table beside them says which characters each stands for.
    """
    table = found.place / f"{found.prefix}-mapping.txt"
    if not (found.prefix.lower().startswith(EMNIST) and table.is_file()):
        return tuple(map(str, range(max(10, int(labels.max(initial=0)) + 1)))), labels
    try:
        rows = sorted([int(cell) for cell in line.split()] for line in table.read_text("ascii").splitlines() if line)
        names = {label: "".join(map(chr, characters)) for label, *characters in rows}
    except ValueError as error:
        raise DataError(f"{table} is no list of labels and characters ({error}); fetch it again") from error
    if not set(np.unique(labels).tolist()) <= names.keys():
        raise DataError(f"{table} lacks label {int((set(labels.tolist()) - names.keys()).pop())}; fetch it again")
    return tuple(names.values()), np.searchsorted(np.array(list(names)), labels)


def _pictures(images: list[IdxFile], form: Settled, lying: bool, _workers: int | None) -> Pictures:
    read = partial(fit, size=form.size, crop=parse_crop(form.crop), grey=form.grey)
    for file in images:
        count, height, width = file.shape
        with file.content() as stream:
            for _ in range(count):
                grey = np.frombuffer(stream.read(height * width), dtype=np.uint8).reshape(height, width)
                yield attempt(read, (grey.T if lying else grey)[:, :, None])


def _open_one(found: Set, part: tuple[int, int]) -> IdxFile:
    if part not in found.files:
        name = f"{found.prefix}-{PARTS[part]}".removeprefix("-")
        raise DataError(f"{found.place} lacks {name}(.gz); put all four files of the MNIST family there")
    return _checked(found.files[part], magic=part[1])


def _checked(path: Path, magic: int) -> IdxFile:
    """Reads the header, and the rest once to see that it is all there."""
    kind, dimensions = ("images", 3) if magic == IMAGES else ("labels", 1)
    offset = 4 + 4 * dimensions
    try:
        with _stream(path) as stream:
            start = stream.read(offset)
            header = np.frombuffer(start[: len(start) // 4 * 4], dtype=">u4")
            if len(header) < 1 + dimensions or header[0] != magic:
                found = f"starts with {int(header[0]) if len(header) else 'nothing'}"
                due = f"an idx file of {kind} starts with the magic number {magic}"
                raise DataError(f"{path} {found}, but {due}; fetch the file again")
            shape = tuple(int(side) for side in header[1:])
            promised = math.prod(shape)
            _check_promise(path, shape, promised)
            held = 0
            while held <= promised and (block := stream.read(BLOCK)):
                held += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        raise DataError(f"{path} is damaged or cut short ({error}); fetch the file again") from error
    if held != promised:
        found = f"holds {held:,} bytes" if held < promised else "holds more bytes"
        raise DataError(f"{path} {found} of {kind} where its header promises {promised:,}; fetch the file again")
    return IdxFile(path, shape, offset)


def _check_promise(path: Path, shape: tuple[int, ...], promised: int) -> None:
    """Refuses pictures without a pixel, and a file that was made to fill a disk, before it is read."""
    if 0 in shape[1:]:
        raise DataError(f"{path} has pictures of {shape[2]}x{shape[1]} pixels; fetch the file again")
    if path.suffix == ".gz" and is_bomb(promised, packed := path.stat().st_size):
        what = f"unpacks to {promised / 1e9:,.1f} GB, {promised // packed:,} times its size, as no pictures do"
        raise DataError(f"{path} {what}; if you trust the file, unpack it with gunzip")


def _labels(images: IdxFile, labels: IdxFile) -> NDArray[np.uint8]:
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{labels.path} has {labels.shape[0]:,} labels for the {images.shape[0]:,} pictures of {images.path.name}; "
            "fetch both files again"
        )
    with labels.content() as stream:
        return np.frombuffer(stream.read(), dtype=np.uint8)


def _stream(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _one_set(path: Path) -> Set:
    """The set that a path means: the one below a folder, or the one that a file belongs to."""
    sets = _sets(path)
    if len(sets) == 1:
        return sets[0]
    if sets:
        first, *others = (found.files[min(found.files)] for found in sets)
        shown = ", ".join(file.name if file.parent == first.parent else str(file) for file in others)
        raise DataError(
            f"{path} holds {len(sets)} sets; give the training images of one of them, as {first} (the others: {shown})"
        )
    if not path.is_dir():
        raise DataError(f"{path} is no folder; give the folder that holds the four idx files")
    return Set(path, "", {})


def _sets(path: Path) -> list[Set]:
    """All sets below a folder; or the one that a file is part of."""
    own = NAME.fullmatch(path.name) if path.is_file() else None
    if own is None and not path.is_dir():
        return []
    found: dict[tuple[Path, str], dict[tuple[int, int], Path]] = {}
    folders = [path.parent] if own else [path, *(folder for place in PLACES for folder in sorted(path.glob(place)))]
    for folder in folders:
        for name in _names_in(folder):
            match = NAME.fullmatch(name)
            if match is None or (own and match["set"] != own["set"]):
                continue
            part = TRAIN if match["split"].lower() == "train" else TEST
            what = IMAGES if match["what"].lower() == "images" else LABELS
            # Sorted, so that a plain file comes before the same one in .gz.
            found.setdefault((folder, match["set"]), {}).setdefault((part, what), folder / name)
    return [Set(folder, prefix, files) for (folder, prefix), files in found.items()]


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:  # no folder, or one that may not be read
        return []
