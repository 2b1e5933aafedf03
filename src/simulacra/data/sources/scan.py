"""The picture files below a folder: which of them belong to the data set, and how all of them are read."""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from simulacra.data.colours import (
    KINDS,
    Range,
    Scales,
    UnknownRange,
    joined,
    overshoots,
    parse_background,
    parse_values,
    range_of_files,
)
from simulacra.data.decode import DEEP_SUFFIXES, SUFFIXES, Picture, TooManyPixels, measure_depth, read_picture
from simulacra.data.sources.base import Options, Pictures, Settled
from simulacra.data.workers import read_all
from simulacra.errors import DataError
from simulacra.files import SHEET

# Folders of operating systems, file servers and editors, in lower case. Folders whose names start with a dot are too.
SYSTEM_FOLDERS = re.compile(
    r"__macosx|@eadir|@tmp|#recycle|#snapshot|@recycle|@recently-snapshot|\$recycle\.bin|recycler|recycled|lost\+found|"
    r"system volume information|network trash folder|temporary items|found\.000|_vti_cnf|__pycache__|node_modules"
)
# What to do about files that are pictures to a person and to no reader here: the remedy -> endings.
OTHER_KINDS = {
    "save them as JPEG or PNG": "jxl jxr wdp ico icns tga pcx dds exr hdr bpg flif qoi",
    "develop them to JPEG or PNG": "cr2 cr3 crw nef nrw arw sr2 srf srw dng orf rw2 raf pef raw 3fr erf mrw rwl x3f",
    "export them as PNG": "svg svgz psd psb xcf kra ai eps pdf cdr sketch afphoto clip pptx",
    "export their slices as PNG": "dcm dicom nii mha mhd nrrd czi lif nd2 svs ndpi fits fit",
    "cut them into single pictures": "mp4 mov avi mkv webm m4v wmv mpg mpeg flv 3gp mng",
    "unpack them": "zip tar gz tgz bz2 xz rar 7z zst",
    "pack them with: simulacra pack arrays PATH --out STORE": "npz npy",
    "write their pictures as PNG": "mat h5 hdf5 parquet arrow tfrecord lmdb mdb pkl pickle",
}
REMEDIES = {f".{ending}": remedy for remedy, endings in OTHER_KINDS.items() for ending in endings.split()}
# Tables: their endings, and the names of those whose endings others have too.
TABLES, NAMED_TABLES = (".csv", ".tsv"), ("metadata.jsonl", "dataset.json")
# What a file of the usual kinds starts with: such files without an ending are pictures too.
STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
PICKLE = b"\x80"  # as CIFAR's data_batch_1 does
# In a large folder so many of the newest PNG files are asked whether they are sheets.
ASKED = 200
# A sheet says so in a text that stands in these first bytes of its file.
HEAD = 1200

# Size in bytes and date in nanoseconds of a file.
Stamp = tuple[int, int]


@dataclass
class Scan:
    """What was found below a folder."""

    files: dict[str, Stamp]  # relative path -> size and date of each picture, in the order of the paths
    empty: list[str]  # folders without a picture that lie beside pictures, relative paths
    tables: list[str]  # tables that lie among the pictures, those in the folder itself first
    odd: dict[str, int]  # what was left out or met twice, as a sentence, and how often


