"""Reads the picture files of a folder; all deep pictures of the folder share one range of values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from simulacra.data.colours import KINDS, Scales, UnknownRange, parse_background
from simulacra.data.decode import DEEP_SUFFIXES, Picture, TooManyPixels, measure_depth, read_picture
from simulacra.data.sources.base import Options, Pictures, Settled
from simulacra.data.values import Range, joined, overshoots, parse_values, range_of_files
from simulacra.data.workers import read_all
from simulacra.errors import DataError


@dataclass(frozen=True)
class FileReader:
    """Reads a picture by its path inside a folder; picklable.

    Attributes:
        root: the folder.
        size: wanted (width, height).
        crop: as in `decode.parse_crop`.
        grey: one channel instead of three.
        background: what transparent parts lie over.
        most: pixels that a picture may have; what Pillow calls safe by default.
        scales: ranges of values of more than 8 bits; None where `read_files` is to find them.
    """

    root: Path
    size: tuple[int, int]
    crop: str
    grey: bool
    background: str = "white"
    most: int | None = None
    scales: Scales | None = None

    def __call__(self, name: str) -> Picture:
        """Raises DataError where the picture cannot be read."""
        try:
            return read_picture(
                *(self.root / name, self.size, self.crop, self.grey, self.most),
                background=self.background,
                scales=self.scales,
            )
        except UnknownRange as error:
            raise DataError(f"{error}; state it: --values LOW..HIGH") from error
        except TooManyPixels as error:
            raise DataError(f"{error}; if you trust the file, state --max-pixels {error.pixels}") from error


def reader_of(root: Path, form: Settled, options: Options) -> FileReader:
    """How the files of a folder are read.

    Raises:
        DataError: the options name no colour, no range or no number of pixels.
    """
    background = options.background or "white"
    parse_background(background)
    if options.max_pixels is not None and options.max_pixels < 1:
        raise DataError(f"max-pixels is {options.max_pixels}; it is the number of pixels that a picture may have")
    scales = None if options.values is None else dict.fromkeys(KINDS, parse_values(options.values))
    return FileReader(root, form.size, form.crop, form.grey, background, options.max_pixels, scales)


def read_files(reader: FileReader, names: Sequence[str], workers: int | None = None) -> Pictures:
    """Reads each file, in order. If no range is stated for deep pictures, their values are measured first.

    Args:
        reader: reads one file.
        names: paths inside its folder.
        workers: processes, as in `read_all`.

    Raises:
        DataError: floats overshoot their usual range by so little that it has to be stated.
    """
    if reader.scales is None:
        deep = [name for name in names if PurePosixPath(name).suffix.lower() in DEEP_SUFFIXES]
        reader = replace(reader, scales=_scales(reader, deep, workers))
    return read_all(reader, names, workers)


def _scales(reader: FileReader, names: Sequence[str], workers: int | None) -> Scales:
    """The range of each kind of value that a format states none for."""
    extents: dict[str, list[Range]] = {}
    for measured in read_all(partial(_measure, reader.root, reader.most), names, workers):
        if measured is not None and not isinstance(measured, DataError):
            extents.setdefault(measured[0], []).append(measured[1])
    scales = {}
    for kind, parts in extents.items():
        extent = joined(parts)
        scales[kind] = range_of_files(extent, kind == "float")
        if kind == "float" and overshoots(extent, scales[kind]):
            raise DataError(
                f"{reader.root} has pictures with {KINDS[kind]} from {extent.low:g} to {extent.high:g}, nearer 0..1 "
                f"than {scales[kind]}; state their range, like --values 0..1, and what lies beyond is cut off"
            )
    return scales


def _measure(root: Path, most: int | None, name: str) -> tuple[str, Range] | None:
    return measure_depth(root / name, most)
