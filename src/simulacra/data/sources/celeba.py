"""CelebA in its official layout, or as Kaggle repacked it: aligned faces, 40 attributes, an official split.

Liu et al. 2015, Deep Learning Face Attributes in the Wild, arXiv:1411.7766.
"""

import re
import shlex
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.decode import SPARE
from simulacra.data.sources.base import Options, Source, evidence_of, identity_of
from simulacra.data.sources.columns import attributes
from simulacra.data.sources.scan import read_files, reader_of, scan
from simulacra.data.sources.tables import Column, Faults, Row, code, csv_rows, text_rows
from simulacra.data.splits import TRAIN
from simulacra.data.store import SPLITS
from simulacra.errors import DataError

SIZE = (64, 64)
ALIGNED = "img_align_celeba"  # with _png after it where the pictures are PNG
PICTURES = tuple(f"{inside}{ALIGNED}*{nested}" for inside in ("", "Img/") for nested in (f"/{ALIGNED}*", ""))
TABLES = ("", "Anno", "Eval")
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
ASKED = 200  # pictures that are looked up to see whether a folder is CelebA's
LICENCE = "non-commercial research only; see https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def looks_like_celeba(path: Path) -> bool:
    """Whether a folder holds CelebA's pictures: they are called so, or numbered so and named in CelebA's table.

    The tables alone do not tell: other pictures may lie beside them.
    """
    if _aligned(path) is not None:
        return True
    if path.name.lower().startswith(ALIGNED):
        return _table(path, ATTRIBUTES) is not None
    table = _table(path, ATTRIBUTES, TABLES)
    numbered = [file.stem for kind in ("*.jpg", "*.png") for file in path.glob(kind)][:ASKED] if table else []
    if table is None or not numbered or not all(re.fullmatch(r"\d{6}", stem) for stem in numbered):
        return False
    named = {PurePosixPath(row.cells[0]).stem for row in _rows(table) if row.cells}
    return 2 * sum(stem in named for stem in numbered) > len(numbered)


def open_celeba(path: Path, options: Options) -> Source:
    """Finds CelebA's pictures, attributes and split, for any subset of the pictures; reads no pixel.

    Raises:
        DataError: no pictures, or a table that is damaged or names none of them.
    """
    form = options.settled(SIZE, 3)
    root = _pictures(path)
    found = scan(root)
    files, odd, notes = found.files, found.odd, list[str]()
    if not files:
        raise DataError(f"{root} has no pictures; unpack img_align_celeba.zip there")
    names = list(files)
    attributes, partition = _attributes(path, notes), _partition(path, notes)
    tables = [table for table in (attributes, partition) if table is not None]
    for table in tables:
        names = _with_row(names, table, odd)
    if not names:
        raise DataError(
            f"no picture in {root} has a row in the tables, which name them 000001.jpg and so on; for other pictures "
            f"than CelebA's: simulacra pack folder {shlex.quote(str(root))} --out stores/mine (train: --source folder)"
        )
    split = None if partition is None else partition.of(names)[:, 0]
    if split is not None and (split == TRAIN).all():
        split = None
        notes.append("every picture here is of the official train split, so the split is by content")
    asked = {key: value for key, value in options.given().items() if key not in ("size", "channels", "crop")}
    pictures = [(name, *files[name]) for name in names]
    evidence = [*evidence_of(*(table.path for table in tables)), *asked.items()]
    return Source(
        kind="celeba",
        names=names,
        shape=form.shape,
        pictures=partial(read_files, reader_of(root, form, options), names),
        labels=np.zeros((len(names), 0), np.uint8) if attributes is None else attributes.of(names),
        identity=identity_of("celeba", form, SPARE, str(root.absolute()), pictures, evidence),
        label_names=() if attributes is None else attributes.columns,
        split=split,
        card={"title": "CelebA", "crop": form.crop, "licence": LICENCE, "notes": notes},
        odd=odd,
    )


class _Indexed(NamedTuple):
    """A table: its file, its columns, the row of each picture by its name without ending, and (R, K) values."""

    path: Path
    columns: tuple[str, ...]
    rows: dict[str, int]
    values: NDArray[np.uint8]

    def of(self, names: list[str]) -> NDArray[np.uint8]:
        """The values (N, K) of N pictures."""
        return self.values[[self.rows[PurePosixPath(name).stem] for name in names]]


