"""Tables in the dialects people keep, and one sentence for those that are none."""

from pathlib import Path

import pytest

from simulacra.data.sources.folder import Finder
from simulacra.data.tables import Table, read_table
from simulacra.errors import DataError

NAMES = ("a.png", "b.png", "c.png")


def table(tmp_path: Path, text: str | bytes, names: tuple[str, ...] = NAMES) -> Table:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, Finder(list(names)))


@pytest.mark.parametrize(
    "text",
    [
        "file,Smile,Hat\na.png,1,0\nb.png,0,1\n",
        "file;Smile;Hat\na.png;1;-1\nb.png;-1;1\n",
        "file\tSmile\tHat\r\na.png\tTrue\tfalse\r\nb.png\tFALSE\ttrue\r\n",
        "Smile, file, Hat\n1.0, a.png, 0.0\n\n0.0, b.png, 1.0\n",
        '\ufefffile,Smile,Hat\n"a.png",1,0\nb.png,0,1\n',
    ],
    ids=["commas", "semicolons", "tabs", "floats", "excel"],
)
def test_delimiter_header_and_name_column_are_found(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, text)
    assert found.names == ["a.png", "b.png"]
    assert found.columns == ("Smile", "Hat")
    assert found.values.tolist() == [[1, 0], [0, 1]]


def test_a_table_without_header_numbers_its_columns(tmp_path: Path) -> None:
    found = table(tmp_path, "a.png,1,0\nb.png,0,1\n")
    assert found.columns == ("column 2", "column 3")
    assert len(found.names) == 2


def test_absent_pictures_at_the_top_do_not_hide_the_name_column(tmp_path: Path) -> None:
    rows = "".join(f"gone{number}.png,1\n" for number in range(300))
    assert len(table(tmp_path, f"file,Smile\n{rows}a.png,0\n").names) == 301


@pytest.mark.parametrize("rows", [2, 5, 400])
def test_pictures_called_0_and_1_do_not_make_an_attribute_the_name_column(tmp_path: Path, rows: int) -> None:
    names = tuple(f"{number}.png" for number in range(rows))
    text = "Smiling,id\n" + "".join(f"{(number + 1) % 2},{number}\n" for number in reversed(range(rows)))
    found = table(tmp_path, text, names)
    assert found.columns == ("Smiling",)
    assert found.names == [str(number) for number in reversed(range(rows))]


def test_absent_pictures_at_the_top_do_not_make_an_attribute_the_name_column(tmp_path: Path) -> None:
    rows = "".join(f"gone{number},{number % 2}\n" for number in range(300))
    text = f"file,Smile\n{rows}" + "".join(f"{name},0\n" for name in NAMES)
    assert table(tmp_path, text, ("0.png", "1.png", *NAMES)).columns == ("Smile",)


def test_two_columns_that_both_may_be_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 columns that may be file names \(Smiling, Number\); call"):
        table(tmp_path, "Smiling,Number\n1,0\n0,1\n", ("0.png", "1.png"))


def test_one_column_may_say_no_with_0_and_another_with_minus_1(tmp_path: Path) -> None:
    assert table(tmp_path, "file,A,B\na.png,0,-1\nb.png,1,1\n").values.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("file,Smile\nx.png,1\n", "no column of file names"),
        ("file\na.png\n", "no attribute"),
        ("file,Smile\na.png,maybe\n", r"row 2, column 'Smile' is 'maybe'; write 0/1"),
        ("file,Smile\na.png,\n", "column 'Smile' is ''"),
        ("file,Smile\na.png,2\n", "column 'Smile' is '2'"),
        ("file,Smile,Hat\na.png,1,0\nb.png,1\n", "row 3 has 2 columns where 3 are due"),
        ("file,Smile,Smile\na.png,1,0\n", "two columns named 'Smile'"),
        ("file,,Hat\na.png,1,0\n", "without a name"),
        ("file,Smile\na.png,1\na.png,0\n", "row 3 names a.png again"),
        ("file,Smile\na.png,1\nb.png,0\nc.png,-1\n", "column 'Smile' has both -1 and 0; write one of them"),
        ("file,Smile\na.png,1\nb.png,false\nc.png,-1.0\n", "column 'Smile' has both -1 and 0"),
        (b"file,Smile\n\xff\xfe\x00,1\n", "not UTF-8"),
    ],
)
def test_a_bad_table_is_told_by_file_row_and_remedy(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        table(tmp_path, text)
    assert "t.csv" in str(error.value)


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    assert table(tmp_path, "file,Smile\na.png,1\na.png,1\n").names == ["a.png"]


def test_an_absent_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.csv", lambda _: None)
