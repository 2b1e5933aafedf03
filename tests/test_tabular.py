"""Results as tables: whole numbers on any terminal, escaped in a notebook, and with rows to compute with."""

import csv
import io
import sys
from types import ModuleType
from typing import Any

import pytest

from simulacra.cli.options import print_table
from simulacra.tabular import Table, Tabular, latex, to_csv


class Result(Tabular):
    """Two rows, one with a hostile name."""

    def to_table(self) -> Table:
        return Table("by <seed>", ("label", "value"), [("<script>", "1"), ("b", "2")], ["only & few"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{"label": "<script>", "value": 1}, {"label": "b", "value": 2}]


def test_every_text_is_escaped() -> None:
    html = Result()._repr_html_()
    assert "<script>" not in html
    assert "<caption>by &lt;seed&gt;</caption>" in html
    assert "<li>only &amp; few</li>" in html
    assert html.count("<tr>") == 3


def test_a_notebook_sets_words_at_the_left_and_breaks_no_number() -> None:
    table = Table("", ("metric", "value", "low"), [("recall", "0.5", ""), ("mse", "−1.2e-3", "–")])
    words, number = '<td style="text-align:left">', '<td style="white-space:nowrap">'
    assert f"<tr>{words}mse</td>{number}−1.2e-3</td>{number}–</td></tr>" in table.to_html()


def test_a_result_is_short_where_no_notebook_shows_it() -> None:
    assert repr(Result()) == "<Result, 2 rows: by <seed>; .rows and .table() give the values>"


def test_a_table_is_a_data_frame_where_pandas_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    assert Result().table() == Result().rows
    pandas = ModuleType("pandas")
    pandas.DataFrame = lambda rows: ("frame", len(rows))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert Result().table() == ("frame", 2)


WIDE = Table(
    "",
    ("metric", "value", "n", "split", "verdict"),
    [("recall", "0.03455", "2,000", "test", "no significant difference")],
    gives_way=("split", "n"),
    words=frozenset({"verdict"}),
)


def test_columns_give_way_in_their_order_where_a_terminal_is_narrow() -> None:
    # metric 6, value 7, n 5, split 5, and the longest word of the verdict 11, a gap of 3 after each and one before: 52.
    assert WIDE.width == 52
    assert WIDE.fitting(52) == WIDE
    assert WIDE.fitting(51).columns == ("metric", "value", "n", "verdict")
    assert WIDE.fitting(40).columns == ("metric", "value", "verdict")
    assert WIDE.fitting(40).rows == [("recall", "0.03455", "no significant difference")]
    assert WIDE.fitting(3).columns == ("metric", "value", "verdict"), "what does not give way stays"


def test_a_column_without_any_text_is_left_out() -> None:
    table = Table("", ("metric", "of", "value"), [("recall", "", "0.5"), ("mse", "", "0.1")])
    assert table.fitting(400).columns == ("metric", "value")


@pytest.mark.parametrize("width", [24, 60, 80, 100, 400])
def test_no_number_is_broken_on_any_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("rich.console.Console.is_terminal", property(lambda self: True))
    print_table(WIDE)
    text = capsys.readouterr().out
    for part in ("recall", "0.03455", "significant", "difference"):
        assert part in text


def test_latex_reads_no_command_in_a_name_or_a_number() -> None:
    table = Table("", ("a_b & 50%", "kl ↓"), [(r"\input{x}", "-9.4e-4 (-1,933 to 0.05)")], ["n_1"])
    assert table.to_latex() == (
        "% \\usepackage{booktabs}\n"
        "% n_1\n"
        "\\begin{tabular}{@{}ll@{}}\n"
        "  \\toprule\n"
        "  a\\_b \\& 50\\% & kl $\\downarrow$ \\\\\n"
        "  \\midrule\n"
        "  \\textbackslash{}input\\{x\\} & $-9.4 \\times 10^{-4}$ ($-1{,}933$ to 0.05) \\\\\n"
        "  \\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_names_with_digits_stay_names_in_latex() -> None:
    assert latex("kl-4.0-seed-2, 64x64, v1e-3") == "kl-4.0-seed-2, 64x64, v1e-3"


def test_markdown_keeps_cells_apart() -> None:
    table = Table("", ("a_b", "c|d"), [("1", "<script>")], ["see *this*"])
    assert table.to_markdown() == ("| a\\_b | c\\|d |\n| --- | --- |\n| 1 | \\<script\\> |\n\n- see \\*this\\*\n")


def test_csv_is_read_back_as_it_was() -> None:
    rows = [{"name": 'a, "b"', "value": 0.1, "low": None}, {"name": "c\nd", "value": 2, "low": -1.5}]
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert read == [{"name": 'a, "b"', "value": "0.1", "low": ""}, {"name": "c\nd", "value": "2", "low": "-1.5"}]
