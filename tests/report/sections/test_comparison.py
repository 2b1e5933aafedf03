"""Several runs on one page: what was measured in different ways never stands in one row or on one chart."""

import re
from typing import Any

import pytest

from simulacra.recipe import load

SCORE = {"value": 30.0, "n": 500, "extractor": "random-vgg", "step": 2000}


def scores(page: Any) -> dict[str, list[str]]:
    """The rows about Fréchet distances in the table of all runs."""
    return {name: cells for name, cells in page.table("run").items() if name.startswith("Fréchet distance")}


@pytest.mark.parametrize(
    ("other", "method"),
    [
        ({"extractor": "judge"}, "n 500, judge"),
        ({"n": 2000}, "n 2,000, random-vgg"),
        ({"judge": "judge 0123abcd"}, "n 500, random-vgg, judge"),
    ],
)
def test_numbers_measured_in_different_ways_have_rows_of_their_own(other, method, compared) -> None:
    assert scores(compared([SCORE], [SCORE | {"value": 3.0} | other])) == {
        "Fréchet distance (test split, n 500, random-vgg)": ["30.00", "–"],
        f"Fréchet distance (test split, {method})": ["–", "3.000"],
    }


@pytest.mark.parametrize(("kind", "rows"), [("ema", 2), ("raw", 1)])
def test_numbers_of_raw_and_ema_weights_have_rows_of_their_own(kind, rows, compared) -> None:
    raw = SCORE | {"weights": "raw"}
    assert len(scores(compared([raw], [SCORE | {"weights": kind}]))) == rows


def test_an_old_number_beside_a_new_one_says_when(compared) -> None:
    (cells,) = scores(compared([SCORE | {"step": 1000}], [SCORE | {"value": 3.0}])).values()
    assert cells == ["30.00 at update 1,000", "3.000"]


@pytest.mark.parametrize(
    ("other", "shared"),
    [({}, True), ({"n": 2000}, False), ({"extractor": "judge"}, False), ({"weights": "raw"}, False)],
)
def test_curves_that_were_measured_in_different_ways_are_not_shared(other, shared, compared) -> None:
    curve = [SCORE | {"value": 30.0 / step, "step": step, "weights": "ema"} for step in (1000, 2000)]
    page = compared(curve, [row | other for row in curve])
    assert ("Curves that runs share" in page.sections) == shared


def test_runs_side_by_side_have_a_verdict(compared) -> None:
    rows = [
        [
            {"metric": "precision", "value": value, "low": value - 0.02, "high": value + 0.02, "label": label}
            for label in ("", "Hat")
        ]
        for value in (0.5, 0.6)
    ]
    page = compared(*rows)
    assert "Precision ↑ higher is better b is better" in page.sections["Score card"]
    assert page.table("metric", "label", "a", "b", "verdict")["Precision"][-1] == "b is better"
    assert "not the seed of the training" in page.gaps


def test_many_settings_that_differ_are_behind_a_fold(fake, tmp_path) -> None:
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    runs[1].write_recipe(load("demo-vae"))
    page = fake.report(*runs, out=tmp_path / "out.html")
    assert "objective.kl_weight" in page.table("setting", "one", "two")
    assert re.search(r"\d\d settings", page.sections["Where the recipes differ"])


def test_a_recipe_that_cannot_be_read_does_not_differ_in_everything(fake, tmp_path) -> None:
    runs = [fake.run(tmp_path / name, full=False) for name in ("one", "two")]
    (runs[1].path / "recipe.toml").write_text("steps = 0", "utf-8")
    assert "Where the recipes differ" not in fake.report(*runs, out=tmp_path / "out.html").sections


def test_several_runs_stand_side_by_side_under_names_of_their_own(fake, tmp_path) -> None:
    runs = [fake.run(tmp_path / parent / "same", full=False) for parent in ("a", "b")]
    runs.append(fake.run(tmp_path / "other", full=False, family="vae", images_seen=10, state="stopped"))
    for run in runs:
        fake.curves(run, "loss/total", rows=4)
        run.write_picture("samples", {"images": fake.noise(32, 8, 8, 3)}, b"")
    page = fake.report(*runs, out=tmp_path / "out" / "compared.html")
    assert list(page.sections)[:3] == ["Side by side", "Samples of each run", "Curves that runs share"]
    assert page.table("run", "a/same", "b/same", "other")["what"] == ["GAN of celeba"] * 3
    assert "did not see equally many images" in page.gaps
    assert "Not finished: other" in page.gaps
    assert {
        "a-same-loss.svg",
        "b-same-loss.svg",
        "comparison-other-samples.png",
        "comparison-shared-loss-total.svg",
    } <= set(page.figures)


def test_a_page_says_that_runs_saw_different_pictures(fake, tmp_path) -> None:
    runs = [fake.run(tmp_path / name, full=False, data={"fingerprint": name}) for name in ("one", "two")]
    assert "trained on different pictures" in fake.report(*runs, out=tmp_path / "out.html").gaps


@pytest.mark.parametrize(("count", "said"), [(2, False), (3, True)])
def test_a_correction_is_named_where_there_is_more_than_one_comparison(count, said, compared) -> None:
    card = compared(*([SCORE | {"low": 29.0, "high": 31.0}] for _ in range(count))).sections["Score card"]
    assert ("Bonferroni" in card) == said


@pytest.mark.parametrize(
    ("other", "sheets"),
    [({}, 1), ({"labels": "l2"}, 1), ({"pictures": "p2"}, 2), ({"split": "s2"}, 2)],
)
def test_real_images_of_the_same_pictures_are_shown_once(other, sheets, fake, tmp_path) -> None:
    runs = []
    for name, parts in (("one", {}), ("two", other)):
        prints = {"pictures": "p", "split": "s", "labels": "l"} | parts
        data = {"fingerprint": "-".join(prints.values()), "fingerprints": prints}
        runs.append(fake.run(tmp_path / name, full=False, data=data))
        for picture in ("samples", "real"):
            runs[-1].write_picture(picture, {"images": fake.noise(32, 8, 8, 3)}, b"")
    page = fake.report(*runs, out=tmp_path / "out.html")
    assert page.images.count("Grid of 30 images: Real.") == sheets


def test_a_frechet_distance_of_few_images_is_cautioned_of(compared) -> None:
    rows = [SCORE | {"value": value, "low": value - 1, "high": value + 1, "real": 318} for value in (30.0, 40.0)]
    assert "Caution: the smaller set has 318 images" in compared(*([row] for row in rows)).sections["Score card"]
