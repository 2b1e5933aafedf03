"""A folder of pictures, nested as it may be, with a table of attributes or with classes as subfolders."""

import shlex
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import SPARE, SUFFIXES
from simulacra.data.sources.base import MEANING, Options, Source, evidence_of, identity_of
from simulacra.data.sources.columns import Meaning, understand
from simulacra.data.sources.layout import Content, read_layout
from simulacra.data.sources.picture_names import Finder
from simulacra.data.sources.scan import Scan, no_folder, plain, read_files, reader_of, scan
from simulacra.data.sources.tables import Faults, Table, read_table
from simulacra.data.splits import TRAIN
from simulacra.errors import DataError

SIZE = (64, 64)


def open_folder(path: Path, options: Options) -> Source:
    """Finds the pictures below a folder and their labels; reads no pixel.

    Raises:
        DataError: no such folder, no picture in it, or a table that does not fit.
    """
    form = options.settled(SIZE, 3)
    _check_options(options)
    if path.is_file():
        raise DataError(no_folder(path))
    found = scan(path)
    files = list(found.files)
    if not files:
        raise DataError(_no_pictures(path, found))
    names = [plain(name) for name in files]
    table = None if options.labels is None else _table_path(path, options.labels)
    if table is None:
        content = read_layout(names, options.classes, options.split)
    else:
        content = _from_table(path, table, names, options)
    reader = reader_of(path, form, options)
    evidence = [] if table is None else evidence_of(table)
    empty = {f"folders without a picture (the first: {found.empty[0]})": len(found.empty)} if found.empty else {}
    return Source(
        kind="folder",
        names=[names[row] for row in content.kept],
        shape=form.shape,
        pictures=partial(read_files, reader, [files[row] for row in content.kept]),
        labels=content.labels,
        identity=identity_of(
            "folder", form, MEANING, SPARE, str(path.absolute()), list(found.files.items()), evidence, options.given()
        ),
        label_names=content.label_names,
        exclusive=content.exclusive,
        split=content.split,
        factors=content.factors,
        factor_names=content.factor_names,
        card={
            "title": path.resolve().name,
            "crop": form.crop,
            "background": reader.background,
            "values": options.values,
            "licence": None,
            "notes": [*content.lines, *_unused_table(path, found, options)],
            "no_classes": content.no_classes,
        },
        odd=found.odd | empty | content.odd,
    )


def _check_options(options: Options) -> None:
    """Refuses options that do not go together."""
    if options.labels is None:
        for option in ("columns", "missing", "unknown", "factors"):
            if getattr(options, option) is not None:
                raise DataError(f"--{option} is about a table; name the table with --labels")
    elif options.classes == "folders":
        raise DataError("--classes folders and --labels name two sources of labels; leave one of them out")


def _from_table(root: Path, path: Path, names: list[str], options: Options) -> Content:
    """What a table says, and of the folders whether they are a split."""
    faults, find = Faults(path), Finder(names, _inside(root, path))
    table = read_table(path, find, faults)
    meaning = understand(table, options, faults)
    odd: dict[str, int] = {}
    row_of = _rows_of_pictures(table, meaning, find, names, faults, odd)
    faults.check()
    layout = read_layout(names, options.classes, options.split, labelled=True)
    official = None if options.split == "folder" else meaning.split
    kept = np.flatnonzero((row_of >= 0) & meaning.keep[row_of])
    if official is None:
        kept = np.intersect1d(kept, layout.kept)
    if not len(kept):
        raise DataError(f"no row of {path} is left that names a picture in {root}; write each picture's path inside it")
    rows = row_of[kept]
    split, lines = (None, layout.lines) if official is None else (official[rows], [])
    if official is None and layout.split is not None:
        split = layout.split[np.searchsorted(layout.kept, kept)]
    if split is not None and (len(set(split.tolist())) < 2 or TRAIN not in split):
        split, lines = None, ["the split is drawn, since the table's pictures are all of one part"]
    return Content(
        kept=kept,
        label_names=meaning.label_names,
        labels=meaning.labels[rows],
        exclusive=meaning.exclusive,
        split=split,
        lines=[meaning.line, *lines],
        odd=odd | meaning.odd | (layout.odd if official is None else {}),
        no_classes="" if meaning.label_names else f"{path.name} has none",
        factor_names=meaning.factor_names,
        factors=None if meaning.factors is None else meaning.factors[rows],
    )


