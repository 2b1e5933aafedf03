"""Tables that name pictures, as people keep them: CSV in its dialects, text parted by blanks, JSON and JSON lines."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from json import JSONDecodeError
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.sources.picture_names import Finder, looks_like_a_file
from simulacra.errors import DataError
from simulacra.files import MOST_TEXT, parse_json

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
# A column of labels never names more pictures than these, which are also numbers: 0 and 1, -1, 0.0 and so on.
FEW_NAMES = 8
# Columns of file names are called so, the likeliest first. The first ones are called so for nothing else.
SURELY = ("file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path")
CALLED = (*SURELY, "image_id", "img", "imageid", "image_name", "picture", "photo", "name", "id")
INDEX = ("", "unnamed: 0", "index", "#", "no", "no.", "nr", "row")
BLOCK = 4096  # rows that are coded at a time
MOST_LINE, MOST_COLUMNS = 2**20, 10_000  # letters of a row, and columns
SHOWN = 3  # faults of one kind that are described


class Row(NamedTuple):
    """One line of a table: its number in the file, from 1, and its cells."""

    line: int
    cells: list[str]


class Column(NamedTuple):
    """One column, each different cell kept once."""

    name: str  # from the header
    words: list[str]  # the different cells, without blanks around them, in the order in which they occur
    codes: NDArray[np.int64]  # (R,) int64, an index into `words` for each row

    def counts(self) -> NDArray[np.int64]:
        """How many rows have each of the words."""
        return np.bincount(self.codes, minlength=len(self.words))

    def first(self, word: int) -> int:
        """The first row with a word."""
        return int(np.argmax(self.codes == word))


class Table(NamedTuple):
    """A table whose column of file names was found."""

    path: Path  # its file
    names: Column  # what each row names
    columns: list[Column]  # the other columns
    lines: NDArray[np.int64]  # (R,) int64, the number of each row in the file
    ignored: tuple[str, ...] = ()  # names of columns that say nothing: an index, cells of several values


class Faults:
    """What is wrong with a table: everything, in one message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._by_remedy: dict[str, list[str]] = {}  # the first ones
        self._counts: Counter[str] = Counter()

    def add(self, fault: str, remedy: str) -> None:
        """Notes a fault; faults of one remedy are of one kind, and the remedy is said once."""
        self._counts[remedy] += 1
        if self._counts[remedy] <= SHOWN:
            self._by_remedy.setdefault(remedy, []).append(fault)

    def check(self) -> None:
        """Raises DataError with all faults, where there are some."""
        sentences = []
        for remedy, faults in self._by_remedy.items():
            more = f", and {self._counts[remedy] - SHOWN:,} more" if self._counts[remedy] > SHOWN else ""
            sentences.append(f"{', '.join(faults)}{more}; {remedy}")
        if len(sentences) == 1:
            raise DataError(f"{self.path}, {sentences[0]}")
        if sentences:
            listed = "; ".join(f"({at}) {sentence}" for at, sentence in enumerate(sentences, 1))
            raise DataError(f"{self.path} has {len(sentences)} kinds of faults: {listed}")


def read_table(path: Path, find: Finder, faults: Faults) -> Table:
    """Reads a table whose form, header and column of file names are found by looking.

    Args:
        path: CSV, text parted by blanks, JSON lines, StyleGAN's dataset.json, or records in JSON.
        find: tells which entries name a picture; the column that names most of them holds the names.
        faults: notes rows that are too short or too long.

    Raises:
        DataError: the file cannot be read as a table, or names no picture.
    """
    rows, ignored = rows_of(path)
    sample = list(islice(rows, SAMPLE_ROWS))
    if not sample:
        raise DataError(f"{path} is empty; give a table with a column of file names and one column an attribute")
    width = _width(sample)
    if width > MOST_COLUMNS:
        raise DataError(f"{path} has {width:,} columns, more than {MOST_COLUMNS:,}; write one row per picture")
    # CelebA's and R's headers leave out the name of the first column.
    unnamed = len(sample) > 1 and _filled(sample[0].cells) == width - 1 == len(sample[0].cells)
    if unnamed and width > 1 and find(sample[0].cells[0]).row < 0:
        sample[0].cells.insert(0, "")
    place = _name_column(path, sample, find, width)
    header = _header(sample[0], place, find, width)
    columns = header or [f"column {at + 1}" for at in range(width)]
    body = islice(rows_of(path)[0], 1 if header else 0, None)
    coded, lines = code(body, columns, faults)
    names = coded.pop(place)
    counting = [_is_index(column, given=header is not None) for column in coded]
    if all(counting):
        raise DataError(f"{path} has file names but no attribute; add a column of 0 and 1 for each attribute")
    index = [column.name or "the index" for column, counts in zip(coded, counting, strict=True) if counts]
    kept = [column for column, counts in zip(coded, counting, strict=True) if not counts]
    return Table(path, names, kept, lines, (*ignored, *index))


