"""Results in a notebook: escaped, short, and with rows to compute with."""

import sys
from types import ModuleType

import pytest

from simulacra.notebook import Row, Sheet, Shown


class Result(Shown):
    """Two rows, one with a hostile name."""

    @property
    def sheet(self) -> Sheet:
        return Sheet("by <seed>", ("label", "value"), [("<script>", "1"), ("b", "2")], ["only & few"])

    @property
    def rows(self) -> list[Row]:
        return [{"label": "<script>", "value": 1}, {"label": "b", "value": 2}]


def test_every_text_is_escaped() -> None:
    html = Result()._repr_html_()
    assert "<script>" not in html
    assert "<caption>by &lt;seed&gt;</caption>" in html
    assert "<li>only &amp; few</li>" in html
    assert html.count("<tr>") == 3


def test_a_result_is_short_where_no_notebook_shows_it() -> None:
    assert repr(Result()) == "<Result, 2 rows: by <seed>; .rows and .table() give the values>"


def test_a_table_is_a_data_frame_where_pandas_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulacra.notebook.find_spec", lambda name: None)
    assert Result().table() == Result().rows
    pandas = ModuleType("pandas")
    pandas.DataFrame = lambda rows: ("frame", len(rows))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    monkeypatch.setattr("simulacra.notebook.find_spec", lambda name: name)
    assert Result().table() == ("frame", 2)
