"""Promises of the sections of nearest images and of frequencies: each says how it is read, and none breaks the page."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from simulacra.report import write_report
from simulacra.report.figures import share_pairs
from simulacra.report.figures.style import draw


def page(fake: Any, folder: Path, **pictures: dict[str, Any]) -> str:
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
    html = page(fake, tmp_path / "run", nearest=strip(fake, "features") | strip(fake, "pixels"))
    assert html.count("nearest training") >= 2
    assert html.count(">0.05<") >= 2, "0.1 of 2.0"
    assert "5% of real images have less than 0.76" in html
    assert html.count("The same of samples drawn at random.") == 2
    assert {"nearest-features-likest.svg", "nearest-pixels-any.png"} <= set(fake.figures(tmp_path / "run"))


def test_one_space_is_enough(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", nearest=strip(fake, "pixels"))
    assert "By their pixels" in html
    assert "By what a network sees" not in html


def test_where_all_samples_are_the_likest_there_are_no_others(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", nearest=strip(fake, "pixels", 10))
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
    html = page(fake, tmp_path / "run", nearest=arrays)
    assert said in html
    assert "By their pixels" not in html


def test_frequencies_are_drawn_and_written_with_the_commonest_first(fake: Any, tmp_path: Path) -> None:
    arrays = {"shares": shares(5), "label_names": np.array(fake.hostile), "given": np.arange(5) == 2}
    html = page(fake, tmp_path / "run", frequencies=arrays)
    rows = html[html.index("real images, judged alike") :]
    assert rows.index("very long") < rows.index("_hidden") < rows.index("alert(1)")
    assert "<script>alert(1)" not in html
    assert "Samples were made for given values of _hidden: there the figure tells how well the model obeys." in html
    assert "70.0%" in rows
    texts = ElementTree.fromstring(fake.figures(tmp_path / "run")["frequencies.svg"])
    assert {"_hidden", "$x^2$"} <= {"".join(node.itertext()) for node in texts.iter() if node.tag.endswith("text")}


def test_frequencies_without_their_shares_are_left_out(fake: Any, tmp_path: Path) -> None:
    html = page(fake, tmp_path / "run", frequencies={"shares": np.zeros((3, 4))})
    assert "no array &#39;shares&#39; of 5 numbers a label" in html


@pytest.mark.parametrize("value", [0.0, 0.1, 0.38, 0.62, 1.0])
def test_equal_shares_can_be_drawn(value: float) -> None:
    same = np.full(10, value)
    figure = share_pairs(list("abcdefghij"), same, same, (same, same), title="t", keys=("one", "other"))
    svg = draw(figure).svg
    assert (f"{100 * value:.0f}%" if 0 < value < 1 else "%").encode() in svg, "a mark, between those of the axis too"
