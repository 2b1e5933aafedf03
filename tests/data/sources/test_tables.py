"""Tables in the forms people keep, and one message for those that are none."""

import json
from pathlib import Path

import pytest

from simulacra.data.sources.picture_names import Finder
from simulacra.data.sources.tables import Column, Faults, Table, read_table
from simulacra.errors import DataError

NAMES = ("a.png", "b.png", "c.png")


def table(tmp_path: Path, text: str | bytes, names: tuple[str, ...] = NAMES, file: str = "t.csv") -> Table:
    path = tmp_path / file
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    faults = Faults(path)
    read = read_table(path, Finder(names), faults)
    faults.check()
    return read


def cells(column: Column) -> list[str]:
    return [column.words[code] for code in column.codes]


@pytest.mark.parametrize(
    "text",
    [
        "file,Smile,Hat\na.png,1,0\nb.png,0,1\n",
        "file;Smile;Hat\na.png;1;0\nb.png;0;1\n",
        "file\tSmile\tHat\r\na.png\t1\t0\r\nb.png\t0\t1\r\n",
        "Smile, file, Hat\n1, a.png, 0\n\n0, b.png, 1\n",
        '\ufefffile,Smile,Hat\n"a.png",1,0\nb.png,0,1\n',
        "sep=;\nfile;Smile;Hat\na.png;1;0\nb.png;0;1\n",
        "file,Smile,Hat,\na.png,1,0,\nb.png,0,1,\n",
        "file,Smile,Hat\na.png,1,0,,\nb.png,0,1,,\n",
        "file Smile  Hat\na.png 1 0\nb.png   0 1\n",
        "2\nSmile Hat\na.png  1 0\nb.png  0 1\n",
        "Smile,Hat\na.png,1,0\nb.png,0,1\n",
        '"Smile" "Hat"\n"a.png" 1 0\n"b.png" 0 1\n',
        ",file,Smile,Hat\n0,a.png,1,0\n1,b.png,0,1\n",
        "Unnamed: 0,file,Smile,Hat\n5,a.png,1,0\n6,b.png,0,1\n",
        "# made by hand\nfile,Smile,Hat\na.png,1,0\nb.png,0,1\n",
        "file|Smile|Hat\na.png|1|0\nb.png|0|1\n",
        "file\tSmile\tHat\na.png\t1\t0\nb.png\t0\t1\n".encode("utf-16"),
    ],
    ids=[
        "commas",
        "semicolons",
        "tabs",
        "spaces",
        "excel",
        "sep=",
        "trailing",
        "trailing-rows",
        "blanks",
        "celeba",
        "no-name",
        "r",
        "index",
        "pandas",
        "comment",
        "bars",
        "utf-16",
    ],
)
def test_delimiter_header_and_name_column_are_found(tmp_path: Path, text: str | bytes) -> None:
    read = table(tmp_path, text)
    assert cells(read.names) == ["a.png", "b.png"]
    assert [column.name for column in read.columns] == ["Smile", "Hat"]
    assert [cells(column) for column in read.columns] == [["1", "0"], ["0", "1"]]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("dataset.json", {"labels": [["00000/a.png", 1], ["00000/b.png", 0]]}),
        ("t.json", {"a.png": 1, "b.png": 0}),
        ("t.json", {"a.png": {"label": 1}, "b.png": {"label": 0}}),
        ("t.json", [{"file": "a.png", "label": 1}, {"file": "b.png", "label": 0}]),
        ("metadata.jsonl", [{"file_name": "a.png", "label": 1}, {"file_name": "b.png", "label": 0, "box": [1, 2]}]),
    ],
    ids=["stylegan", "mapping", "mapping of records", "records", "hugging face"],
)
def test_json_is_a_table_too(tmp_path: Path, file: str, content: object) -> None:
    lines = [json.dumps(record) for record in content] if file.endswith("jsonl") else [json.dumps(content)]
    read = table(tmp_path, "\n".join(lines), file=file)
    assert [find_stem(name) for name in cells(read.names)] == ["a", "b"]
    assert [(column.name, cells(column)) for column in read.columns] == [("label", ["1", "0"])]
    assert read.ignored == (("box",) if file.endswith("jsonl") else ())


def find_stem(name: str) -> str:
    return Path(name).stem


def test_vectors_of_labels_become_columns(tmp_path: Path) -> None:
    read = table(tmp_path, json.dumps({"labels": [["a.png", [1, 0]], ["b.png", [0, 1]]]}), file="dataset.json")
    assert [column.name for column in read.columns] == ["label 0", "label 1"]