class _Walk:
    """One walk over a folder; what it finds is in its attributes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Stamp] = {}
        self.sheets: dict[str, Stamp] = {}
        self.folders: list[str] = []
        self.tables: list[str] = []
        self.left_out: dict[str, tuple[str, int]] = {}  # why -> the first name, and how many there are
        self._met: set[tuple[int, int]] = set()

    def leave_out(self, why: str, name: str, count: int = 1) -> None:
        """Counts what is no picture of the data set."""
        if count:
            first, before = self.left_out.get(why, (name, 0))
            self.left_out[why] = first, before + count

    def odd(self) -> dict[str, int]:
        """What was left out: each reason with the first thing of its kind, a remedy at its end; and how often."""
        parts = {why: why.partition(";") for why in self.left_out}
        return {
            f"{parts[why][0]} (the first: {plain(first)}){''.join(parts[why][1:])}": count
            for why, (first, count) in self.left_out.items()
        }

    def enter(self, inside: str) -> Iterator[str]:
        """Takes the pictures of one folder, and gives the folders in it that are to be entered.

        Raises:
            OSError: the folder cannot be read.
        """
        here = (self.root / inside).stat()
        if (here.st_dev, here.st_ino) in self._met:
            self.leave_out("folders met a second time through a link and not entered", inside)
            return
        self._met.add((here.st_dev, here.st_ino))
        with os.scandir(self.root / inside) as entries:
            held = sorted(entries, key=lambda entry: entry.name)
        if inside and (what := kept_by_us({entry.name for entry in held})):
            self.leave_out(f"{what} of Simulacra left out", inside)
            return
        self.folders.append(inside)
        pictures = {}
        for entry in held:
            name = f"{inside}/{entry.name}".removeprefix("/")
            if _is_folder(entry):
                if entry.name.startswith(".") or SYSTEM_FOLDERS.fullmatch(entry.name.lower()):
                    self.leave_out("pictures in folders of the system left out", name, count_pictures(entry.path))
                else:
                    yield name
            elif (stamp := self._stamp_of(entry, name)) is not None:
                pictures[name] = stamp
        self._sort_out_sheets(pictures)

    def _stamp_of(self, entry: os.DirEntry[str], name: str) -> Stamp | None:
        """Size and date of a picture; None for a file that is none, or is to be left out."""
        ending = _ending(entry.name)
        if ending not in SUFFIXES:
            if ending in TABLES or entry.name in NAMED_TABLES:
                self.tables.append(name)
            if ending in REMEDIES and not entry.name.startswith("."):
                self.leave_out(f"{ending} files are not read; {REMEDIES[ending]}", name)
            elif not ending and Path(entry.path).is_file():
                start = _start_of(Path(entry.path), 4)
                if start.startswith(STARTS):
                    self.leave_out("pictures without an ending are not read; add .jpg or .png to their names", name)
                elif start.startswith(PICKLE):
                    self.leave_out("pickled Python objects are not opened; save their arrays with numpy.savez", name)
            return None
        if entry.name.startswith("."):
            self.leave_out("hidden pictures left out", name)
            return None
        try:
            found = entry.stat()
        except OSError:  # a broken link: listed as a bad picture when it is read
            return 0, 0
        if not stat.S_ISREG(found.st_mode):
            self.leave_out("pipes, sockets and devices left out", name)
            return None
        return found.st_size, found.st_mtime_ns

    def _sort_out_sheets(self, pictures: dict[str, Stamp]) -> None:
        """Keeps the pictures of one folder, and aside those among them that are sheets of ours."""
        pngs = [name for name in pictures if name.lower().endswith(".png")]
        newest = sorted(pngs, key=lambda name: pictures[name][1], reverse=True)[:ASKED]
        for name in newest:
            if names_software(self.root / name, SHEET):
                self.sheets[name] = pictures.pop(name)
        self.files |= pictures


def scan(root: Path) -> Scan:
    """Finds the pictures below a folder; reads no pixel.

    Links are followed. Left out and counted: folders of the system, our own runs, stores and sheets, files that are no
    regular files, folders that may not be read, and kinds of picture that are not read. Where every picture is a sheet
    of ours, sheets are what is meant, and they are taken.

    Raises:
        DataError: the folder itself cannot be read.
    """
    walk, waiting = _Walk(root), [""]
    while waiting:
        inside = waiting.pop()
        try:
            waiting += list(walk.enter(inside))
        except OSError as error:
            if not inside:
                raise DataError(f"{root} cannot be read ({error.strerror}); give a folder you may read") from error
            walk.leave_out(f"folders left out that may not be read ({error.strerror})", inside)
    if walk.files:
        for name in walk.sheets:
            walk.leave_out("sheets and figures of Simulacra left out", name)
    files = dict(sorted((walk.files or walk.sheets).items()))
    tables = sorted(walk.tables, key=lambda name: (name.count("/"), name))
    return Scan(files, _empty(walk.folders, files), tables, walk.odd())


def no_folder(path: Path) -> str:
    """What to do about a file that was named in the place of a folder."""
    ending = _ending(path.name)
    if ending in REMEDIES:
        return f"{path} is no folder, and {ending} files are not read; {REMEDIES[ending]}"
    return f"{path} is no folder; give the folder that holds the pictures"


def plain(text: str) -> str:
    """A name in the one Unicode form (NFC) in which names are compared and shown: macOS keeps another."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def kept_by_us(names: set[str]) -> str:
    """Which of our own things a folder is, by the names of the files in it; "" where it is none."""
    if "recipe.toml" in names and names & {"run.json", "metrics.jsonl", "checkpoints"}:
        return "run folders"
    if "store.json" in names and "images.npy" in names:
        return "stores"
    if "config.json" in names and "model.safetensors" in names:
        return "exported models"
    return ""


