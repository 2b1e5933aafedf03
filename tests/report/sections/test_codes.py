"""Promises of the sections about codes: each says how it is read, and none breaks the page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Shown = Callable[..., Any]


def test_a_grid_names_its_rows_and_columns(fake, shown) -> None:
    grids = {"images_1": fake.noise(4, 3, 8, 8, 1), "images_2": fake.noise(4, 2, 8, 8, 1)}
    page = shown(categories=grids)
    section = page.sections["What the categories mean"]
    assert "category of code 1 1 2 3 noise 1" in section
    assert "category of code 2 1 2 noise 1" in section
    assert section.count("noise 4") == 2
    for figure in ("categories-1", "categories-2"):
        assert {"noise 4", f"category of code {figure[-1]}"} <= set(page.words_of(figure))


def test_two_codes_stand_in_a_square(fake, shown) -> None:
    page = shown(category_pairs={"images": fake.noise(3, 5, 8, 8, 3)})
    assert "All 3 × 5 combinations of two codes" in page.sections["Two categorical codes together"]
    assert "code 1" in page.words_of("category-pairs")


@pytest.mark.parametrize(
    ("end", "heading", "words"),
    [
        (1.0, "Along continuous codes", ("Continuous code 7", "Training used values from -1 to 1;")),
        (
            np.inf,
            "Along single latent dimensions",
            ("Latent dimension 7", "dimensions that vary most over test images"),
        ),
    ],
)
def test_a_sweep_says_how_far_training_went(end, heading, words, fake, shown) -> None:
    arrays = {
        "images": fake.noise(2, 3, 5, 8, 8, 1),
        "values": np.linspace(-2, 2, 5),
        "numbers": np.array([7, 2]),
        "drawn_to": np.array(end),
    }
    section = shown(sweeps=arrays).sections[heading]
    assert [section.count(part) for part in words] == [1, 1]


def test_inactive_dimensions_are_counted_and_grey(shown) -> None:
    arrays = {"kl": np.array([0.5, 3.0, 0.001, 1.5]), "variance": np.array([0.4, 0.9, 0.002, 0.8])}
    page = shown(kl_dimensions=arrays)
    section = page.sections["Information in each latent dimension"]
    assert "3 of 4 latent dimensions are active" in section
    assert "1 of them hold half of it" in section
    assert "inactive" in page.words_of("kl-dimensions")
    assert "inactive" not in shown(kl_dimensions=arrays | {"variance": np.ones(4)}).words_of("kl-dimensions")


def test_codes_beside_factors_say_which_dimension_says_most(shown) -> None:
    shares = np.array([[0.1, 0.02], [0.03, 0.62], [0.2, 0.1]])
    page = shown(code_factors={"shares": shares, "factor_names": np.array(["skin", "<i>"])})
    section = page.sections["What each latent dimension means"]
    assert "Dimension 2 says most: 62% of <i>." in section
    assert "Shown are" not in section
    assert {"10", "2", "3", "62", "20"} <= set(page.words_of("code-factors"))
    many = {"shares": np.linspace(0, 1, 60).reshape(30, 2), "factor_names": np.array(["a", "b"])}
    assert "Shown are the 24 of 30 dimensions that say most." in shown(code_factors=many).text


def test_codes_say_which_label_they_know_most_about(shown) -> None:
    arrays = {
        "matrix": np.array([[0.31, 0.0], [0.001, 0.002]]),
        "codes": np.array(["category 1", "continuous 1"]),
        "judged": np.array(["Smiling", "Beard"]),
    }
    section = shown(code_labels=arrays).sections["What the codes say about labels"]
    assert "category 1 says most about Smiling (0.31 nats)." in section
    assert "continuous 1 says" not in section
    assert "No code says anything about a label." in shown(code_labels=arrays | {"matrix": np.zeros((2, 2))}).text


def test_codes_of_two_dimensions_are_their_own_map(shown) -> None:
    codes = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    page = shown(map={"points": codes, "codes": codes})
    assert "first latent dimension (no unit)" in page.words_of("map")
    assert "t-SNE" not in page.text


def test_exclusive_classes_colour_one_map(shown) -> None:
    kinds = np.arange(60) % 13
    page = shown(
        map={
            "points": np.random.default_rng(0).normal(size=(60, 2)),
            "labels": np.eye(13, dtype=np.uint8)[kinds],
            "label_names": np.array([f"kind {kind}" for kind in range(13)]),
            "exclusive": np.array(True),
            "chosen": np.array("kind 1"),
        }
    )
    assert set(page.figures) == {"map.svg", "map.png"}
    assert "others" in page.words_of("map")


def test_axes_of_principal_components_say_their_share_of_variance(shown) -> None:
    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    page = shown(map_pca={"points": points, "explained": np.array([0.3, 0.125])})
    assert {"first component (30% of variance)", "second component (12% of variance)"} <= set(page.words_of("map-pca"))


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("categories", {"images": np.zeros((2, 2, 4, 4, 1), np.uint8)}),
        ("category-pairs", {"images": np.zeros((2, 4, 4, 1), np.uint8)}),
        ("sweeps", {"images": np.zeros((1, 2, 3, 4, 4, 1), np.uint8), "values": np.zeros(2)}),
        ("map", {"points": np.zeros((9, 2)), "labels": np.zeros((8, 2), np.uint8)}),
        ("map-pca", {"points": np.zeros((9, 2))}),
        ("confusion", {"counts": np.ones((2, 3), int)}),
        ("confusion", {"counts": np.zeros((2, 2), int)}),
        ("confusion", {"counts": np.ones((2, 2))}),
        ("verdicts", {"counts": np.ones((2, 2), int)}),
        ("inversions", {"originals": np.zeros((2, 4, 4, 1), np.uint8), "inversions": np.zeros((1, 4, 4, 1), np.uint8)}),
        ("kl-dimensions", {"kl": np.ones(3), "variance": np.ones(2)}),
        ("kl-dimensions", {"kl": np.array([1, np.nan]), "variance": np.ones(2)}),
        ("code-factors", {"shares": np.ones(3)}),
        ("frequencies", {"shares": np.zeros((3, 4))}),
        ("leakage", {"images": np.zeros(2)}),
        ("leakage", {"matrix": np.zeros(3)}),
        ("code-labels", {"matrix": np.array([[np.nan]])}),
    ],
)
def test_arrays_that_are_not_what_their_name_promises_are_left_out(name, arrays, shown) -> None:
    assert f"pictures/{name}.npz is left out: " in shown(**{name.replace("-", "_"): arrays}).gaps