def test_a_table_without_header_numbers_its_columns(tmp_path: Path) -> None:
    for text in ("a.png,1,0\nb.png,0,1\n", "gone.png,cat,0\nb.png,dog,1\n"):
        read = table(tmp_path, text)
        assert [column.name for column in read.columns] == ["column 2", "column 3"]
        assert len(read.lines) == 2


def test_absent_pictures_at_the_top_do_not_hide_the_name_column(tmp_path: Path) -> None:
    rows = "".join(f"gone{number}.png,1\n" for number in range(300))
    assert len(table(tmp_path, f"file,Smile\n{rows}a.png,0\n").lines) == 301


@pytest.mark.parametrize("rows", [2, 5, 400])
def test_pictures_called_0_and_1_do_not_make_an_attribute_the_name_column(tmp_path: Path, rows: int) -> None:
    names = tuple(f"{number}.png" for number in range(rows))
    text = "Smiling,id\n" + "".join(f"{(number + 1) % 2},{number}\n" for number in reversed(range(rows)))
    read = table(tmp_path, text, names)
    assert [column.name for column in read.columns] == ["Smiling"]
    assert cells(read.names) == [str(number) for number in reversed(range(rows))]


def test_absent_pictures_at_the_top_do_not_make_an_attribute_the_name_column(tmp_path: Path) -> None:
    rows = "".join(f"gone{number},{number % 2}\n" for number in range(300))
    text = f"which,Smile\n{rows}" + "".join(f"{name},0\n" for name in NAMES)
    assert [column.name for column in table(tmp_path, text, ("0.png", "1.png", *NAMES)).columns] == ["Smile"]


def test_a_column_called_file_is_never_taken_for_values(tmp_path: Path) -> None:
    numbers = tuple(f"{number}.png" for number in range(40))
    labels = "".join(f"{40 + number}.png,{number % 20}\n" for number in range(39)) + "7.png,0\n"
    assert [column.name for column in table(tmp_path, f"file,label\n{labels}", numbers).columns] == ["label"]
    with pytest.raises(DataError, match=r"column 'file' names no picture of the folder \(the first entry: x0.png\)"):
        table(tmp_path, "file,S\n" + "".join(f"x{number}.png,{number % 2}\n" for number in range(40)), numbers)


def test_two_columns_that_both_may_be_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 columns that may be file names \(Smiling, Number\); call"):
        table(tmp_path, "Smiling,Number\n1,0\n0,1\n", ("0.png", "1.png"))
    with pytest.raises(DataError, match=r"3 columns that may be file names \(Smiling, column 2, column 3\); call"):
        table(tmp_path, "Smiling\n1,0,0\n0,1,1\n", ("0.png", "1.png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("which,Smile\nx.png,1\n", "no column of file names"),
        ("file\na.png\n", "no attribute"),
        ("file,Smile\n", "a single row, which names no picture"),
        ("file,Smile,Hat\na.png,1,0\nb.png,1\n", "row 3 has 2 columns where 3 are due"),
        ("file,Smile,Hat\na.png,1,0\nb.png,1,0,7\n", "row 3 has 4 columns where 3 are due"),
        (b"file,Smile\n\xff\xfe\x00,1\n", "not UTF-8"),
    ],
)
def test_a_bad_table_is_described_by_file_row_and_remedy(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        table(tmp_path, text)
    assert "t.csv" in str(error.value)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("t.json", "{", "is not JSON"),
        ("t.json", "7", 'expected {"labels"'),
        ("dataset.json", '{"labels": null}', "its labels are null"),
        ("t.jsonl", '{"file": "a.png"\n', "row 1, is not JSON"),
        ("t.jsonl", "7\n", "holds no records"),
        ("t.jsonl", '{"file": "a.png", "label": 0}\n3\n', "record 2, is '3'; write it like"),
        ("dataset.json", '{"labels": [[["a.png"], 0]]}', 'expected {"labels"'),
        ("t.xlsx", "x", "save the table as CSV"),
    ],
)
def test_json_that_is_no_table_is_described(tmp_path: Path, file: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table(tmp_path, text, file=file)


def test_an_absent_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.csv", Finder(NAMES), Faults(tmp_path))


def test_all_faults_come_in_one_message_the_first_few_of_each_kind() -> None:
    faults = Faults(Path("t.csv"))
    faults.check()
    for row in range(2, 9):
        faults.add(f"row {row} is short", "mend them")
    with pytest.raises(DataError, match=r"^t.csv, row 2 is short, row 3 is short, row 4 is short, and 4 more; mend"):
        faults.check()
    faults.add("column 'A' is empty", "fill it")
    with pytest.raises(DataError, match=r"2 kinds .*: \(1\) row 2 .*; mend them; \(2\) column 'A' is empty; fill it$"):
        faults.check()