def code(rows: Iterable[Row], names: Sequence[str], faults: Faults) -> tuple[list[Column], NDArray[np.int64]]:
    """Columns of these names, and the number of each row; rows of another length are faults and left out."""
    words: list[dict[str, int]] = [{} for _ in names]
    codes, lines = [array("q") for _ in names], array("q")
    whole = _whole_rows(rows, len(names), lines, faults)
    while block := list(islice(whole, BLOCK)):
        for known, column, cells in zip(words, codes, zip(*block, strict=True), strict=True):
            index = {cell: known.setdefault(cell.strip(), len(known)) for cell in dict.fromkeys(cells)}
            column.extend(map(index.__getitem__, cells))
    columns = [
        Column(name, list(known), np.array(column, dtype=np.int64))
        for name, known, column in zip(names, words, codes, strict=True)
    ]
    return columns, np.array(lines, dtype=np.int64)


def _whole_rows(rows: Iterable[Row], width: int, lines: "array[int]", faults: Faults) -> Iterator[list[str]]:
    """The cells of each row that has so many; appends its number to `lines`."""
    for line, cells in rows:
        if len(cells) < width or _filled(cells) > width:
            faults.add(f"row {line} has {len(cells)} columns where {width} are due", "mend such rows or remove them")
        else:
            lines.append(line)
            yield cells[:width]


def rows_of(path: Path) -> tuple[Iterator[Row], tuple[str, ...]]:
    """The rows of a table in any known form, and names of columns whose cells hold several values and are left out.

    Raises:
        DataError: the file cannot be read as a table.
    """
    ending = path.suffix.lower()
    if ending in (".xlsx", ".xls", ".ods", ".numbers", ".parquet"):
        raise DataError(f"{path} is no text; save the table as CSV")
    if ending == ".json":
        return _record_rows(path, _json_records(path))
    if ending in (".jsonl", ".ndjson"):
        return _record_rows(path, [_parsed(path, row.cells[0], f", row {row.line},") for row in _lines(path)])
    return csv_rows(path), ()


def csv_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file that are not blank, its delimiter found by looking: a comma, or blanks in the last resort.

    Raises:
        DataError: the file cannot be read as text.
    """
    with _opened(path, newline="") as file:
        skip, delimiter = _dialect(list(islice(_lines(path), SAMPLE_ROWS // 4)))
        if delimiter == " ":
            yield from islice(text_rows(path), skip, None)
            return
        reader = csv.reader(islice(_whole_lines(path, file), skip, None), delimiter=delimiter, skipinitialspace=True)
        for cells in reader:
            if any(map(str.strip, cells)):
                yield Row(reader.line_num + skip, cells)


def text_rows(path: Path) -> Iterator[Row]:
    """The rows of a text file whose cells are parted by blanks; blanks inside quotation marks part nothing.

    Raises:
        DataError: the file cannot be read as text.
    """
    for line, (text,) in _lines(path):
        quoted = csv.reader([" ".join(text.split())], delimiter=" ", skipinitialspace=True) if '"' in text else None
        yield Row(line, text.split() if quoted is None else next(quoted))


def _lines(path: Path) -> Iterator[Row]:
    """The lines of a text file that are not blank, each as one cell."""
    with _opened(path) as file:
        for line, text in enumerate(_whole_lines(path, file), start=1):
            if text.strip():
                yield Row(line, [text.rstrip("\n")])


def _whole_lines(path: Path, file: IO[str]) -> Iterator[str]:
    """The lines of an opened text file.

    Raises:
        DataError: a line is longer than any that names a picture; only JSON may stand in a single line.
    """
    most = MOST_TEXT if path.suffix.lower() == ".json" else MOST_LINE
    for line in iter(lambda: file.readline(most), ""):
        if len(line) >= most and not line.endswith("\n"):
            shown = f"the row that begins with {line[:20]!r}"
            raise DataError(f"{path} has a row of more than {most:,} letters ({shown}); write one row per picture")
        yield line


@contextmanager
def _opened(path: Path, newline: str | None = None) -> Iterator[IO[str]]:
    """An opened text file; what goes wrong while it is read becomes a DataError."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(f"{path} is a pipe or a device; give the path of a table")
    try:
        with path.open("rb") as start:  # UTF-16 is Excel's "Unicode text"
            encoding = "utf-16" if start.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with path.open(encoding=encoding, newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save the table as CSV with UTF-8 encoding") from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table ({error}); save it as CSV") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give the path of a table") from error


