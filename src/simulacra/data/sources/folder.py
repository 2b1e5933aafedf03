"""A folder of pictures, nested as it may be, with a table of attributes or with classes as subfolders."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import SPARE, SUFFIXES
from simulacra.data.sources.base import Options, Source, evidence_of, identity_of, no_labels, one_hot
from simulacra.data.sources.files import read_files, reader_of
from simulacra.data.splits import TEST, TRAIN, VALID
from simulacra.data.tables import read_table
from simulacra.errors import DataError

SIZE = (64, 64)
# Top folders of these names are the source's own split, not classes.
SPLIT_FOLDERS = {"train": TRAIN, "training": TRAIN, "valid": VALID, "val": VALID, "validation": VALID, "test": TEST}


def open_folder(path: Path, options: Options) -> Source:
    """Finds the pictures below a folder and their labels; reads no pixel.

    Raises:
        DataError: no such folder, no picture in it, or a table that does not fit.
    """
    form = options.settled(SIZE, 3)
    odd: Counter[str] = Counter()
    files = dict(sorted(find_pictures(path, odd)))
    if not files:
        raise DataError(f"{path} has no pictures (looked for {', '.join(sorted(SUFFIXES))}); give a folder with some")
    names, split = list(files), None
    if options.labels is not None:
        names, label_names, labels = _from_table(path, options.labels, names, odd)
        exclusive = False
    else:
        label_names, labels, split = _from_folders(names)
        exclusive = bool(label_names)
    reader = reader_of(path, form, options)
    table = [] if options.labels is None else evidence_of(options.labels)
    return Source(
        kind="folder",
        names=names,
        shape=form.shape,
        pictures=partial(read_files, reader, names),
        labels=labels,
        identity=identity_of(
            "folder",
            form,
            SPARE,
            str(path.absolute()),
            [(name, *files[name]) for name in names],
            table,
            options.background,
            options.values,
            options.max_pixels,
        ),
        label_names=label_names,
        exclusive=exclusive,
        split=split,
        card={
            "title": path.resolve().name,
            "crop": form.crop,
            "licence": None,
            "notes": _notes(path, options),
            "background": reader.background,
            "values": options.values,
        },
        odd=dict(odd),
    )


def find_pictures(root: Path, odd: Counter[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Relative path, size and date of every file below a folder that is named like a picture.

    Links are followed; a folder met again (a link to one of its parents) is counted in `odd` and not entered.

    Raises:
        DataError: the folder, or one inside it, cannot be read.
    """
    met: set[tuple[int, int]] = set()
    folders = [""]
    while folders:
        inside = folders.pop()
        try:
            here = (root / inside).stat()
            if (here.st_dev, here.st_ino) in met:
                odd[f"folders met a second time through a link and not entered (the first: {inside})"] += 1
                continue
            met.add((here.st_dev, here.st_ino))
            entries = sorted(os.scandir(root / inside), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{root / inside} cannot be read ({error.strerror}); give a folder you may read") from error
        for entry in entries:
            name = f"{inside}/{entry.name}".removeprefix("/")
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if _is_folder(entry):
                folders.append(name)
            elif PurePosixPath(name).suffix.lower() in SUFFIXES:
                yield name, _size_and_date(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _size_and_date(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        found = entry.stat()
    except OSError:  # a broken link: listed as a bad picture when it is read
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _from_table(
    root: Path, table_path: Path, names: list[str], odd: Counter[str]
) -> tuple[list[str], tuple[str, ...], NDArray[np.uint8]]:
    """Pictures that have a row, the labels' names, and the labels."""
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
    kept = [name for name in names if name in rows]
    return kept, table.columns, table.values[[rows[name] for name in kept]]


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


def _from_folders(names: list[str]) -> tuple[tuple[str, ...], NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Exclusive labels from the top subfolders when there are several, below the source's own split if it has one."""
    parts = [PurePosixPath(name).parts[:-1] for name in names]
    tops = {part[0].lower() if part else "" for part in parts}
    split = None
    if len(tops) > 1 and tops <= SPLIT_FOLDERS.keys():
        split = np.array([SPLIT_FOLDERS[part[0].lower()] for part in parts], dtype=np.uint8)
        parts = [part[1:] for part in parts]
    classes = sorted({part[0] if part else "" for part in parts})
    if len(classes) < 2 or "" in classes:
        return (), no_labels(len(names)), split
    place = {name: at for at, name in enumerate(classes)}
    return tuple(classes), one_hot(np.array([place[part[0]] for part in parts]), len(classes)), split


def _notes(path: Path, options: Options) -> list[str]:
    tables = sorted(file.name for file in path.glob("*.csv"))
    if options.labels is None and tables:
        return [f"{tables[0]} lies in the folder and was not used; to label the pictures with it: --labels {tables[0]}"]
    return []
