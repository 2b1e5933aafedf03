"""A folder of pictures, nested as it may be, with a table of attributes or with classes as subfolders."""

import shlex
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import SPARE, SUFFIXES, Picture, read_picture
from simulacra.data.sources.base import Options, Source, evidence_of, identity_of
from simulacra.data.sources.layout import read_layout
from simulacra.data.sources.scan import Scan, plain, scan
from simulacra.data.tables import read_table
from simulacra.data.workers import read_all
from simulacra.errors import DataError

SIZE = (64, 64)
TABLES = ("*.csv", "*.tsv", "metadata.jsonl", "dataset.json")


@dataclass(frozen=True)
class FileReader:
    """Reads a picture by its path inside a folder; picklable."""

    root: Path
    size: tuple[int, int]
    crop: str
    grey: bool

    def __call__(self, name: str) -> Picture:
        """Raises DataError where the picture cannot be read."""
        return read_picture(self.root / name, self.size, self.crop, self.grey)


def open_folder(path: Path, options: Options) -> Source:
    """Finds the pictures below a folder and their labels; reads no pixel.

    Raises:
        DataError: no such folder, no picture in it, or a table that does not fit.
    """
    form = options.settled(SIZE, 3)
    found = scan(path)
    files, odd = list(found.files), found.odd
    if not files:
        raise DataError(_no_pictures(path, found))
    names = [plain(name) for name in files]
    layout = read_layout(names, options.classes if options.labels is None else "none", options.split)
    kept, label_names, labels, split = layout.kept, layout.label_names, layout.labels, layout.split
    if options.labels is not None:
        kept, label_names, labels = _from_table(path, options.labels, names, odd)
        split = None
    reader = FileReader(path, form.size, form.crop, form.grey)
    table = [] if options.labels is None else evidence_of(options.labels)
    return Source(
        kind="folder",
        names=[names[row] for row in kept],
        shape=form.shape,
        pictures=partial(read_all, reader, [files[row] for row in kept]),
        labels=labels,
        identity=identity_of(
            "folder", form, SPARE, str(path.absolute()), list(found.files.items()), table, options.given()
        ),
        label_names=label_names,
        exclusive=bool(layout.label_names),
        split=split,
        card={
            "title": path.resolve().name,
            "crop": form.crop,
            "licence": None,
            "notes": [*filter(None, [layout.line]), *_notes(path, options)],
            "no_classes": layout.no_classes,
        },
        odd=dict(_odd(found) | layout.odd),
    )


def _no_pictures(path: Path, found: Scan) -> str:
    """Why a folder has no picture."""
    there = "; ".join(f"{what}: {count:,}" for what, count in found.odd.items())
    held = f"it holds {there}" if there else f"looked for {', '.join(sorted(SUFFIXES))}"
    return f"{path} has no pictures ({held}); give a folder with some"


def _odd(found: Scan) -> dict[str, int]:
    """What is odd about the files."""
    empty = {f"folders without a picture (the first: {found.empty[0]})": len(found.empty)} if found.empty else {}
    return found.odd | empty


def _from_table(
    root: Path, table_path: Path, names: list[str], odd: Counter[str]
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.uint8]]:
    """Indices of pictures that have a row, the labels' names, and the labels."""
    find = Finder(names)
    table = read_table(table_path, find)
    rows: dict[str, int] = {}
    missing = []
    for at, entry in enumerate(table.names):
        name = find(entry)
        if name is None:
            missing.append(entry)
        elif rows.setdefault(name, at) != at:
            raise DataError(f"{table_path} has two rows for {name}; keep one of them")
    without = [name for name in names if name not in rows]
    if missing:
        odd[f"rows of {table_path.name} whose picture is missing (the first: {missing[0]})"] = len(missing)
    if without:
        odd[f"pictures left out for want of a row in {table_path.name} (the first: {without[0]})"] = len(without)
    if not rows:
        raise DataError(
            f"no row of {table_path} names a picture in {root}; write each picture's path inside the folder"
        )
    kept = [at for at, name in enumerate(names) if name in rows]
    return np.array(kept, dtype=np.int64), table.columns, table.values[[rows[names[at]] for at in kept]]


class Finder:
    """Finds the picture that a table's entry means: by path, else by file name, else by name without suffix.

    Args:
        names: relative paths; a file name that several pictures share finds none of them.
    """

    def __init__(self, names: list[str]) -> None:
        self._paths = set(names)
        self._short: dict[str, str | None] = {}
        for name in names:
            path = PurePosixPath(name)
            for short in {path.name, path.stem, str(path.with_suffix(""))} - {name}:
                self._short[short] = None if short in self._short else name

    def __call__(self, entry: str) -> str | None:
        """The relative path, or None where there is no such picture, or more than one."""
        entry = entry.strip().replace("\\", "/").removeprefix("./")
        return entry if entry in self._paths else self._short.get(entry)


def _notes(path: Path, options: Options) -> list[str]:
    tables = sorted(file for kind in TABLES for file in path.glob(kind))
    if options.labels is None and tables:
        typed = shlex.quote(str(tables[0]))
        return [f"{tables[0]} lies in the folder and was not used; to label the pictures with it: --labels {typed}"]
    return []