def _indexed(path: Path, names: Column, columns: tuple[str, ...], values: NDArray[np.uint8]) -> _Indexed:
    """By names without endings, because there is a PNG edition."""
    stems = [PurePosixPath(word).stem for word in names.words]
    return _Indexed(path, columns, {stems[code]: row for row, code in enumerate(names.codes.tolist())}, values)


def _with_row(names: list[str], table: _Indexed, odd: dict[str, int]) -> list[str]:
    """The pictures that have a row; the others, and rows without a picture, are counted."""
    kept = [name for name in names if PurePosixPath(name).stem in table.rows]
    if missing := len(table.rows) - len(kept):
        odd[f"rows of {table.path.name} whose picture is not here (any subset may be)"] = missing
    if len(kept) < len(names):
        without = next(name for name in names if PurePosixPath(name).stem not in table.rows)
        odd[f"pictures left out for want of a row in {table.path.name} (the first: {without})"] = len(names) - len(kept)
    return kept


def _rows(table: Path) -> Iterator[Row]:
    return (csv_rows if table.suffix == ".csv" else text_rows)(table)


def _attributes(root: Path, notes: list[str]) -> _Indexed | None:
    path = _table(root, ATTRIBUTES)
    if path is None:
        notes.append(f"no {ATTRIBUTES}.txt was found, so the pictures have no labels")
        return None
    rows = _rows(path)
    first = next(rows, Row(1, [])).cells
    if path.suffix == ".csv":
        columns = tuple(first[1:])
    elif len(first) == 1 and first[0].isdigit():
        columns = tuple(next(rows, Row(2, [])).cells)
    else:
        raise DataError(f"{path} does not start with the number of its rows; fetch it again")
    if not columns:
        raise DataError(f"{path} has no header with the attributes' names; fetch it again")
    faults = Faults(path)
    (names, *others), lines = code(rows, ("", *columns), faults)
    values = attributes(others, lines, faults)
    faults.check()
    return _indexed(path, names, columns, values)


def _partition(root: Path, notes: list[str]) -> _Indexed | None:
    path = _table(root, PARTITION)
    if path is None:
        notes.append(f"no {PARTITION}.txt was found, so the split is by content")
        return None
    rows = islice(_rows(path), int(path.suffix == ".csv"), None)
    faults = Faults(path)
    (names, parts), lines = code(rows, ("", "partition"), faults)
    official = [str(part) for part in range(len(SPLITS))]
    for at, word in enumerate(parts.words):
        if word not in official:
            faults.add(f"row {lines[parts.first(at)]}, column 'partition' is {word!r}", f"write {', '.join(official)}")
    faults.check()
    values = np.array(parts.words, dtype=np.uint8)[parts.codes]
    return _indexed(path, names, ("partition",), values[:, None])


def _pictures(path: Path) -> Path:
    found = _aligned(path) or (path / "images" if (path / "images").is_dir() else None)
    if found is not None:
        return found
    if path.is_dir() and any(next(path.glob(kind), None) is not None for kind in ("*.jpg", "*.png")):
        return path
    raise DataError(
        f"{path} has no folder img_align_celeba; give the folder into which img_align_celeba.zip was unpacked"
    )


def _aligned(path: Path) -> Path | None:
    """The folder of CelebA's pictures inside another, where there is one."""
    found = (place for pattern in PICTURES for place in sorted(path.glob(pattern)) if place.is_dir())
    return next(found, None)


def _table(path: Path, stem: str, places: tuple[str, ...] | None = None) -> Path | None:
    """A table of CelebA's; by default also from the folder above, or from two above inside img_align_celeba."""
    above = ("..", "../..") if path.name.lower().startswith(ALIGNED) else ("..",)
    if places is None:
        places = TABLES + tuple(f"{parent}/{place}" for parent in above for place in TABLES)
    found = (path / place / f"{stem}{suffix}" for place in places for suffix in (".txt", ".csv"))
    return next((file for file in found if file.is_file()), None)
