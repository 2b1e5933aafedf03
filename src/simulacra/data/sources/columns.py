"""What columns of a table mean, by the rules of docs/data.md: attributes, classes, factors, the split, or nothing."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulacra.data.sources.base import Options, describe, one_hot, some
from simulacra.data.sources.tables import Column, Faults, Table, is_number, to_number
from simulacra.data.splits import TEST, TRAIN, roles
from simulacra.errors import DataError, nearest

MINUS = 255  # what -1 is until the whole column is read
TRUTH = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y"), 1),
    **dict.fromkeys(("0", "0.0", "false", "no", "n"), 0),
    **dict.fromkeys(("-1", "-1.0"), MINUS),
}
ONE_SIDED = frozenset(("yes", "true", "y")), frozenset(("no", "false", "n"))  # of two words that go together
ACCEPTED = "0/1, -1/1, true/false or 0.0/1.0"
BLANK = frozenset(("", "na", "n/a", "nan", "null", "<na>"))
# Columns of classes and of splits are called so.
CLASS_NAMES = re.compile(
    "labels?|label_(name|id)|class(es)?|class_?(name|id)|category(_id)?|target|species|breed|diagnosis|dx"
)
SPLIT_NAMES = frozenset(("split", "partition", "subset", "set", "usage", "fold", "part", "phase", "mode"))
# A column of these names says with 0 and 1 what is trained on, or what is tested on.
TRAIN_NAMES, TEST_NAMES = frozenset(("is_train", "is_training")), frozenset(("is_test", "is_testing"))
# A column of whole numbers with no more values than this, and no other beside it, is one of classes.
MOST_NUMBERS = 20
# A column where more than this share of the rows have values of their own says nothing about what pictures share.
OWN = 0.5
# Between several labels in one cell.
SEVERAL = re.compile(r"\s*[|;]\s*")
CHOICES = ("0", "1", "drop")


@dataclass
class Meaning:
    """What a table says of R rows."""

    keep: NDArray[np.bool_]  # (R,) bool, False for rows that are left out for want of a value
    label_names: tuple[str, ...] = ()  # K names
    # (R, K) uint8 in {0, 1}; all 0 where `keep` is False.
    labels: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    exclusive: bool = False  # whether the labels are classes
    factor_names: tuple[str, ...] = ()  # F names
    factors: NDArray[np.float32] | None = None  # (R, F) float32, or None
    split: NDArray[np.uint8] | None = None  # (R,) uint8, an index into SPLITS, or None
    line: str = ""  # what was understood, in one line
    odd: dict[str, int] = field(default_factory=dict)  # rows that were left out, as a sentence, and how often


@dataclass
class _Sorted:
    """Columns by what they are."""

    attributes: list[Column] = field(default_factory=list)
    classes: Column | None = None
    factors: list[Column] = field(default_factory=list)
    split: Column | None = None
    unused: list[str] = field(default_factory=list)


def understand(table: Table, asked: Options, faults: Faults) -> Meaning:
    """Finds out what a table's columns mean, and their values.

    Args:
        table: as read.
        asked: what the user asked for; of its attributes columns, missing, unknown, factors and split.
        faults: takes what is wrong with values; the caller checks them.

    Raises:
        DataError: no column of a name that was asked for, or an option of another value.
    """
    for option, value in (("missing", asked.missing), ("unknown", asked.unknown)):
        if value is not None and value not in CHOICES:
            raise DataError(f"--{option} is {value!r}, expected 0, 1 or drop; choose one of them")
    _check_names(table, asked, faults)
    found = _sort(table, asked, faults)
    read = _Values(table.lines, asked, faults)
    if found.classes is not None and (pieces := _pieces(found.classes)):
        read.take_pieces(found.classes, pieces)
    elif found.classes is not None:
        read.take_classes(found.classes)
    else:
        read.take_attributes(found.attributes)
    read.take_factors(found.factors)
    if found.split is not None:
        parts = [_part_of(found.split, word) for word in found.split.words]
        read.meaning.split = np.array(parts, np.uint8)[found.split.codes]
    read.meaning.line = _line(table, found, read.meaning)
    return read.meaning


def attributes(columns: Sequence[Column], lines: NDArray[np.int64], faults: Faults) -> NDArray[np.uint8]:
    """(R, K) uint8 in {0, 1} of columns that are attributes; other values are faults."""
    read = _Values(lines, Options(), faults)
    read.take_attributes(columns)
    return read.meaning.labels


class _Values:
    """Turns columns into values, and notes what is wrong with them."""

    def __init__(self, lines: NDArray[np.int64], asked: Options, faults: Faults) -> None:
        self.lines, self.asked, self.faults = lines, asked, faults
        self.meaning = Meaning(np.ones(len(lines), dtype=np.bool_))

    def take_attributes(self, columns: Sequence[Column]) -> None:
        """Labels of which a picture may have several."""
        values = [self._truth(column) for column in columns]
        self.meaning.label_names = tuple(column.name for column in columns)
        self.meaning.labels = np.stack(values, axis=1) if values else np.zeros((len(self.lines), 0), np.uint8)

    def take_classes(self, column: Column) -> None:
        """Labels of which a picture has one."""
        blank = self._blanks(column, only_drop=True)
        words = _said(column)
        numbers = all(map(is_number, words))
        # 1 and 1.0 are one class.
        names = {word: str(int(to_number(word))) if numbers and _is_whole(word) else word for word in words}
        ordered = sorted(words, key=lambda word: (to_number(word) if numbers else 0, word))
        classes = list(dict.fromkeys(names[word] for word in ordered))
        members = [classes.index(names[word]) if word in names else 0 for word in column.words]
        self.meaning.label_names, self.meaning.exclusive = tuple(classes), True
        self.meaning.labels = one_hot(np.array(members, np.int64)[column.codes], len(classes)) * ~blank[:, None]

    def take_pieces(self, column: Column, pieces: list[str]) -> None:
        """Labels of which a cell names several: Mass|Nodule."""
        blank = self._blanks(column, only_drop=True)
        named = [set(SEVERAL.split(word)) for word in column.words]
        values = np.array([[piece in names for piece in pieces] for names in named], dtype=np.uint8)
        self.meaning.label_names = tuple(pieces)
        self.meaning.labels = values[column.codes] * ~blank[:, None]

    def take_factors(self, columns: list[Column]) -> None:
        """Numbers that are known of the pictures."""
        values = []
        for column in columns:
            self._blanks(column, only_drop=True)
            numbers = np.array([to_number(word) for word in column.words], dtype=np.float32)
            bad = [word for word, number in zip(column.words, numbers, strict=True) if not np.isfinite(number)]
            self._note(column, bad, "write a number, or leave the column out with --columns")
            values.append(np.nan_to_num(numbers)[column.codes])
        self.meaning.factor_names = tuple(column.name for column in columns)
        if values:
            self.meaning.factors = np.stack(values, axis=1)

    def _truth(self, column: Column) -> NDArray[np.uint8]:
        """(R,) 0 or 1 of one attribute."""
        self._blanks(column)
        truths = [TRUTH.get(word.lower()) for word in column.words]
        bad = [word for word, truth in zip(column.words, truths, strict=True) if truth is None]
        self._note(column, bad, f"write {ACCEPTED}, or leave the column out with --columns")
        minus = [word for word, truth in zip(column.words, truths, strict=True) if truth == MINUS]
        missing, unknown = self.asked.missing, self.asked.unknown
        if minus and unknown == "drop":
            self._drop(column, minus, f"rows left out where {column.name} is -1")
        elif minus and unknown is None and 0 in truths:
            self.faults.add(
                f"column {column.name!r} has both -1 and 0",
                "write one of them for no, or say what -1 means: --unknown 0, --unknown 1 or --unknown drop",
            )
        means = {None: missing == "1", MINUS: unknown == "1"}
        return np.array([means.get(truth, truth) for truth in truths], dtype=np.uint8)[column.codes]

    def _blanks(self, column: Column, only_drop: bool = False) -> NDArray[np.bool_]:
        """Which rows are blank: left out where that was asked for, a fault where they mean no value."""
        words = [word for word in column.words if word.lower() in BLANK]
        blank = _rows_of(column, words)
        if words and self.asked.missing == "drop":
            self._drop(column, words, f"rows left out where {column.name} is empty")
        elif words and (self.asked.missing is None or only_drop):
            first = int(np.argmax(blank))
            shown = column.words[int(column.codes[first])]
            count = f"{blank.sum():,} {'row' if blank.sum() == 1 else 'rows'} (the first: row {self.lines[first]})"
            remedy = "--missing drop" if only_drop else "--missing 0, --missing 1 or --missing drop"
            self.faults.add(
                f"column {column.name!r} is {repr(shown) if shown else 'empty'} in {count}",
                f"say what that means: {remedy}",
            )
        return blank

    def _drop(self, column: Column, words: list[str], why: str) -> None:
        rows = _rows_of(column, words)
        self.meaning.keep &= ~rows
        self.meaning.odd[why] = int(rows.sum())

    def _note(self, column: Column, words: list[str], remedy: str) -> None:
        """Notes cells that are none of what a column holds; blank ones are noted elsewhere."""
        counts = column.counts()
        for word in words:
            if word.lower() not in BLANK:
                at = column.words.index(word)
                again = f" (and in {counts[at] - 1:,} more rows)" if counts[at] > 1 else ""
                row = self.lines[column.first(at)]
                self.faults.add(f"row {row}, column {column.name!r} is {word!r}{again}", remedy)


def _rows_of(column: Column, words: list[str]) -> NDArray[np.bool_]:
    """Which rows have one of these words."""
    return np.isin(column.codes, [column.words.index(word) for word in words])


def _check_names(table: Table, asked: Options, faults: Faults) -> None:
    """Refuses columns that are not there, and two of one name."""
    names = [column.name for column in table.columns]
    for option, wanted in (("columns", asked.columns), ("factors", asked.factors)):
        for name in wanted or ():
            if name not in names:
                raise DataError(f"{table.path} has no column {name!r} for --{option}; {nearest(name, names)}")
    for at, name in enumerate(names):
        if not name:
            fault = f"it has an attribute without a name (column {at + 1} beside the file names)"
            faults.add(fault, "name it in the header")
        elif name in names[:at]:
            faults.add(f"it has two columns named {name!r}", "rename one in the header")


def _sort(table: Table, asked: Options, faults: Faults) -> _Sorted:
    """What each column is."""
    found = _Sorted(unused=list(table.ignored))
    wanted = set(asked.columns or ()) | set(asked.factors or ())
    rest = []
    for column in table.columns:
        if asked.factors is not None and column.name in asked.factors:
            found.factors.append(column)
        elif asked.columns is not None and column.name not in wanted:
            continue
        elif asked.columns is None and found.split is None and _is_split(column):
            found.split = column if asked.split != "random" else None
        elif asked.columns is None and column.name.lower() in SPLIT_NAMES and all(map(is_number, _said(column))):
            found.unused.append(column.name)
        else:
            rest.append(column)
    if asked.columns is None and len(rest) > 1:
        silent = [column.name for column in rest if _is_own(column) or _is_constant(column)]
        found.unused += silent
        rest = [column for column in rest if column.name not in silent]
    if len(rest) == 1:
        _sort_one(rest[0], asked, found, faults)
    else:
        _sort_several(rest, asked, found, faults)
    return found


def _sort_one(column: Column, asked: Options, found: _Sorted, faults: Faults) -> None:
    """The only column: an attribute, classes, or a factor."""
    kind, words = _kind(column, alone=True), _said(column)
    called = _is_called_classes(column) or asked.columns is not None
    if asked.columns is not None and not all(word.lower() in TRUTH or is_number(word) for word in words):
        kind = "words"
    if _is_numbered(column):
        found.classes = column
    elif kind == "truth" or (kind == "words" and len(words) < 2):
        found.attributes = [column]
    elif kind == "words" and not called and _is_own(column):
        many = f"{len(words):,} different values in {len(column.codes):,} rows"
        fault = f"column {column.name!r} has {many}, too many for classes"
        faults.add(fault, f"if it holds classes: --columns {shlex.quote(column.name)}")
    elif kind == "words" or ((called or len(words) <= MOST_NUMBERS) and all(map(_is_whole, words))):
        found.classes = column
    elif asked.factors is None:
        found.factors.append(column)
    else:
        found.unused.append(column.name)


def _sort_several(columns: list[Column], asked: Options, found: _Sorted, faults: Faults) -> None:
    """Several columns: attributes and factors, or one of classes and factors."""
    kinds = {column.name: _kind(column, alone=False) for column in columns}
    truths, words, numbers = (
        [column for column in columns if kinds[column.name] == kind] for kind in ("truth", "words", "number")
    )
    if len(truths) == 1 and not words and _is_numbered(truths[0]):
        numbers, truths = [*numbers, truths[0]], []
    called = [column for column in words + numbers if _is_called_classes(column)]
    called = [column for column in called if kinds[column.name] == "words" or all(map(_is_whole, _said(column)))]
    if not truths and (len(words) == 1 or (len(called) == 1 and (called[0] in words or not words))):
        found.classes = words[0] if len(words) == 1 else called[0]
        found.unused += [column.name for column in words if column is not found.classes]
        numbers = [column for column in numbers if column is not found.classes]
    elif words:
        names = ", ".join(f"{column.name} ({some(_said(column), 3)})" for column in words)
        rest = shlex.quote(",".join(column.name for column in truths + numbers)) if truths or numbers else ""
        best = min(words, key=lambda column: (len(_said(column)) < 2, len(_said(column)))).name
        choose = f"leave them out: --columns {rest}; or take" if rest else "take"
        faults.add(f"columns with words: {names}", f"{choose} one of them for classes: --columns {shlex.quote(best)}")
    found.attributes = truths
    if asked.factors is None:
        found.factors += numbers
    else:
        found.unused += [column.name for column in numbers]


def _is_called_classes(column: Column) -> bool:
    return CLASS_NAMES.fullmatch(column.name.lower()) is not None


def _is_numbered(column: Column) -> bool:
    """Whether a column that says that it holds classes has two of them, called 0 and 1."""
    words = _said(column)
    return _is_called_classes(column) and len(words) > 1 and set(words) <= {"0", "1", "0.0", "1.0"}


def _kind(column: Column, alone: bool) -> str:
    """What a column holds: "truth", "number" or "words". A few cells of another kind are faults of it."""
    counts = column.counts()
    said = [at for at, word in enumerate(column.words) if word.lower() not in BLANK]
    rows = max(int(counts[said].sum()), 1)
    truths = [at for at in said if column.words[at].lower() in TRUTH]
    numbers = [at for at in said if is_number(column.words[at])]
    if len(truths) == len(said):
        return "truth"
    if len(numbers) == len(said):
        # A 2 among many 0 and 1 is a slip of the pen, unless whole numbers are what the table is about.
        slip = len(said) - len(truths) == 1 and counts[truths].sum() > 2 / 3 * rows and not alone
        return "truth" if slip and not _is_called_classes(column) else "number"
    spoken = {column.words[at].lower() for at in truths}
    # No, mild and severe are classes, however often no is met; yes, no and perhaps are an attribute with a fault.
    if counts[truths].sum() > rows / 2 and not any(spoken <= side for side in ONE_SIDED):
        return "truth"
    return "number" if counts[numbers].sum() > rows / 2 and len(numbers) > 2 else "words"


def _said(column: Column) -> list[str]:
    """The words of a column that are not blank."""
    return [word for word in column.words if word.lower() not in BLANK]


def _pieces(column: Column) -> list[str]:
    """What the cells of a column name, where some name several and these are met in other cells too; else none."""
    words = _said(column)
    met = Counter(piece for word in words for piece in SEVERAL.split(word) if piece)
    return sorted(met) if max(met.values(), default=0) > 1 else []


def _is_whole(word: str) -> bool:
    return to_number(word).is_integer()


def _is_own(column: Column) -> bool:
    """Whether nearly every row has words of its own: a caption, an address."""
    return (
        _kind(column, alone=True) == "words" and len(column.codes) > 10 and len(column.words) > OWN * len(column.codes)
    )


def _is_constant(column: Column) -> bool:
    """Whether every row has the same word, which says nothing."""
    return len(column.words) == 1 and _kind(column, alone=True) == "words"


def _is_split(column: Column) -> bool:
    """Whether a column says the split: it is called so, and its words are parts of one."""
    words = _said(column)
    if len(words) < len(column.words):
        return False
    if column.name.lower() in TRAIN_NAMES | TEST_NAMES:
        return _kind(column, alone=True) == "truth"
    if column.name.lower() not in SPLIT_NAMES:
        return False
    official = column.name.lower() == "partition" and set(words) <= {"0", "1", "2"}
    return official or (bool(words) and set(roles(words)) == set(words))


def _part_of(column: Column, word: str) -> int:
    """The part of the split that a word means."""
    truth = TRUTH.get(word.lower())
    if column.name.lower() in TRAIN_NAMES | TEST_NAMES:
        return TRAIN if (truth == 1) == (column.name.lower() in TRAIN_NAMES) else TEST
    return roles(column.words)[word][0] if not word.isdigit() else int(word)


def _line(table: Table, found: _Sorted, meaning: Meaning) -> str:
    """What was understood, in one line."""
    origin = f"column {found.classes.name}" if found.classes is not None else ""
    said = describe(meaning.label_names, meaning.labels, meaning.exclusive, origin, meaning.factor_names)
    if found.classes is not None and not meaning.exclusive:
        said += f" from column {found.classes.name}, whose cells name several"
    parts = [said] if said else []
    if found.split is not None:
        parts.append(f"split from column {found.split.name}")
    if found.unused:
        parts.append(f"not used: {some(found.unused)}")
    return f"{table.path.name}: {'; '.join(parts)}"
