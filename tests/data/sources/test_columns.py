"""What columns mean: attributes, classes, factors, a split; and what a user may say otherwise."""

from pathlib import Path

import numpy as np
import pytest

from simulacra.data.sources.base import Options
from simulacra.data.sources.columns import Meaning, understand
from simulacra.data.sources.tables import Column, Faults, Table
from simulacra.errors import DataError

ROWS = 24
CELLS = {
    "Smile": ["0", "1"],
    "Hat": ["-1", "1"],
    "Beard": ["false", "TRUE"],
    "label": ["cat", "dog", "fox"],
    "target": ["0", "1", "2"],
    "class": ["0", "1"],
    "Sex": ["Male", "Female"],
    "Age": [str(20 + row) for row in range(ROWS)],
    "x": [str(row / 7) for row in range(ROWS)],
    "shape": ["1", "2", "3"],
    "scale": ["0.5", "0.6", "0.7", "0.8"],
    "comma": ["0,5", "1,5", "2,5"],
    "text": [f"a picture of {row}" for row in range(ROWS)],
    "split": ["train", "train", "val", "test"],
    "Usage": ["Training", "Training", "PublicTest"],
    "partition": ["0", "0", "1", "2"],
    "blanks": ["0", "1", "", "NA"],
    "minus": ["0", "1", "-1", "1"],
    "maybe": ["0", "1", "1", "maybe"],
    "two": ["0", "1", "0", "1", "1", "2"],
    "one": ["only"],
    "is_train": ["1", "1", "0"],
    "dx": ["nv", "mel", "bkl"],
    "graded": ["no", "no", "no", "mild", "severe", "no"],
    "Y/N": ["Y", "N"],
    "tags": ["sea|sun", "sun", "sea ; ice", "ice"],
    "numbered": ["1|cat", "2|dog"],
    "fold": ["0", "1", "2", "3"],
}


def meaning(*names: str, **asked: object) -> Meaning:
    columns = [columns_of(name) for name in names]
    lines = np.arange(2, ROWS + 2)
    table = Table(Path("t.csv"), Column("file", [], np.arange(ROWS)), columns, lines)
    faults = Faults(table.path)
    understood = understand(table, Options(**asked), faults)  # type: ignore[arg-type]
    faults.check()
    return understood


def columns_of(name: str) -> Column:
    words = list(dict.fromkeys(CELLS[name]))
    cells = [CELLS[name][row % len(CELLS[name])] for row in range(ROWS)]
    return Column(name, words, np.array([words.index(cell) for cell in cells]))


@pytest.mark.parametrize(
    ("names", "labels", "exclusive", "factors"),
    [
        (("Smile",), ("Smile",), False, ()),
        (("Smile", "Hat", "Beard"), ("Smile", "Hat", "Beard"), False, ()),
        (("label",), ("cat", "dog", "fox"), True, ()),
        (("Sex",), ("Female", "Male"), True, ()),
        (("target",), ("0", "1", "2"), True, ()),
        (("class",), ("0", "1"), True, ()),
        (("shape",), ("1", "2", "3"), True, ()),
        (("Age",), (), False, ("Age",)),
        (("x",), (), False, ("x",)),
        (("comma",), (), False, ("comma",)),
        (("shape", "scale", "x"), (), False, ("shape", "scale", "x")),
        (("label", "x", "Age"), ("cat", "dog", "fox"), True, ("x", "Age")),
        (("target", "x"), ("0", "1", "2"), True, ("x",)),
        (("Smile", "Age", "Hat"), ("Smile", "Hat"), False, ("Age",)),
        (("label", "text"), ("cat", "dog", "fox"), True, ()),
        (("label", "Sex"), ("cat", "dog", "fox"), True, ()),
        (("Smile", "text"), ("Smile",), False, ()),
        (("class", "Age"), ("0", "1"), True, ("Age",)),
        (("dx", "Sex", "Age"), ("bkl", "mel", "nv"), True, ("Age",)),
        (("label", "fold"), ("cat", "dog", "fox"), True, ()),
        (("graded",), ("mild", "no", "severe"), True, ()),
        (("Y/N",), ("Y/N",), False, ()),
        (("Smile", "one"), ("Smile",), False, ()),
        (("tags",), ("ice", "sea", "sun"), False, ()),
        (("tags", "x"), ("ice", "sea", "sun"), False, ("x",)),
        (("numbered",), ("1|cat", "2|dog"), True, ()),
    ],
)
def test_columns_are_understood_by_their_values(
    names: tuple[str, ...], labels: tuple[str, ...], exclusive: bool, factors: tuple[str, ...]
) -> None:
    found = meaning(*names)
    assert found.label_names == labels
    assert found.exclusive is exclusive
    assert found.factor_names == factors
    assert found.labels.shape == (ROWS, len(labels))
    if exclusive:
        assert (found.labels.sum(1) == 1).all()
    if factors:
        assert found.factors.shape == (ROWS, len(factors))
        assert found.factors.dtype == np.float32