def _dialect(lines: list[Row]) -> tuple[int, str]:
    """How many lines stand before the table, and its delimiter; " " for blanks of any number."""
    skip = 0
    texts = [row.cells[0] for row in lines]
    if texts and texts[0].lower().startswith("sep=") and len(texts[0]) >= 5:
        return 1, texts[0][4]
    while texts and texts[0].startswith("#") and not any(delimiter in texts[0] for delimiter in DELIMITERS):
        skip, texts = skip + 1, texts[1:]
    if len(texts) > 1 and texts[0].strip().isdigit():  # CelebA's tables start with the number of their rows
        skip, texts = skip + 1, texts[1:]
    shares: dict[str, tuple[int, float]] = {}
    for delimiter in DELIMITERS:
        widths = Counter(len(cells) for cells in csv.reader(texts, delimiter=delimiter, skipinitialspace=True))
        width, often = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            shares[delimiter] = width, often / max(len(texts), 1)
    if shares:
        # The delimiter that gives every row as many cells; of two such, the one that gives more.
        return skip, max(shares, key=lambda delimiter: (shares[delimiter][1] > 0.5, *shares[delimiter]))
    return skip, " " if any(len(text.split()) > 1 for text in texts) else ","


def _json_records(path: Path) -> list[Any]:
    """StyleGAN's dataset.json, {"labels": [[file, label], ...]}, or records: a list of them, or by file name."""
    content = _parsed(path, "".join(f"{row.cells[0]}\n" for row in _lines(path)))
    if isinstance(content, dict) and "labels" in content:
        pairs = content["labels"]
        if pairs is None:
            raise DataError(f"{path} has no labels (its labels are null); leave --labels out")
        if isinstance(pairs, list):
            content = dict(pairs) if all(_is_pair(pair) for pair in pairs) else None
    if (
        isinstance(content, dict)
        and len({type(value) if isinstance(value, (list, dict)) else None for value in content.values()}) == 1
    ):
        content = [{"file": file, **_record(value)} for file, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise DataError(
            f'{path} is no table in JSON; expected {{"labels": [["a.png", 0], ...]}} as StyleGAN has it, or a list of '
            'records like {"file": "a.png", "label": 0}'
        )
    return content


def _is_pair(value: Any) -> bool:
    """Whether an entry of dataset.json is a file name and what is said of it."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _record(value: Any) -> dict[str, Any]:
    """What is said of one picture, by column."""
    if isinstance(value, list):
        return {f"label {at}": entry for at, entry in enumerate(value)}
    return value if isinstance(value, dict) else {"label": value}


def _record_rows(path: Path, records: list[Any]) -> tuple[Iterator[Row], tuple[str, ...]]:
    """Records as rows below a header; what holds several values is left out."""
    keys = dict.fromkeys(key for record in records if isinstance(record, dict) for key in record)
    if records and not keys:
        raise DataError(f'{path} holds no records; write one a line, like {{"file_name": "a.png", "label": 0}}')
    if others := [line for line, record in enumerate(records, 1) if not isinstance(record, dict)]:
        found = str(records[others[0] - 1])[:40]
        like = '{"file_name": "a.png", "label": 0}'
        raise DataError(f"{path}, record {others[0]}, is {found!r}; write it like {like}")
    nested = tuple(key for key in keys if any(isinstance(record.get(key), (list, dict)) for record in records))
    kept = [key for key in keys if key not in nested]
    rows = (Row(line, [_cell(record.get(key)) for key in kept]) for line, record in enumerate(records, 1))
    header = [Row(0, kept)] if records else []
    return iter([*header, *rows]), nested


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text.lower() if isinstance(value, bool) else text


def _parsed(path: Path, text: str, where: str = "") -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        fault = f"{error.msg} at character {error.pos + 1}" if isinstance(error, JSONDecodeError) else str(error)
        raise DataError(f"{path}{where} is not JSON ({fault}); correct it") from error


def _filled(cells: list[str]) -> int:
    """How many cells there are up to the last that is not blank."""
    return next((at for at in range(len(cells), 0, -1) if cells[at - 1].strip()), 0)


def _width(sample: list[Row]) -> int:
    """How many columns there are: as many as most rows have, without those at their ends that are always blank."""
    header, *body = (row.cells for row in sample)
    lengths = Counter(map(len, body or [header]))
    usual = max(lengths, key=lambda length: (lengths[length], length == len(header)))
    return max(_filled(cells) for cells in (header, *body) if len(cells) <= usual or cells is header)


def _name_column(path: Path, sample: list[Row], find: Finder, width: int) -> int:
    """The place of the column with file names."""
    called = {cell.strip().lower(): at for at, cell in reversed([*enumerate(sample[0].cells[:width])])}
    # The first rows tell nearly always; only a table that starts with absent pictures needs reading to its end.
    for rows in (sample, rows_of(path)[0]):
        met: list[set[int | str]] = [set() for _ in range(width)]
        for row in rows:
            for named, cell in zip(met, row.cells, strict=False):
                match = find(cell)
                if match.row >= 0 or match.rivals:
                    named.add(cell if match.rivals else match.row)
        most = max(map(len, met))
        # Of pictures called 0.png and 1.png, a column of 0 and 1 names some too, but never more than these.
        if most > FEW_NAMES:
            break
    if len(sample) == 1 and not most:
        raise DataError(f"{path} has a single row, which names no picture; add one row per picture below the header")
    sure = next((called[word] for word in SURELY if word in called), None)
    if sure is not None and met[sure]:
        return sure
    if sure is not None and most <= FEW_NAMES:
        entry = next((row.cells[sure] for row in sample[1:] if len(row.cells) > sure), "")
        fault = f"column {sample[0].cells[sure]!r} names no picture of the folder (the first entry: {entry})"
        remedy = "write each picture's path inside the folder, or give the folder that holds these pictures"
        raise DataError(f"{path}, {fault}; {remedy}")
    if most:
        return _likeliest(path, sample[0], [at for at, named in enumerate(met) if len(named) == most], called)
    read = f"row {sample[0].line or 1} reads: {', '.join(sample[0].cells[:5])}"
    fault = f"has no column of file names: no cell names a picture of the folder ({read})"
    raise DataError(f"{path} {fault}; add a column with each picture's path inside the folder")


def _likeliest(path: Path, first: Row, places: list[int], called: dict[str, int]) -> int:
    """Of columns that name equally many pictures, the one that is called like file names."""
    by_name = [called[word] for word in CALLED if called.get(word) in places]
    if not by_name and len(places) > 1:
        # The header may be shorter than the rows.
        called_so = [first.cells[at] if at < len(first.cells) else f"column {at + 1}" for at in places]
        names = f"columns that may be file names ({', '.join(called_so)})"
        raise DataError(f"{path} has {len(places)} {names}; call the right one file in the header")
    return [*by_name, *places][0]


def _header(row: Row, place: int, find: Finder, width: int) -> list[str] | None:
    """The columns' names if the row is a header, None if it is already data."""
    cells = [cell.strip() for cell in row.cells]
    cells += [""] * (width - len(cells))
    match = find(cells[place])
    if match.row >= 0 or match.rivals or looks_like_a_file(cells[place]):
        return None
    others = [cell for at, cell in enumerate(cells[:width]) if at != place]
    if others and all(is_number(cell) or cell.lower() in ("true", "false") for cell in others):
        return None
    return cells[:width]


def is_number(text: str) -> bool:
    """Whether a cell is a finite number; a comma may stand for the point."""
    return np.isfinite(to_number(text))


def to_number(text: str) -> float:
    """A cell's number; nan where it is none."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return float("nan")


def _is_index(column: Column, given: bool) -> bool:
    """Whether a column only counts the rows: it has no name of its own, and its numbers go up by one."""
    if column.name.lower() not in INDEX if given else column.name != "column 1":
        return False
    try:
        numbers = [int(word) for word in column.words]
    except ValueError:
        return False
    return 1 < len(numbers) == len(column.codes) and all(after - before == 1 for before, after in pairwise(numbers))
