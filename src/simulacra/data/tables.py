"""Tables of attributes: CSV in its dialects, and the text files of CelebA."""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError

MINUS = 255  # stands for -1 until the whole column is read
ACCEPTED = {"0": 0, "1": 1, "-1": MINUS, "true": 1, "false": 0, "0.0": 0, "1.0": 1, "-1.0": MINUS}
DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
# Headers of a column of file names, the likeliest first.
CALLED = ("file", "filename", "file_name", "path", "image", "image_id", "picture", "name", "id")

# From an entry of a table to the picture that it names, or None if there is no such picture.
Find = Callable[[str], str | None]


class Row(NamedTuple):
    """One line of a table: its number in the file, from 1, and its cells."""

    line: int
    cells: list[str]


class Table(NamedTuple):
    """Attributes of named things.

    Attributes:
        names: R names, as written in the table.
        columns: K names of attributes.
        values: (R, K) uint8 in {0, 1}.
    """

    names: list[str]
    columns: tuple[str, ...]
    values: NDArray[np.uint8]


def read_table(path: Path, find: Find) -> Table:
    """Reads a CSV file; its delimiter, header and column of file names are recognised.

    Args:
        path: the file.
        find: finds the picture of an entry; the column that names most pictures is that of the file names.

    Raises:
        DataError: it is no such table, or a value is none of the accepted ones.
    """
    first = next(csv_rows(path), None)
    if first is None:
        raise DataError(f"{path} is empty; give a table with a column of file names and one column per attribute")
    index = _name_column(path, first, find)
    columns = _header(first, index, find)
    named = columns is not None
    if columns is None:
        columns = tuple(f"column {at + 1}" for at in range(len(first.cells)) if at != index)
    if not columns:
        raise DataError(f"{path} has file names but no attribute; add a column of 0 and 1 for each attribute")
    return collect(path, islice(csv_rows(path), int(named), None), columns, index)


def collect(
    path: Path, rows: Iterable[Row], columns: tuple[str, ...], index: int, accepted: dict[str, int] = ACCEPTED
) -> Table:
    """Names and values of rows with a file name in column `index` and one accepted value in each other column.

    Raises:
        DataError: a row is too short or too long, a value is not accepted, a name comes twice with other values, or a
            column has both -1 and 0.
    """
    _check_columns(path, columns)
    values: dict[str, bytes] = {}
    for row in rows:
        if len(row.cells) != len(columns) + 1:
            raise DataError(
                f"{path}, row {row.line} has {len(row.cells)} columns where {len(columns) + 1} are due; "
                "correct the row or remove it"
            )
        name = row.cells.pop(index).strip()
        cells = bytes(_value(path, row, at, columns, accepted) for at in range(len(columns)))
        if values.setdefault(name, cells) != cells:
            raise DataError(f"{path}, row {row.line} names {name} again, with other values; keep one of the two rows")
    array = np.frombuffer(b"".join(values.values()), dtype=np.uint8).reshape(len(values), len(columns))
    for column, minus, zero in zip(columns, (array == MINUS).any(axis=0), (array == 0).any(axis=0), strict=True):
        if minus and zero:
            raise DataError(
                f"{path}, column {column!r} has both -1 and 0; write one of them for no, and remove rows where the "
                "other means unknown"
            )
    return Table(list(values), columns, np.where(array == MINUS, np.uint8(0), array))


def csv_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file that are not blank; its delimiter is recognised.

    Raises:
        DataError: the file cannot be read as text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), skipinitialspace=True)
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield Row(reader.line_num, cells)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save the table as CSV with UTF-8 encoding") from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table ({error}); save it as CSV") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give the path of a CSV file") from error


def text_rows(path: Path) -> Iterator[Row]:
    """The rows of a text file whose cells are separated by spaces.

    Raises:
        DataError: the file cannot be read as text.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for line, text in enumerate(file, start=1):
                yield Row(line, text.split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); fetch it again") from error


def _name_column(path: Path, first: Row, find: Find) -> int:
    # The first rows are nearly always enough; only a table that starts with missing pictures is read to its end.
    for sample in (islice(csv_rows(path), SAMPLE_ROWS), csv_rows(path)):
        named: list[set[str]] = [set() for _ in first.cells]
        for row in sample:
            for names, cell in zip(named, row.cells, strict=False):
                if (name := find(cell)) is not None:
                    names.add(name)
        most = max(map(len, named))
        # A column of 0 and 1 names pictures 0.png and 1.png too, but never more pictures than there are values.
        if most > len(ACCEPTED):
            break
    if most:
        return _likeliest(path, first, [at for at, names in enumerate(named) if len(names) == most])
    raise DataError(
        f"{path} has no column of file names: no cell names a picture of the folder (row {first.line} reads: "
        f"{', '.join(first.cells[:5])}); add a column with each picture's path inside the folder"
    )


def _likeliest(path: Path, first: Row, indices: list[int]) -> int:
    """Of columns that name equally many pictures, the one whose header says that it has file names."""
    called = {first.cells[at].strip().lower(): at for at in indices}
    for word in CALLED:
        if word in called:
            return called[word]
    candidates = [first.cells[at] for at in indices]
    if len(indices) > 1:
        raise DataError(
            f"{path} has {len(indices)} columns that may be file names ({', '.join(candidates)}); "
            "call the right one file in the header"
        )
    return indices[0]


def _header(row: Row, index: int, find: Find) -> tuple[str, ...] | None:
    """The attributes' names if the row is a header, None if it is already data."""
    cells = [cell.strip() for at, cell in enumerate(row.cells) if at != index]
    if find(row.cells[index]) is not None or (cells and all(cell.lower() in ACCEPTED for cell in cells)):
        return None
    return tuple(cells)


def _check_columns(path: Path, columns: tuple[str, ...]) -> None:
    for at, column in enumerate(columns):
        if not column:
            raise DataError(f"{path} has an attribute without a name (attribute {at + 1}); name it in the header")
        if column in columns[:at]:
            raise DataError(f"{path} has two columns named {column!r}; rename one in the header")


def _value(path: Path, row: Row, at: int, columns: tuple[str, ...], accepted: dict[str, int]) -> int:
    cell = row.cells[at]
    value = accepted.get(cell)
    if value is None:
        value = accepted.get(cell.strip().lower())
    if value is None:
        known = "0/1, -1/1, true/false or 0.0/1.0" if accepted is ACCEPTED else ", ".join(accepted)
        raise DataError(
            f"{path}, row {row.line}, column {columns[at]!r} is {cell!r}; write {known}, or take the column out"
        )
    return value
