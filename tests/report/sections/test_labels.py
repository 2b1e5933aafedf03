"""Promises of heat maps: every cell is named, what leaks is said, and large ones stay readable."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.report import write_report
from simulacra.report.figures import heat_map
from simulacra.report.figures.style import draw
from simulacra.report.glossary import METRICS

NAMES = np.array(["Smiling", "Beard"])
MOVED = {
    "matrix": np.array([[0.62, -0.18, 0.0], [0.02, 0.4, -0.31]]),
    "absolute": np.array([[0.62, 0.2, 0.15], [0.1, 0.4, 0.33]]),
    "asked": NAMES,
    "judged": np.array(["Smiling", "Beard", "Long_Hair"]),
    "exclusive": np.array(False),
    "vectors": np.array(False),
}


def page(fake: Any, folder: Path, **pictures: dict[str, Any]) -> str:
    """The report of a run with these pictures alone."""
    run = fake.run(folder, full=False)
    for name, arrays in pictures.items():
        run.write_picture(name.replace("_", "-"), arrays, b"")
    return write_report([run]).read_text("utf-8")


def drawn(**changes: Any) -> bytes:
    said = {"title": "t", "x_name": "x", "y_name": "y", "unit": "u"}
    values = changes.pop("values")
    rows, columns = ([f"name {n}" for n in range(count)] for count in values.shape)
    return draw(heat_map(values, rows, columns, **said | changes)).svg


def test_a_leak_is_drawn_and_said(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", leakage=MOVED)
    assert "What else a label changes" in html
    assert "The largest leak: Beard moves Long_Hair by −31 points." in html
    assert "noise and all other labels held" in html
    svg = fake.figures(tmp_path / "run")["leakage.svg"].decode()
    assert set(re.findall(r">([+−]?\d+)</text>", svg)) >= {"+62", "−18", "+2", "+40", "−31", "0"}
    assert {"leakage.png", "leakage-absolute.svg"} <= set(fake.figures(tmp_path / "run"))


def test_vectors_are_told_from_labels(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", leakage=MOVED | {"vectors": np.array(True)})
    assert "codes of held-out images were moved" in html
    assert "noise and all other labels held" not in html


def test_the_commonest_confusion_of_classes_is_said(fake: Any, tmp_path: Path) -> None:
    arrays = {
        "matrix": np.array([[0.9, 0.1], [0.25, 0.75]]),
        "asked": NAMES,
        "judged": NAMES,
        "exclusive": np.array(True),
    }
    html = page(fake, tmp_path / "run", leakage=arrays)
    assert "Are classes obeyed?" in html
    assert "The commonest confusion: 25% of Beard look like Smiling." in html
    svg = fake.figures(tmp_path / "run")["leakage.svg"].decode()
    assert set(re.findall(r">(\d+)</text>", svg)) >= {"90", "10", "25", "75"}


def test_what_codes_found_is_said(fake: Any, tmp_path: Path) -> None:
    arrays = {"matrix": np.array([[0.1, 0.61], [0.0, 0.0]]), "codes": np.array(["categorical 1", "b"]), "judged": NAMES}
    html = page(fake, tmp_path / "run", code_labels=arrays)
    assert "What the codes found" in html
    assert "categorical 1 tells most of Beard (0.61 nats)" in html
    assert "b tells" not in html


def test_hostile_names_break_nothing(fake: Any, tmp_path: Path) -> None:
    hostile = np.array(list(fake.hostile))
    matrix = np.random.default_rng(0).uniform(-1, 1, (len(hostile), len(hostile)))
    html = page(
        fake,
        tmp_path / "run",
        leakage={"matrix": matrix, "asked": hostile, "judged": hostile},
        code_labels={"matrix": abs(matrix), "codes": hostile, "judged": hostile},
    )
    assert "<script>alert" not in html
    assert "left out" not in html


@pytest.mark.parametrize("name", ["leakage", "code-labels"])
@pytest.mark.parametrize("arrays", [{}, {"matrix": np.zeros(3)}, {"matrix": np.array([[np.nan]])}])
def test_arrays_that_hold_no_matrix_are_left_out(name: str, arrays: dict[str, Any], fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", **{name.replace("-", "_"): arrays or {"images": np.zeros(2)}})
    assert f"pictures/{name}.npz is left out: " in html


def test_small_maps_have_numbers_and_large_ones_all_their_names() -> None:
    random = np.random.default_rng(0)
    small, large = random.uniform(size=(12, 12)), random.uniform(size=(40, 40))
    assert drawn(values=small).count(b"</text>") >= 12 * 12 + 24
    svg = drawn(values=large, own=40)
    assert svg.count(b">name ") == 80
    assert svg.count(b"</text>") < 100, "cells of forty are too small for numbers"


def test_numbers_are_written_where_the_longest_fits_into_its_cell() -> None:
    values = 100 * np.random.default_rng(0).uniform(0.1, 0.9, size=(24, 3))
    assert drawn(values=values, form="{:.0f}").count(b"</text>") >= 24 * 3 + 27
    assert drawn(values=values, form="{:.3f}").count(b"</text>") < 24 * 3


@pytest.mark.parametrize("shape", [(2, 2), (8, 3), (24, 12)])
def test_a_title_is_not_cut_off_above_a_narrow_map(shape: tuple[int, int]) -> None:
    rows, columns = (["name"] * count for count in shape)
    title = "What each number tells of each factor"
    figure = heat_map(np.ones(shape), rows, columns, title=title, x_name="x", y_name="y", unit="u")
    figure.draw_without_rendering()
    assert figure.axes[0].get_title(loc="left").replace("\n", " ") == title
    assert figure.axes[0]._left_title.get_window_extent().x1 <= figure.bbox.x1


def test_more_and_less_have_colours_of_their_own_and_nothing_is_pale() -> None:
    figure = heat_map(
        np.array([[1.0, 0.0, -1.0]]), ["a"], ["b", "c", "d"], title="t", x_name="x", y_name="y", unit="u", signed=True
    )
    image = figure.axes[0].images[0]
    more, nothing, less = (image.cmap(image.norm(value))[:3] for value in (1.0, 0.0, -1.0))
    assert more[2] > more[0], "blue"
    assert less[0] > less[2], "vermilion"
    assert min(nothing) > 0.95


def test_a_map_of_zeros_and_of_one_cell_can_be_drawn() -> None:
    assert drawn(values=np.zeros((1, 1)), signed=True)
    assert drawn(values=np.zeros((2, 3)))


@pytest.mark.parametrize(
    "metric", ["condition_accuracy", "condition_accuracy_corrected", "leakage", "code_information"]
)
def test_every_metric_of_conditions_has_words(metric: str) -> None:
    assert METRICS[metric].reading.endswith(".")
