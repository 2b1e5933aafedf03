"""CelebA in its official layout, or as Kaggle repacked it: aligned faces, 40 attributes, an official split.

Liu et al. 2015, Deep Learning Face Attributes in the Wild, arXiv:1411.7766.
"""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import SPARE
from simulacra.data.sources.base import Options, Source, evidence_of, identity_of, no_labels
from simulacra.data.sources.files import FileReader
from simulacra.data.sources.folder import find_pictures
from simulacra.data.splits import TRAIN
from simulacra.data.store import SPLITS
from simulacra.data.tables import Row, Table, collect, csv_rows, text_rows
from simulacra.data.workers import read_all
from simulacra.errors import DataError

SIZE = (64, 64)
PICTURES = ("img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba", "images")
TABLES = ("", "Anno", "Eval", "..", "../Anno", "../Eval")
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
LICENCE = "non-commercial research only; see https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def looks_like_celeba(path: Path) -> bool:
    """Whether a folder holds CelebA's table of attributes or its folder of pictures."""
    return _table(path, ATTRIBUTES) is not None or any((path / place).is_dir() for place in PICTURES[:3])


def open_celeba(path: Path, options: Options) -> Source:
    """Finds CelebA's pictures, attributes and split, for any subset of the pictures; reads no pixel.

    Raises:
        DataError: no pictures, or a table that is damaged or names none of them.
    """
    form = options.settled(SIZE, 3)
    root = _pictures(path)
    odd: Counter[str] = Counter()
    files = dict(sorted(find_pictures(root, odd)))
    if not files:
        raise DataError(f"{root} has no pictures; unpack img_align_celeba.zip there")
    names = list(files)
    notes: list[str] = []
    attributes, partition = _attributes(path, notes), _partition(path, notes)
    for table in filter(None, (attributes, partition)):
        names = _with_row(names, table, odd)
    if not names:
        raise DataError(f"no picture in {root} has a row in the tables; the tables name them 000001.jpg and so on")
    split = None if partition is None else partition.of(names)[:, 0]
    if split is not None and (split == TRAIN).all():
        split = None
        notes.append("every picture here is of the official train split, so the split is by content")
    evidence = evidence_of(*(table.path for table in (attributes, partition) if table))
    return Source(
        kind="celeba",
        names=names,
        shape=form.shape,
        pictures=partial(read_all, FileReader(root, form.size, form.crop, form.grey), names),
        labels=no_labels(len(names)) if attributes is None else attributes.of(names),
        identity=identity_of(
            "celeba", form, SPARE, str(root.absolute()), [(name, *files[name]) for name in names], evidence
        ),
        label_names=() if attributes is None else attributes.columns,
        split=split,
        card={"title": "CelebA", "crop": form.crop, "licence": LICENCE, "notes": notes},
        odd=dict(odd),
    )


class _Indexed:
    """A table, and where in it each picture's row is."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path, self.columns, self._values = path, table.columns, table.values
        self.rows = {name: row for row, name in enumerate(table.names)}

    def of(self, names: list[str]) -> NDArray[np.uint8]:
        """The values (N, K) of N pictures."""
        return self._values[[self.rows[name] for name in names]]


def _with_row(names: list[str], table: _Indexed, odd: Counter[str]) -> list[str]:
    kept = [name for name in names if name in table.rows]
    missing = len(table.rows) - len(kept)
    if missing:
        odd[f"rows of {table.path.name} whose picture is not here (any subset may be)"] = missing
    if len(kept) < len(names):
        without = next(name for name in names if name not in table.rows)
        odd[f"pictures left out for want of a row in {table.path.name} (the first: {without})"] = len(names) - len(kept)
    return kept


def _attributes(root: Path, notes: list[str]) -> _Indexed | None:
    path = _table(root, ATTRIBUTES)
    if path is None:
        notes.append(f"no {ATTRIBUTES}.txt was found, so the pictures have no labels")
        return None
    if path.suffix == ".csv":
        rows = csv_rows(path)
        columns = tuple(next(rows, Row(1, [])).cells[1:])
    else:
        rows = text_rows(path)
        promised, header = next(rows, Row(1, [])).cells, next(rows, Row(2, [])).cells
        if len(promised) != 1 or not promised[0].isdigit():
            raise DataError(f"{path} does not start with the number of its rows; fetch it again")
        columns = tuple(header)
    if not columns:
        raise DataError(f"{path} has no header with the attributes' names; fetch it again")
    return _Indexed(path, collect(path, rows, columns, 0))


def _partition(root: Path, notes: list[str]) -> _Indexed | None:
    path = _table(root, PARTITION)
    if path is None:
        notes.append(f"no {PARTITION}.txt was found, so the split is by content")
        return None
    if path.suffix == ".csv":
        rows = csv_rows(path)
        next(rows, None)
    else:
        rows = text_rows(path)
    official = {str(part): part for part in range(len(SPLITS))}
    return _Indexed(path, collect(path, rows, ("partition",), 0, official))


def _pictures(path: Path) -> Path:
    for place in PICTURES:
        if (path / place).is_dir():
            return path / place
    if path.is_dir() and next(path.glob("*.jpg"), None) is not None:
        return path
    raise DataError(
        f"{path} has no folder img_align_celeba; give the folder into which img_align_celeba.zip was unpacked"
    )


def _table(path: Path, stem: str) -> Path | None:
    found = (path / place / f"{stem}{suffix}" for place in TABLES for suffix in (".txt", ".csv"))
    return next((file for file in found if file.is_file()), None)
