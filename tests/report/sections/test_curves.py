"""The main numbers of a run, and rows that were measured alike."""

from pathlib import Path
from typing import Any

from simulacra.report import write_report
from simulacra.report.record import read
from simulacra.report.sections.curves import headlines, series_of

ROW = {"metric": "frechet_distance", "low": None, "high": None, "floor": None, "split": "test", "extractor": "judge"}


def test_rows_of_another_n_are_another_series() -> None:
    rows = [ROW | {"value": 1.0, "n": n, "step": step} for step, n in ((1, 500), (2, 500), (2, 2000))]
    assert {key[4]: [row["step"] for row in found] for key, found in series_of(rows).items()} == {
        "n 500": [1, 2],
        "n 2,000": [2],
    }
    assert [key[4] for key in series_of(rows[:2])] == [""], "nothing to tell apart"


def test_an_old_number_says_when_it_was_the_run_s(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    run.append("evaluations", ROW | {"value": 30.0, "n": 500, "step": 1000})
    html = write_report([run]).read_text("utf-8")
    assert "<dd>30.00<small>test split, at update 1,000</small></dd>" in html
    assert "distance 30.00 (test split, at update 1,000)" in html


def test_of_one_metric_the_newest_number_of_the_most_images_is_told(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    for value, n, step, extractor in ((30.0, 500, 1000, "judge"), (4.0, 500, 2000, "vgg"), (3.0, 2000, 2000, "vgg")):
        run.append("evaluations", ROW | {"value": value, "n": n, "step": step, "extractor": extractor})
    (tile,) = headlines(read(run, "run"))
    assert (tile.value, tile.below, tile.measured) == ("3.000", "test split", "n 2,000, vgg")