def test_values_are_those_of_the_cells() -> None:
    assert meaning("Smile", "Hat", "Beard").labels[:2].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert meaning("tags").labels[:4].tolist() == [[0, 1, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0]]
    assert meaning("label").labels[:3].tolist() == np.eye(3, dtype=int).tolist()
    assert meaning("comma", "x").factors[1].tolist() == pytest.approx([1.5, 1 / 7])


@pytest.mark.parametrize(
    ("name", "counts"),
    [("split", [12, 6, 6]), ("is_train", [16, 0, 8]), ("Usage", [16, 0, 8]), ("partition", [12, 6, 6])],
)
def test_a_column_of_parts_is_the_split(name: str, counts: list[int]) -> None:
    found = meaning("label", name)
    assert found.label_names == ("cat", "dog", "fox")
    assert found.split is not None
    assert np.bincount(found.split, minlength=3).tolist() == counts
    assert f"split from column {name}" in found.line
    assert meaning("label", name, split="random").split is None


def test_columns_and_factors_are_chosen_by_name() -> None:
    found = meaning("Smile", "Sex", "Age", "minus", columns=("Smile",))
    assert (found.label_names, found.factor_names) == (("Smile",), ())
    assert meaning("Smile", "Sex", "Age", columns=("Sex",)).label_names == ("Female", "Male")
    assert meaning("text", columns=("text",)).exclusive
    assert meaning("Smile", "maybe", columns=("maybe",)).label_names == ("0", "1", "maybe")
    found = meaning("Smile", "shape", "x", factors=("shape",))
    assert (found.label_names, found.factor_names) == (("Smile",), ("shape",))
    assert "not used: x" in found.line
    assert meaning("Smile", "x", factors=("Smile", "x")).factor_names == ("Smile", "x")


@pytest.mark.parametrize(
    ("name", "asked", "kept", "ones"),
    [
        ("blanks", {"missing": "0"}, 24, 6),
        ("blanks", {"missing": "1"}, 24, 18),
        ("blanks", {"missing": "drop"}, 12, 6),
        ("minus", {"unknown": "0"}, 24, 12),
        ("minus", {"unknown": "1"}, 24, 18),
        ("minus", {"unknown": "drop"}, 18, 12),
    ],
)
def test_blanks_and_minus_1_mean_what_the_user_says(name: str, asked: dict[str, str], kept: int, ones: int) -> None:
    found = meaning("Smile", name, **asked)
    assert int(found.keep.sum()) == kept
    assert int(found.labels[found.keep, 1].sum()) == ones
    assert sum(found.odd.values()) == ROWS - kept


def test_the_line_says_what_was_understood() -> None:
    assert meaning("label", "x", "text").line == (
        "t.csv: 3 classes from column label: cat 8, dog 8, fox 8; 1 factor (x); not used: text"
    )
    assert "(ice, sea, sun) from column tags, whose cells name several" in meaning("tags", "one").line
    assert "not used: one" in meaning("tags", "one").line
    assert meaning("Smile", "Hat").line == "t.csv: 2 attributes (Smile, Hat)"


def test_one_column_may_say_no_with_0_and_another_with_minus_1() -> None:
    assert meaning("Smile", "Hat").labels[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("Smile", "blanks"), r"column 'blanks' is empty in 12 rows \(the first: row 4\); say what.*--missing 0, --m"),
        (("Smile", "minus"), "column 'minus' has both -1 and 0; write one of them for no.*--unknown 0"),
        (("Smile", "maybe"), r"row 5, column 'maybe' is 'maybe' \(and in 5 more rows\); write 0/1, -1/1"),
        (("Smile", "two"), r"row 7, column 'two' is '2'"),
        (("one",), "row 2, column 'one' is 'only'.*; write 0/1"),
        (("Smile", "Sex"), r"columns with words: Sex \(Male, Female\); leave them out: --columns Smile; or take one"),
        (("text",), "column 'text' has 24 different values in 24 rows, too many for classes.*--columns text"),
        (("Smile", "Smile"), "two columns named 'Smile'; rename one"),
        (("blanks", "minus", "Sex"), r"3 kinds of faults: .*\(1\).*\(2\).*\(3\)"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_remedy(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        meaning(*names)
    assert str(error.value).startswith("t.csv")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": ("Smil",)}, "no column 'Smil' for --columns; did you mean Smile"),
        ({"factors": ("y",)}, "no column 'y' for --factors"),
        ({"missing": "2"}, "--missing is '2', expected 0, 1 or drop"),
        ({"unknown": "?"}, "--unknown is '\\?', expected 0, 1 or drop"),
    ],
)
def test_options_that_fit_no_table_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        meaning("Smile", "Age", **asked)
