"""Promises of the sections of codes, of verdicts and of maps: each says how it is read, and none breaks the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.recipe import load
from simulacra.report import write_report
from simulacra.report.figures import Line
from simulacra.report.figures.curves import percent_floor
from simulacra.report.glossary import CHARTS, METRICS
from simulacra.report.record import spread


def page(fake: Any, folder: Path, **pictures: dict[str, Any]) -> str:
    """The report of a run with these pictures alone."""
    run = fake.run(folder, full=False)
    for name, arrays in pictures.items():
        run.write_picture(name.replace("_", "-"), arrays, b"")
    return write_report([run]).read_text("utf-8")


def test_a_grid_names_its_rows_and_columns(fake: Any, tmp_path: Path) -> None:
    grids = {"images_1": fake.noise(4, 3, 8, 8, 1), "images_2": fake.noise(4, 2, 8, 8, 1)}
    html = page(fake, tmp_path / "run", categories=grids)
    assert "What the categories mean" in html
    assert html.count("category of code 1") == html.count("category of code 2") == 1
    assert "grid-template-columns:repeat(3,minmax(0,1fr))" in html
    assert html.count(">noise 4<") == 2
    for name in ("categories-1", "categories-2"):
        assert b"category of code" in fake.figures(tmp_path / "run")[f"{name}.svg"]


def test_two_codes_stand_in_a_square(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", category_pairs={"images": fake.noise(3, 5, 8, 8, 3)})
    assert "All 3 times 5 combinations of two codes" in html
    assert b">code 1<" in fake.figures(tmp_path / "run")["category-pairs.svg"]


@pytest.mark.parametrize(
    ("end", "said"),
    [(1.0, "In training it was drawn from -1 to 1: beyond,"), (np.inf, "the numbers of the code that vary most")],
)
def test_a_sweep_says_how_far_training_went(end: float, said: str, fake: Any, tmp_path: Path) -> None:
    arrays = {
        "images": fake.noise(2, 3, 5, 8, 8, 1),
        "values": np.linspace(-2, 2, 5),
        "numbers": np.array([7, 2]),
        "drawn_to": np.array(end),
    }
    html = page(fake, tmp_path / "run", sweeps=arrays)
    assert html.count(said) == 1
    assert ("Continuous code 7" in html) == np.isfinite(end)
    assert ("Number 7 of the code" in html) == np.isinf(end)


def test_a_confusion_matrix_writes_its_counts_and_the_commonest_mistake(fake: Any, tmp_path: Path) -> None:
    counts = np.array([[90, 10, 0], [3, 97, 0], [0, 1, 99]])
    html = page(fake, tmp_path / "run", confusion={"counts": counts, "label_names": np.array(["Coat", "<b>", "$x$"])})
    assert "286 of 300 (95%) lie on the diagonal" in html
    assert "The commonest mistake: 10 images of Coat told to be &lt;b&gt;." in html
    svg = fake.figures(tmp_path / "run")["confusion.svg"]
    assert all(f">{count}<".encode() in svg for count in counts.ravel() if count)
    assert b"true class" in svg
    assert b"told class" in svg
    assert "90.0%" in html, "Coat is found in 90 of 100"


def test_a_confusion_matrix_of_many_classes_can_be_drawn(fake: Any, tmp_path: Path) -> None:
    counts = 1000 * np.eye(40, dtype=np.int64)
    page(fake, tmp_path / "run", confusion={"counts": counts, "label_names": np.arange(40).astype(str)})
    assert b">1,000<" not in fake.figures(tmp_path / "run")["confusion.svg"], "cells too small for their numbers"


def test_verdicts_stand_beside_what_guessing_gives(fake: Any, tmp_path: Path) -> None:
    counts = np.array([[[700, 50], [50, 200]], [[1000, 0], [0, 0]]])
    html = page(fake, tmp_path / "run", verdicts={"counts": counts, "label_names": np.array(["Smiling", "Bald"])})
    row = html[html.index(">Smiling<") :]
    for cell in ("25.0%", "90.0%", "75.0%", "80.0%", "80.0%"):
        assert cell in row[: row.index("</tr>")]
    assert "Of 1,000 test images" in html
    bald = html[html.index(">Bald<") :]
    assert "–" in bald[: bald.index("</tr>")], "nobody is bald: found of none is no number"


def test_a_map_by_principal_components_says_what_its_axes_explain(fake: Any, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    html = page(fake, tmp_path / "run", map_pca={"points": points, "explained": np.array([0.61, 0.2])})
    assert "Map of the codes by principal components" in html
    assert b"first component (61% of variance)" in fake.figures(tmp_path / "run")["map-pca.svg"]


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("categories", {"images": np.zeros((2, 2, 4, 4, 1), np.uint8)}),
        ("category-pairs", {"images": np.zeros((2, 4, 4, 1), np.uint8)}),
        ("sweeps", {"images": np.zeros((1, 2, 3, 4, 4, 1), np.uint8), "values": np.zeros(2)}),
        ("map-pca", {"points": np.zeros((9, 2))}),
        ("confusion", {"counts": np.ones((2, 3), int)}),
        ("confusion", {"counts": np.zeros((2, 2), int)}),
        ("verdicts", {"counts": np.ones((2, 2), int)}),
        ("inversions", {"originals": np.zeros((2, 4, 4, 1), np.uint8), "inversions": np.zeros((1, 4, 4, 1), np.uint8)}),
        ("kl-dimensions", {"kl": np.ones(3), "variance": np.ones(2)}),
        ("kl-dimensions", {"kl": np.array([1, np.nan]), "variance": np.ones(2)}),
        ("code-factors", {"shares": np.ones(3)}),
    ],
)
def test_arrays_that_are_not_what_their_name_promises_are_left_out(
    name: str, arrays: dict[str, Any], fake: Any, tmp_path: Path
) -> None:
    assert f"pictures/{name}.npz is left out: " in page(fake, tmp_path / "run", **{name.replace("-", "_"): arrays})


def test_evaluations_on_the_way_are_told_epoch_by_epoch(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    fake.curves(run, "loss/train")
    row = {"low": None, "high": None, "floor": None, "n": 9, "extractor": None}
    for step in (1000, 2000):
        for split in ("train", "test"):
            for metric, value in (("accuracy", 0.886), ("loss", 0.3)):
                run.append("evaluations", row | {"metric": metric, "value": value, "split": split, "step": step})
    html = write_report([run]).read_text("utf-8")
    table = html[html.index("<summary>Epoch by epoch") :]
    assert '<th scope="col" class="number">Accuracy, train</th>' in table
    assert '<th scope="row">6.4</th>' in table
    assert "88.6%" in table
    assert "The vertical axis begins at 80%." in html


def test_shares_that_are_all_high_are_seen_from_near() -> None:
    x = np.arange(3.0)
    high, low = Line("a", x, np.array([0.83, 0.9, 0.95])), Line("b", x, np.array([0.4, 0.9, 0.95]))
    assert percent_floor([high]) == pytest.approx(0.8)
    assert percent_floor([high, low]) == 0
    assert percent_floor([high], reference=0.5) == 0


def test_chosen_epochs_are_among_the_moments_shown(fake: Any, tmp_path: Path) -> None:
    steps = [0, 469, 1000, 2000, 2345, 3000, 4000, 4690, 5000, 6000, 7000]
    chosen = [steps[place] for place in spread(steps, 6, {469, 2345, 4690})]
    assert set(chosen) > {0, 469, 2345, 4690, 7000}
    assert len(chosen) == 6
    run = fake.run(tmp_path / "run", full=False)
    run.write_recipe(load("celeba-dcgan-bn", {"data.batch": 1000, "every.epochs": [1, 5]}))
    for step in range(0, 401, 5):
        run.write_picture(f"fixed-{step:08d}", {"images": fake.noise(12, 8, 8, 3, seed=step)}, b"")
    html = write_report([run]).read_text("utf-8")
    assert ">update 40<" in html, "epoch 1: 40,000 images in batches of 1,000"
    assert ">update 200<" in html


@pytest.mark.parametrize(
    "chart",
    [
        "loss",
        "accuracy",
        "label_loss",
        "label_accuracy",
        "reconstruction",
        "kl",
        "kl_weight",
        "total_correlation",
        "distance",
        "penalty",
        "recognition",
        "code_accuracy",
    ],
)
def test_every_chart_of_a_family_has_words(chart: str) -> None:
    assert CHARTS[chart].reading.endswith(".")


@pytest.mark.parametrize("metric", ["mse", "kl", "loss", "accuracy", "label_accuracy"])
def test_every_metric_of_a_family_has_words(metric: str) -> None:
    assert METRICS[metric].reading.endswith(".")


def test_dead_numbers_of_a_code_are_told_apart(fake: Any, tmp_path: Path) -> None:
    arrays = {"kl": np.array([0.5, 3.0, 0.001, 1.5]), "variance": np.array([0.4, 0.9, 0.002, 0.8])}
    html = page(fake, tmp_path / "run", kl_dimensions=arrays)
    assert "3 of 4 numbers are active" in html
    assert "1 of them tell half of it" in html
    assert b"says nothing" in fake.figures(tmp_path / "run")["kl-dimensions.svg"]
    html = page(fake, tmp_path / "other", kl_dimensions=arrays | {"variance": np.ones(4)})
    assert b"says nothing" not in fake.figures(tmp_path / "other")["kl-dimensions.svg"]


def test_a_code_beside_its_factors_says_where_most_is_told(fake: Any, tmp_path: Path) -> None:
    shares = np.array([[0.1, 0.02], [0.03, 0.62], [0.2, 0.1]])
    html = page(fake, tmp_path / "run", code_factors={"shares": shares, "factor_names": np.array(["skin", "<i>"])})
    assert "Number 2 tells most of all: 62% of &lt;i&gt;." in html
    assert "are shown" not in html
    svg = fake.figures(tmp_path / "run")["code-factors.svg"]
    assert all(f">{cell}<".encode() in svg for cell in (10, 2, 3, 62, 20))
    many = {"shares": np.linspace(0, 1, 60).reshape(30, 2), "factor_names": np.array(["a", "b"])}
    assert "The 24 most telling of 30 numbers are shown." in page(fake, tmp_path / "other", code_factors=many)


def test_inversions_stand_below_their_originals_with_what_was_measured(fake: Any, tmp_path: Path) -> None:
    run = fake.run(tmp_path / "run", full=False)
    run.write_picture("inversions", {"originals": fake.noise(4, 8, 8, 3), "inversions": fake.noise(4, 8, 8, 3)}, b"")
    row = {"low": None, "high": None, "n": 4, "extractor": None, "split": "test", "step": 2000}
    run.append("evaluations", row | {"metric": "inversion_mse", "value": 0.03125, "floor": 0.01234})
    html = write_report([run]).read_text("utf-8")
    assert "Nearest images that the generator makes" in html
    assert "0.03125; the best linear code with as many numbers leaves 0.01234." in html