def names_software(path: Path, software: str) -> bool:
    """Whether a PNG file names this software in its text, as our sheets and figures (SHEET) and samples (SAMPLE) do."""
    return software.encode() in _start_of(path, HEAD)


def count_pictures(folder: str) -> int:
    """How many files below a folder are named like pictures."""
    return sum(_ending(name) in SUFFIXES for _, _, names in os.walk(folder) for name in names)


def _ending(name: str) -> str:
    """A file name's ending in lower case with its dot; "" where it has none. Faster than a Path's."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def _empty(folders: list[str], files: dict[str, Stamp]) -> list[str]:
    """The folders without a picture whose parent has some; not those inside them."""
    full = {""}
    for folder in {name.rpartition("/")[0] for name in files}:
        full |= {folder, *(str(parent) for parent in PurePosixPath(folder).parents)}
    return sorted(folder for folder in folders if folder not in full and folder.rpartition("/")[0] in full)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _start_of(path: Path, count: int) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


@dataclass(frozen=True)
class FileReader:
    """Reads a picture by its path inside a folder; picklable."""

    root: Path  # the folder
    size: tuple[int, int]  # wanted (width, height)
    crop: str  # as in `decode.parse_crop`
    grey: bool  # one channel instead of three
    background: str = "white"  # what transparent parts lie over
    most: int | None = None  # pixels that a picture may have; what Pillow calls safe by default
    scales: Scales | None = None  # ranges of values of more than 8 bits; None where `read_files` is to find them

    def __call__(self, name: str) -> Picture:
        """Raises DataError where the picture cannot be read."""
        form = self.root / name, self.size, self.crop, self.grey, self.most
        try:
            return read_picture(*form, background=self.background, scales=self.scales)
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
        deep = [reader.root / name for name in names if _ending(name) in DEEP_SUFFIXES]
        extents: dict[str, list[Range]] = {}
        for measured in read_all(partial(measure_depth, most=reader.most), deep, workers):
            if measured is not None and not isinstance(measured, DataError):
                extents.setdefault(measured[0], []).append(measured[1])
        reader = replace(reader, scales={kind: _scale(reader.root, kind, extents[kind]) for kind in extents})
    return read_all(reader, names, workers)


def _scale(root: Path, kind: str, extents: list[Range]) -> Range:
    """The range of one kind of value that a format states none for."""
    extent = joined(extents)
    scale = range_of_files(extent, kind == "float")
    if kind == "float" and overshoots(extent, scale):
        raise DataError(
            f"{root} has pictures with {KINDS[kind]} from {extent.low:g} to {extent.high:g}, nearer 0..1 than {scale}; "
            "state their range, like --values 0..1, and what lies beyond is cut off"
        )
    return scale
