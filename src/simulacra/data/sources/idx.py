"""The MNIST family: four idx files, gzipped or not. Format: http://yann.lecun.com/exdb/mnist/."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.decode import Picture, fit, parse_crop
from simulacra.data.sources.base import Options, Pictures, Settled, Source, evidence_of, identity_of, one_hot
from simulacra.data.splits import TEST, TRAIN
from simulacra.data.workers import attempt
from simulacra.errors import DataError

IMAGES, LABELS = 2051, 2049
BLOCK = 1 << 20
FILES = {
    (TRAIN, IMAGES): ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
    (TRAIN, LABELS): ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
    (TEST, IMAGES): ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "test-images-idx3-ubyte"),
    (TEST, LABELS): ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "test-labels-idx1-ubyte"),
}


class Named(NamedTuple):
    """A data set that is recognised by its test labels."""

    title: str
    classes: tuple[str, ...]
    licence: str | None


# SHA-256 of the 10,000 test labels. Xiao et al. 2017, Fashion-MNIST, arXiv:1708.07747.
KNOWN = {
    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9": Named(
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


def looks_like_idx(path: Path) -> bool:
    """Whether a folder holds the training images of an MNIST-like set."""
    return _find(path, FILES[TRAIN, IMAGES]) is not None


def open_idx(path: Path, options: Options) -> Source:
    """Checks the four files and reads the labels; the files are the splits train and test, and valid is empty.

    Raises:
        DataError: a file is missing, of another format, or cut short.
    """
    files = {part: _open_one(path, part) for part in FILES}
    parts = [(files[part, IMAGES], _labels(files[part, IMAGES], files[part, LABELS])) for part in (TRAIN, TEST)]
    classes = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    images = [file for file, _ in parts]
    height, width = images[0].shape[1:]
    if images[1].shape[1:] != (height, width):
        raise DataError(f"{images[1].path} holds pictures of another size than {images[0].path}; fetch them again")
    form = options.settled((width, height), 1, crop="none")
    named = KNOWN.get(hashlib.sha256(parts[1][1].tobytes()).hexdigest())
    count = max(10, int(classes.max(initial=0)) + 1)
    return Source(
        kind="idx",
        names=[
            f"{part}/{row}"
            for part, file in zip(("train", "test"), images, strict=True)
            for row in range(file.shape[0])
        ],
        shape=form.shape,
        pictures=partial(_pictures, images, form),
        labels=one_hot(classes, count),
        identity=identity_of("idx", form, evidence_of(*(file.path for file in files.values()))),
        label_names=named.classes if named else tuple(map(str, range(count))),
        exclusive=True,
        split=np.repeat(np.array([TRAIN, TEST], dtype=np.uint8), [file.shape[0] for file in images]),
        card={
            "title": named.title if named else path.resolve().name,
            "licence": named.licence if named else None,
            "notes": ["train and test as the files have them; no valid split"],
        },
    )


def _pictures(images: list[IdxFile], form: Settled, _workers: int | None) -> Pictures:
    crop = parse_crop(form.crop)

    def read(grey: NDArray[np.uint8]) -> Picture:
        height, width = grey.shape
        return Picture(fit(Image.fromarray(grey), form.size, crop, form.grey), (width, height))

    for file in images:
        count, height, width = file.shape
        with _stream(file.path) as stream:
            stream.read(file.offset)
            for _ in range(count):
                grey = np.frombuffer(stream.read(height * width), dtype=np.uint8).reshape(height, width)
                yield attempt(read, grey)


def _open_one(root: Path, part: tuple[int, int]) -> IdxFile:
    path = _find(root, FILES[part])
    if path is None:
        if not root.is_dir():
            raise DataError(f"{root} is no folder; give the folder that holds the four idx files")
        raise DataError(f"{root} lacks {FILES[part][0]}(.gz); put all four files of the MNIST family there")
    return _checked(path, magic=part[1])


def _checked(path: Path, magic: int) -> IdxFile:
    """Reads the header, and the rest once to check that the file is complete."""
    kind, dimensions = ("images", 3) if magic == IMAGES else ("labels", 1)
    offset = 4 + 4 * dimensions
    try:
        with _stream(path) as stream:
            header = np.frombuffer(stream.read(offset), dtype=">u4")
            if len(header) < 1 + dimensions or header[0] != magic:
                start = int(header[0]) if len(header) else "nothing"
                raise DataError(
                    f"{path} starts with {start}, but an idx file of {kind} starts with the magic number {magic}; "
                    "fetch the file again"
                )
            held = sum(len(block) for block in _blocks(stream))
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        raise DataError(f"{path} is damaged or cut short ({error}); fetch the file again") from error
    shape = tuple(int(side) for side in header[1:])
    promised = int(np.prod(shape, dtype=np.int64))
    if held != promised:
        raise DataError(
            f"{path} holds {held:,} bytes of {kind} where its header promises {promised:,}; fetch the file again"
        )
    return IdxFile(path, shape, offset)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def _labels(images: IdxFile, labels: IdxFile) -> NDArray[np.uint8]:
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{labels.path} has {labels.shape[0]:,} labels for the {images.shape[0]:,} pictures of {images.path.name}; "
            "fetch both files again"
        )
    with _stream(labels.path) as stream:
        stream.read(labels.offset)
        return np.frombuffer(stream.read(), dtype=np.uint8)


def _stream(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _find(root: Path, stems: tuple[str, ...]) -> Path | None:
    files = (root / f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz"))
    return next((file for file in files if file.is_file()), None)
