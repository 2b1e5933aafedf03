"""The numbers of a run: the newest ones, those that were measured alike, and their texts as they may be shown."""

from typing import Any

from simulacra.measurements import Measurement
from simulacra.report.record import method, names_of, newest, read, series_of
from simulacra.runs import RunFolder


def rows(*changes: dict[str, Any]) -> list[Measurement]:
    row = {"metric": "recall", "split": "test", "value": 0.5, "n": 500, "step": 1}
    return [Measurement.from_json(row | change) for change in changes]


def test_a_subject_is_shown_at_its_newest_step_under_each_of_its_conditions() -> None:
    measured = rows({}, {"step": 2}, {"step": 2, "n": 900}, {"n": 100}, {"split": "train"})
    assert [(row.split, row.step, row.n) for row in newest(measured)] == [
        ("test", 2, 500),
        ("test", 2, 900),
        ("train", 1, 500),
    ]


def test_rows_of_two_codes_are_two_numbers() -> None:
    assert [row.code for row in newest(rows({"code": "a"}, {"code": "b"}))] == ["a", "b"]


def test_numbers_of_another_n_are_another_series() -> None:
    series = series_of(rows({"step": 1}, {"step": 2}, {"step": 2, "n": 2000}))
    assert [[row.step for row in numbers] for numbers in series] == [[1, 2], [2]]
    assert names_of(series) == [["n 500"], ["n 2,000"]]
    assert names_of(series[:1]) == [[]], "nothing to tell it apart from"


def test_a_method_names_the_weights_where_it_is_asked_to() -> None:
    (row,) = rows({"extractor": "vgg", "judge": "judge 1", "weights": "averaged"})
    assert method(row.conditions) == ["n 500", "vgg", "judge 1"]
    assert method(row.conditions, weights=True) == ["n 500", "vgg", "judge 1", "EMA weights"]


def test_texts_of_evaluations_are_safe_to_show(fake: Any, run: RunFolder) -> None:
    for name in (*fake.hostile, "\u202e"):
        run.append("evaluations", {"metric": name, "label": name, "value": 1.0, "step": 1, "why": name})
    evaluations = read(run, "run").evaluations
    texts = [text for row in evaluations for text in (row.metric, row.label, row.why) if text]
    assert all(text.isprintable() and len(text) <= 400 for text in texts)
    assert max(len(row.label or "") for row in evaluations) <= 60
    assert [row.metric for row in evaluations][-1] == "value", "nothing printable is left of the name"
