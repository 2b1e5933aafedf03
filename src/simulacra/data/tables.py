"""Tables of attributes as people keep them: CSV in its dialects, and the text files of CelebA."""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError

MINUS = 255  # what -1 is until the whole column is read
ACCEPTED = {"0": 0, "1": 1, "-1": MINUS, "true": 1, "false": 0, "0.0": 0, "1.0": 1, "-1.0": MINUS}
DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
# Columns of file names are called so, the likeliest first.
CALLED = ("file", "filename", "file_name", "path", "image", "image_id", "picture", "name", "id")

# What a table's entry names: the picture, or None where there is none of that name.
Known = Callable[[str], str | None]


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


def read_table(path: Path, known: Known) -> Table:
    """Reads a CSV file whose delimiter, header and column of file names are found by looking.

    Args:
        path: the file.
        known: tells which entries name a picture; the column that names most of them holds the names.

    Raises:
        DataError: it is no such table, or a value is none of the accepted ones.
    """
    first = next(csv_rows(path), None)
    if first is None:
        raise DataError(f"{path} is empty; give a table with a column of file names and one column an attribute")
    place = _name_column(path, first, known)
    columns = _header(first, place, known)
    named = columns is not None
    if columns is None:
        columns = tuple(f"column {at + 1}" for at in range(len(first.cells)) if at != place)
    if not columns:
        raise DataError(f"{path} has file names but no attribute; add a column of 0 and 1 for each attribute")
    return collect(path, islice(csv_rows(path), int(named), None), columns, place)


def collect(
    path: Path, rows: Iterable[Row], columns: tuple[str, ...], place: int, accepted: dict[str, int] = ACCEPTED
) -> Table:
    """Names and values of rows that hold a file name at `place` and one accepted value a column elsewhere.

    Raises:
        DataError: a row is too short or too long, a value is not accepted, a name comes twice with other values, or a
            column says no in two ways.
    """
    _check_columns(path, columns)
    values: dict[str, bytes] = {}
    for row in rows:
        if len(row.cells) != len(columns) + 1:
            raise DataError(
                f"{path}, row {row.line} has {len(row.cells)} columns where {len(columns) + 1} are due; "
                "mend the row or remove it"
            )
        name = row.cells.pop(place).strip()
        found = bytes(_value(path, row, at, columns, accepted) for at in range(len(columns)))
        if values.setdefault(name, found) != found:
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
    """The rows of a CSV file that are not blank, its delimiter found by looking.

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
    """The rows of a text file whose cells are parted by spaces.

    Raises:
        DataError: the file cannot be read as text.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for line, text in enumerate(file, start=1):
                yield Row(line, text.split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); fetch it again") from error


def _name_column(path: Path, first: Row, known: Known) -> int:
    # The first rows tell nearly always; only a table that starts with absent pictures needs reading to its end.
    for sample in (islice(csv_rows(path), SAMPLE_ROWS), csv_rows(path)):
        met: list[set[str]] = [set() for _ in first.cells]
        for row in sample:
            for names, cell in zip(met, row.cells, strict=False):
                if (name := known(cell)) is not None:
                    names.add(name)
        most = max(map(len, met))
        # Of pictures called 0.png and 1.png, a column of 0 and 1 names some too, but never more than there are values.
        if most > len(ACCEPTED):
            break
    if most:
        return _likeliest(path, first, [at for at, names in enumerate(met) if len(names) == most])
    raise DataError(
        f"{path} has no column of file names: no cell names a picture of the folder (row {first.line} reads: "
        f"{', '.join(first.cells[:5])}); add a column with each picture's path inside the folder"
    )


def _likeliest(path: Path, first: Row, places: list[int]) -> int:
    """Of columns that name equally many pictures, the one that is called like file names."""
    called = {first.cells[at].strip().lower(): at for at in places}
    for word in CALLED:
        if word in called:
            return called[word]
    if len(places) > 1:
        raise DataError(
            f"{path} has {len(places)} columns that may be file names ({', '.join(first.cells[at] for at in places)}); "
            "call the right one file in the header"
        )
    return places[0]


def _header(row: Row, place: int, known: Known) -> tuple[str, ...] | None:
    """The attributes' names if the row is a header, None if it is already data."""
    cells = [cell.strip() for at, cell in enumerate(row.cells) if at != place]
    if known(row.cells[place]) is not None or (cells and all(cell.lower() in ACCEPTED for cell in cells)):
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
