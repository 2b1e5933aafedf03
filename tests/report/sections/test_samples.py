"""Promises of the sections of images: rows and columns are named, captions say how to read them."""

from typing import Any

import numpy as np
import pytest

from simulacra.recipe import load
from simulacra.report.record import spread


def nearest_arrays(fake: Any, space: str, count: int = 16) -> dict[str, Any]:
    images = {f"{space}_{key}": fake.noise(count, 8, 8, 3) for key in ("samples", "train", "held_out")}
    near, far = np.linspace(0.1, 1.6, count), np.full(count, 2.0)
    numbers = {"train_distances": near, "held_out_distances": far, "likest": np.array(10), "usual": np.array(0.76)}
    return images | {f"{space}_{name}": array for name, array in numbers.items()}


def test_samples_stand_above_their_nearest_images_with_their_distances(fake, shown) -> None:
    page = shown(nearest=nearest_arrays(fake, "features") | nearest_arrays(fake, "pixels"))
    section = page.sections["Nearest training images"]
    for words in ("By features: the nearest samples", "By pixels: random samples"):
        assert words in section
    assert "0.05 0.10 0.15" in section, "0.1, 0.2 and 0.3 of 2.0"
    assert "5% of real images have a ratio below 0.76" in section
    assert sum("nearest training" in image for image in page.images) == 4
    assert {"nearest-features-nearest.svg", "nearest-pixels-random.png"} <= set(page.figures)


def test_one_space_of_nearest_images_is_enough(fake, shown) -> None:
    section = shown(nearest=nearest_arrays(fake, "pixels")).sections["Nearest training images"]
    assert "By pixels" in section
    assert "By features" not in section


def test_where_all_samples_are_the_nearest_there_are_no_others(fake, shown) -> None:
    assert "random" not in shown(nearest=nearest_arrays(fake, "pixels", 10)).sections["Nearest training images"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pixels_usual", None, "no array 'pixels_usual' of 1 number"),
        ("pixels_train", np.zeros((3, 8, 8, 3), np.uint8), "arrays of pixels differ in shape"),
        ("pixels_samples", None, "no array 'features_samples' or 'pixels_samples'"),
        ("pixels_train_distances", np.full(16, np.nan), "'pixels_train_distances' holds a number that is not finite"),
    ],
)
def test_damaged_arrays_of_nearest_images_are_named(key, value, message, fake, shown) -> None:
    arrays = nearest_arrays(fake, "pixels") | {key: value}
    page = shown(nearest={name: array for name, array in arrays.items() if array is not None})
    assert message in page.gaps
    assert "Nearest training images" not in page.sections


def test_many_pairs_are_behind_a_fold(fake, shown) -> None:
    names = np.array([f"label {index}" for index in range(9)])
    page = shown(pairs={"images": fake.noise(9, 2, 10, 8, 8, 1), "label_names": names})
    section = page.sections["Pairs that differ in one label"]
    assert section.index("without label 7") < section.index("1 more label") < section.index("without label 8")


def test_chosen_epochs_are_among_the_snapshots_shown(fake, run) -> None:
    steps = [0, 469, 1000, 2000, 2345, 3000, 4000, 4690, 5000, 6000, 7000]
    chosen = [steps[index] for index in spread(steps, 6, {469, 2345, 4690})]
    assert set(chosen) > {0, 469, 2345, 4690, 7000}
    assert len(chosen) == 6
    run.write_recipe(load("celeba-dcgan-bn", {"data.batch": 1000, "every.epochs": [1, 5]}))
    for step in range(0, 401, 5):
        run.write_picture(f"fixed-{step:08d}", {"images": fake.noise(12, 8, 8, 3, seed=step)}, b"")
    section = fake.report(run).sections["The same codes over training"]
    assert "update 40 " in section, "epoch 1: 40,000 images in batches of 1,000"
    assert "update 200 " in section


@pytest.mark.parametrize(
    ("name", "heading", "metric", "sentence"),
    [
        ("reconstructions", "Reconstructions", "mse", "over the whole test split: 0.03125 (500 images"),
        (
            "inversions",
            "Nearest images that the generator can generate",
            "inversion_mse",
            ": 0.03125. The best linear code with as many dimensions leaves 0.01000.",
        ),
    ],
)
def test_a_caption_quotes_the_number_that_was_measured_of_its_own_picture(
    name, heading, metric, sentence, fake, run, evaluated
) -> None:
    images = {array: fake.noise(4, 8, 8, 3) for array in ("originals", name)}
    origin = {"step": np.array(1000), "weights": np.array("ema")}
    run.write_picture(name, images | origin, b"")
    numbers = {
        (1000, "ema", None): 0.03125,
        (2000, "ema", None): 0.2222,
        (1000, "raw", None): 0.3333,
        (1000, "ema", "f00d"): 0.4444,
    }
    rows = [
        {"metric": metric, "value": value, "baseline": 0.01, "step": step, "weights": weights, "against": against}
        for (step, weights, against), value in numbers.items()
    ]
    caption = evaluated(*rows).sections[heading]
    assert sentence in caption
    assert not [value for value in (0.2222, 0.3333, 0.4444) if str(value) in caption]


def test_reconstructions_of_an_old_update_quote_no_other_one(fake, run) -> None:
    run.write_facts({"drawn": 1000})
    images = {name: fake.noise(10, 8, 8, 3) for name in ("originals", "reconstructions")}
    run.write_picture("reconstructions", images, b"")
    row = {"metric": "mse", "n": 500}
    run.append("evaluations", row | {"value": 0.04, "split": "valid", "step": 1000})
    run.append("evaluations", row | {"value": 0.02, "split": "test", "step": 2000})
    caption = fake.report(run).sections["Reconstructions"]
    assert "valid split: 0.04000 (500 images" in caption
    assert "0.02000" not in caption
    run.write_facts({"drawn": 1500})
    assert "(500 images" not in fake.report(run).sections["Reconstructions"], "nothing was measured of these images"
