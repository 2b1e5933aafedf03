"""Promises of maps: names are taken literally, and thousands of dots become one picture."""

from typing import Any
from xml.etree import ElementTree

import numpy as np

from simulacra.report.figures import draw
from simulacra.report.figures.maps import code_map, label_maps


def points(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)


def pictures_in(svg: bytes) -> int:
    return sum(element.tag.endswith("}image") for element in ElementTree.fromstring(svg).iter())


def test_keys_of_maps_keep_names_that_begin_with_an_underscore(fake: Any) -> None:
    left = points(50)[:, 0] < 0
    svg = draw(code_map(points(50), [("_hidden", left), ("$y$", ~left)], title="t")).svg
    assert {"_hidden", "$y$"} <= set(fake.words_in(svg))
    assert pictures_in(draw(label_maps(points(50), [(name, left) for name in fake.hostile], title="t")).svg) >= 5


def test_thousands_of_dots_become_one_picture() -> None:
    svg = draw(code_map(points(5000), [], title="t")).svg
    assert pictures_in(svg) == 1
    assert sum(element.tag.endswith("}use") for element in ElementTree.fromstring(svg).iter()) < 50