def _rows_of_pictures(
    table: Table, meaning: Meaning, find: Finder, names: list[str], faults: Faults, odd: dict[str, int]
) -> NDArray[np.int64]:
    """(N,) the row of each picture, -1 where it has none; what does not fit is a fault or counted in `odd`."""
    matches = [find(word) for word in table.names.words]
    for at, match in enumerate(matches):
        if match.rivals:
            row = f"row {table.lines[table.names.first(at)]} names {table.names.words[at]}"
            faults.add(
                f"{row}, which fits {' and '.join(match.rivals[:2])}",
                "write each picture's path inside the folder, or give the folder that holds only these pictures",
            )
    firm = any(match.row >= 0 and match.firm for match in matches)
    # Where some entries fit without a contradiction, the others name pictures that are not here.
    pictures = np.array([match.row if match.firm or not firm else -1 for match in matches], dtype=np.int64)
    picture = pictures[table.names.codes]
    missing = np.flatnonzero(
        (picture < 0) & ~np.array([bool(match.rivals) for match in matches], dtype=np.bool_)[table.names.codes]
    )
    if len(missing):
        first = table.names.words[int(table.names.codes[missing[0]])]
        odd[f"rows of {table.path.name} whose picture is missing (the first: {first})"] = len(missing)
    row_of = np.full(len(names), -1, dtype=np.int64)
    rows = np.flatnonzero(picture >= 0)
    row_of[picture[rows[::-1]]] = rows[::-1]  # the first of several rows
    first_rows = row_of[picture[rows]]
    differs = (meaning.labels[rows] != meaning.labels[first_rows]).any(axis=1)
    if meaning.factors is not None:
        differs |= (meaning.factors[rows] != meaning.factors[first_rows]).any(axis=1)
    if meaning.split is not None:
        differs |= meaning.split[rows] != meaning.split[first_rows]
    for row in rows[differs].tolist():
        faults.add(
            f"row {table.lines[row]} names {names[picture[row]]} again, with other values", "keep one of the rows"
        )
    without = np.flatnonzero(row_of < 0)
    if len(without):
        odd[f"pictures left out for want of a row in {table.path.name} (the first: {names[without[0]]})"] = len(without)
    return row_of


def _table_path(root: Path, labels: Path) -> Path:
    """The table that was named: as seen from here, else from the pictures' folder."""
    for path in (labels, root / labels):
        if path.exists():
            return path
    raise DataError(f"{labels} is not here, nor {root / labels}; give the path of a table")


def _inside(root: Path, table: Path) -> str:
    """The folder inside the data set in which its table lies; "" where that is the data set's own, or none."""
    root, folder = root.resolve(), table.resolve().parent
    return plain(folder.relative_to(root).as_posix()) if root in folder.parents else ""


def _no_pictures(path: Path, found: Scan) -> str:
    """Why a folder has no picture."""
    there = "; ".join(f"{what}: {count:,}" for what, count in found.odd.items())
    if there:
        return f"{path} has no pictures; what it holds: {there}"
    return f"{path} has no pictures (looked for {', '.join(sorted(SUFFIXES))}); give a folder with some"


def _unused_table(path: Path, found: Scan, options: Options) -> list[str]:
    """A line on the first table that lies among the pictures."""
    if options.labels is not None or not found.tables:
        return []
    table = path / found.tables[0]
    return [f"{table} lies in the folder and was not used; to label with it: --labels {shlex.quote(str(table))}"]
