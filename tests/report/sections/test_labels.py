"""Promises of heat maps: every cell is named, what leaks is said, and large ones stay readable.

Promises of the sections of nearest images and of frequencies: each says how it is read, and none breaks the page.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from simulacra.report import write_report
from simulacra.report.figures import heat_map, share_pairs
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


def page_of_samples(fake: Any, folder: Path, **pictures: dict[str, Any]) -> str:
    run = fake.run(folder, full=False)
    for name, arrays in pictures.items():
        run.write_picture(name, arrays, b"")
    return write_report([run]).read_text("utf-8")


def strip(fake: Any, space: str, count: int = 16) -> dict[str, Any]:
    images = {f"{space}_{what}": fake.noise(count, 8, 8, 3) for what in ("samples", "train", "held_out")}
    near, far = np.linspace(0.1, 1.6, count), np.full(count, 2.0)
    numbers = {"train_distances": near, "held_out_distances": far, "likest": np.array(10), "usual": np.array(0.76)}
    return images | {f"{space}_{name}": array for name, array in numbers.items()}


def shares(count: int) -> np.ndarray:
    data = np.linspace(0.02, 0.7, count)
    return np.stack([data, data / 2, data / 3, data / 1.5, data], 1)


def test_a_strip_stands_above_its_nearest_images_with_their_distances(fake: Any, tmp_path: Path) -> None:
    html = page_of_samples(fake, tmp_path / "run", nearest=strip(fake, "features") | strip(fake, "pixels"))
    assert html.count("nearest training") >= 2
    assert html.count(">0.05<") >= 2, "0.1 of 2.0"
    assert "5% of real images have less than 0.76" in html
    assert html.count("The same of samples drawn at random.") == 2
    assert {"nearest-features-likest.svg", "nearest-pixels-any.png"} <= set(fake.figures(tmp_path / "run"))


def test_one_space_is_enough(fake: Any, tmp_path: Path) -> None:
    html = page_of_samples(fake, tmp_path / "run", nearest=strip(fake, "pixels"))
    assert "By their pixels" in html
    assert "By what a network sees" not in html


def test_where_all_samples_are_the_likest_there_are_no_others(fake: Any, tmp_path: Path) -> None:
    html = page_of_samples(fake, tmp_path / "run", nearest=strip(fake, "pixels", 10))
    assert "drawn at random" not in html


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("pixels_usual", None, "no array &#39;pixels_usual&#39; of 1 numbers"),
        ("pixels_train", np.zeros((3, 8, 8, 3), np.uint8), "arrays of pixels differ in shape"),
        ("pixels_samples", None, "no array &#39;features_samples&#39; or &#39;pixels_samples&#39;"),
        ("pixels_train_distances", np.full(16, np.nan), "&#39;pixels_train_distances&#39; of 16 numbers"),
    ],
)
def test_a_strip_that_is_damaged_is_left_out(key: str, value: Any, said: str, fake: Any, tmp_path: Path) -> None:
    arrays = {name: array for name, array in (strip(fake, "pixels") | {key: value}).items() if array is not None}
    html = page_of_samples(fake, tmp_path / "run", nearest=arrays)
    assert said in html
    assert "By their pixels" not in html


def test_frequencies_are_drawn_and_written_with_the_commonest_first(fake: Any, tmp_path: Path) -> None:
    arrays = {"shares": shares(5), "label_names": np.array(fake.hostile), "given": np.arange(5) == 2}
    html = page_of_samples(fake, tmp_path / "run", frequencies=arrays)
    rows = html[html.index("real images, judged alike") :]
    assert rows.index("very long") < rows.index("_hidden") < rows.index("alert(1)")
    assert "<script>alert(1)" not in html
    assert "Samples were made for given values of _hidden: there the figure tells how well the model obeys." in html
    assert "70.0%" in rows
    texts = ElementTree.fromstring(fake.figures(tmp_path / "run")["frequencies.svg"])
    assert {"_hidden", "$x^2$"} <= {"".join(node.itertext()) for node in texts.iter() if node.tag.endswith("text")}


def test_frequencies_without_their_shares_are_left_out(fake: Any, tmp_path: Path) -> None:
    html = page_of_samples(fake, tmp_path / "run", frequencies={"shares": np.zeros((3, 4))})
    assert "no array &#39;shares&#39; of 5 numbers a label" in html


@pytest.mark.parametrize("value", [0.0, 0.1, 0.38, 0.62, 1.0])
def test_equal_shares_can_be_drawn(value: float) -> None:
    same = np.full(10, value)
    figure = share_pairs(list("abcdefghij"), same, same, (same, same), title="t", keys=("one", "other"))
    svg = draw(figure).svg
    assert (f"{100 * value:.0f}%" if 0 < value < 1 else "%").encode() in svg, "a mark, between those of the axis too"
