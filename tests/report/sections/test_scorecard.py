"""The score card: each number on a scale, beside its floor, with the way that is better."""

import re
from pathlib import Path
from typing import Any

import pytest

from simulacra.estimates import Estimate
from simulacra.recipe import load
from simulacra.report import write_report
from simulacra.report.glossary import of_metric
from simulacra.report.record import newest
from simulacra.report.sections.scorecard import beside, scale_of

ROW = {"low": None, "high": None, "floor": None, "n": 500, "split": "test", "extractor": "random-vgg", "step": 2000}


def card(fake: Any, folder: Path, *rows: dict[str, Any]) -> str:
    """The score card of a run with these rows alone."""
    run = fake.run(folder, full=False)
    for row in rows:
        run.append("evaluations", ROW | row)
    return write_report([run]).read_text("utf-8").partition('--score-card--title">')[2].partition("</section>")[0]


def test_a_number_is_drawn_with_its_interval_and_its_floor(fake: Any, tmp_path: Path) -> None:
    row = {"metric": "precision", "value": 0.6, "low": 0.5, "high": 0.65, "floor": 0.9, "better": "higher"}
    html = card(fake, tmp_path / "run", row)
    assert 'class="interval" x1="50.00%" x2="65.00%"' in html
    assert 'class="floor" x1="90.00%"' in html
    assert 'class="dot" cx="60.00%"' in html
    assert 'aria-label="test images: 60.0%; 50.0% to 65.0%; 30.0 points below the floor, 90.0%."' in html
    assert '<span aria-hidden="true">↑</span> higher is better' in html
    assert "(n 500, random-vgg)" in html


def test_a_training_s_own_metrics_have_a_direction_too(fake: Any, tmp_path: Path) -> None:
    html = card(fake, tmp_path / "run", {"metric": "mse", "value": 0.1}, {"metric": "kl", "value": 20.0})
    assert "lower is better" in html
    assert "neither way is better" in html


def test_labels_wait_behind_their_metric_on_the_same_scale(fake: Any, tmp_path: Path) -> None:
    rows = [{"metric": "obeyed", "value": value, "label": label} for value, label in ((8.0, ""), (4.0, "Hat"))]
    html = card(fake, tmp_path / "run", *rows)
    assert html.index(">test images<") < html.index("<summary>By label (1)") < html.index(">Hat<")


def test_what_is_withheld_says_why_and_what_does_not_apply_is_left_out(fake: Any, tmp_path: Path) -> None:
    html = card(
        fake,
        tmp_path / "run",
        {"metric": "recall", "value": None, "why": "too few images"},
        {"metric": "precision", "value": None, "why": "not applicable, family classifier makes no images"},
    )
    assert "withheld: too few images" in html
    assert "Precision" not in html


def test_the_newest_number_is_shown_and_an_old_one_says_when(fake: Any, tmp_path: Path) -> None:
    rows = [{"metric": "mse", "value": 0.5, "step": 1000}, {"metric": "mse", "value": 0.25}]
    html = card(fake, tmp_path / "new", *rows)
    drawn = html.partition("All of it as tables")[0]
    assert "0.2500" in drawn
    assert "0.5000" not in drawn
    assert "0.5000" in html, "the details have every step"
    assert "at update 1,000" in card(fake, tmp_path / "old", rows[0])


def test_numbers_of_both_kinds_of_weights_are_told_apart(fake: Any, tmp_path: Path) -> None:
    rows = [{"metric": "recall", "value": value, "weights": kind} for value, kind in ((0.2, "ema"), (0.6, "raw"))]
    drawn = card(fake, tmp_path / "both", *rows).partition("All of it as tables")[0]
    assert "n 500 · random-vgg · ema weights" in drawn
    assert "n 500 · random-vgg · raw weights" in drawn
    assert "weights" not in card(fake, tmp_path / "one", rows[0]).partition("All of it as tables")[0]


def test_runs_side_by_side_have_a_verdict(fake: Any, tmp_path: Path) -> None:
    runs = []
    for name, value in (("one", 0.5), ("two", 0.6)):
        run = fake.run(tmp_path / name, full=False)
        for label in ("", "Hat"):
            row = {"metric": "precision", "value": value, "low": value - 0.02, "high": value + 0.02, "label": label}
            run.append("evaluations", ROW | row | {"better": "higher"})
        runs.append(run)
    html = write_report(runs, tmp_path / "out.html").read_text("utf-8")
    assert '<span class="verdict">two is better</span>' in html
    assert "<summary>By label (1)" in html
    assert "not a training with another seed" in html


def test_many_settings_that_differ_wait_behind_a_fold(fake: Any, tmp_path: Path) -> None:
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    runs[1].write_recipe(load("demo-vae"))
    html = write_report(runs, tmp_path / "out.html").read_text("utf-8")
    assert re.search(r"<summary>\d\d settings</summary>", html)
    assert ">objective.kl_weight<" in html


def test_a_recipe_that_cannot_be_read_does_not_differ_in_everything(fake: Any, tmp_path: Path) -> None:
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    (runs[1].path / "recipe.toml").write_text("steps = 0", "utf-8")
    html = write_report(runs, tmp_path / "out.html").read_text("utf-8")
    assert "Where the recipes differ" not in html


@pytest.mark.parametrize(
    ("metric", "found", "floor", "said"),
    [
        ("mse", Estimate(3.0), 1.0, "2.000 above the floor,"),
        ("mse", Estimate(1.0, 0.5, 3.5), 3.0, "its interval reaches the floor,"),
        ("recall", Estimate(0.2), 0.5, "30.0 points below the floor,"),
    ],
)
def test_the_distance_to_the_floor_is_put_into_words(metric: str, found: Estimate, floor: float, said: str) -> None:
    assert beside(of_metric(metric), found, floor) == said


def test_a_scale_begins_at_nothing_where_size_matters_and_else_takes_all_the_room() -> None:
    words = of_metric("mse")
    alone = scale_of(words, [(Estimate(10.0), None)])
    assert alone is not None
    assert alone.low == 0
    several = scale_of(words, [(Estimate(10.0), None), (Estimate(11.0), None)])
    assert several is not None
    assert several.low == pytest.approx(9.94)
    assert (several.place(10.5), several.place(5.0)) == (pytest.approx(50), 0)
    same = scale_of(words, [(Estimate(0.0), None)])
    assert same is not None
    assert same.place(0.0) == 0
    assert scale_of(words, [(None, 3.0)]) is None


def test_rows_of_two_codes_and_one_label_are_two_numbers() -> None:
    rows = [{"metric": "code_information", "code": code, "label": "Bag", "value": 0.1, "step": 1} for code in "ab"]
    assert [one.label for one in newest(rows)] == ["a: Bag", "b: Bag"]
