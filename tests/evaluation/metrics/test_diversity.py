"""The group `diversity` of `evaluate`: measurements, pictures, and that real images in the place of samples pass it.

Copies, duplicates, faults and sharpness: cases worked by hand, and the same of real images.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from simulacra.catalogue import of_group
from simulacra.data.store import open_store
from simulacra.evaluation.context import Material, choose
from simulacra.evaluation.metrics import GROUPS, Results
from simulacra.evaluation.metrics.diversity import (
    fine_detail,
    grid_period,
    nearness,
    sharpness,
    tail_share,
)
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build

COUNT = 600
DIVERSITY, METRICS = GROUPS["diversity"], of_group("diversity")


class Sure:
    """A judge that knows the colour of an image: bright ones have the first label, few the second, none the third."""

    label_names = ("Smiling", "Eyeglasses", "Male")
    exclusive = False
    label = "judge of tests"
    learned = np.array([True, True, False])
    confusion = np.array([[[300, 0], [0, 300]]] * 3)

    def predict(self, images: np.ndarray, progress: object = None) -> np.ndarray:
        brightness = images.reshape(len(images), -1).mean(1)
        return np.stack([brightness > 128, brightness > 185, brightness < 0], 1)


SURE = Sure()


@pytest.fixture
def material(make_store: Callable[..., Path], tiny: Any, tmp_path: Path) -> Callable[..., Material]:
    """material(damage): smooth pictures in the place of samples, changed by a function of them and training images."""

    def make(
        damage: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None, judge: Any = SURE, **changes: Any
    ) -> Material:
        path = tmp_path / "store"
        if not path.exists():
            make_store(count=COUNT, held_out=100)
            np.save(path / "images.npy", pictures(COUNT))
            labels = SURE.predict(np.load(path / "images.npy"))
            np.save(path / "labels.npy", labels.astype(np.uint8))
        store = open_store(path)
        recipe = tiny("gan", **changes)
        subject = Subject(build(recipe), recipe, None, store, step=2)
        found = Material(subject, choose(store, 100), PLAIN, cache=tmp_path / "cache")
        samples = pictures(found.count, seed=9)
        known = store.pixels(found.chosen.train)
        found.__dict__.update(samples=damage(samples, known) if damage else samples, judge=judge)
        return found

    return make


def vectors(images: np.ndarray, progress: object = None) -> np.ndarray:
    """Features that are pixels: quick, and enough to tell these pictures apart."""
    return images.mean(3).reshape(len(images), -1).astype(np.float32)


PLAIN: Any = SimpleNamespace(name="plain", label="pixels", width=64, vectors=vectors)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Blobs (count, 8, 8, 3) of one kind, no two alike."""
    draw = np.random.default_rng(seed)
    blobs = gaussian_filter(draw.normal(0, 90, (count, 8, 8, 1)), (0, 0.8, 0.8, 0)) + draw.normal(
        0, 4, (count, 8, 8, 3)
    )
    return np.clip(blobs + draw.normal(128, 40, (count, 1, 1, 1)), 0, 255).astype(np.uint8)


def numbers(material: Material) -> dict[str, dict[str, Any]]:
    measured = rows(DIVERSITY.measure(material))
    return {row["metric"] + (f" {row['label']}" if "label" in row else ""): row for row in measured}


def rows(results: Results) -> list[dict[str, Any]]:
    return [measurement.to_json() for measurement in results.measurements]


def test_real_images_in_the_place_of_samples_get_the_baseline(material) -> None:
    found = numbers(material())
    for name, row in found.items():
        if row["value"] is None or name in ("modes_covered", "label_entropy", "label_divergence"):
            continue
        by_chance = row["baseline"] + 0.02  # two images of the hundred
        assert row["low"] <= by_chance, (name, row)
        assert row["high"] >= row["baseline"], (name, row)
    assert [row["metric"] for row in found.values()][: len(METRICS) - 1] == list(METRICS[:-1]), "in order"


@pytest.mark.parametrize(
    ("damage", "moved"),
    [
        (lambda samples, known: np.concatenate([known[:30], samples[30:]]), {"copies_features": 1, "copies_pixels": 1}),
        (lambda samples, known: np.concatenate([samples[30:60], samples[30:]]), {"duplicates": 1}),
        (lambda samples, known: gaussian_filter(samples, (0, 1, 1, 0)), {"sharpness": -1}),
        (
            lambda samples, known: np.concatenate(
                [np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8), samples[30:]]
            ),
            {"broken_features": 1, "broken_pixels": 1, "sharpness": 1},
        ),
        (lambda samples, known: samples // 2, {"label_frequency Smiling": -1, "rare_label_ratio": -1}),
    ],
)
def test_each_damage_moves_its_number(damage, moved, material) -> None:
    found = numbers(material(damage))
    for name, sign in moved.items():
        row = found[name]
        assert (row["low"] > row["baseline"]) if sign > 0 else (row["high"] < row["baseline"]), (name, row)


def test_copies_of_a_tenth_are_about_that_much_above_chance(material) -> None:
    found = numbers(material(lambda samples, known: np.concatenate([known[:50], samples[50:]])))
    assert 0.5 <= found["copies_pixels"]["value"] <= 0.6
    assert found["copies_features"]["real"] == 200
    assert found["copies_pixels"]["real"] == 400


def test_a_mirrored_copy_is_one_where_training_flips(material) -> None:
    def turned(samples: np.ndarray, known: np.ndarray) -> np.ndarray:
        return np.concatenate([known[:50, :, ::-1], samples[50:]])

    assert numbers(material(turned))["copies_pixels"]["value"] > 0.5
    assert numbers(material(turned, **{"data.flip": False}))["copies_pixels"]["value"] < 0.2


def test_missing_kinds_are_counted_and_diverge(material) -> None:
    whole, dark = numbers(material()), numbers(material(lambda samples, known: samples // 2))
    assert whole["modes_covered"]["value"] == whole["modes_covered"]["baseline"] == whole["modes_covered"]["modes"] == 3
    assert dark["modes_covered"]["value"] == 1
    assert dark["label_entropy"]["value"] < whole["label_entropy"]["low"]
    assert dark["label_divergence"]["low"] > whole["label_divergence"]["high"]


def test_a_label_that_the_judge_cannot_tell_is_withheld(material) -> None:
    row = numbers(material())["label_frequency Male"]
    assert (row["value"], row["training_share"]) == (None, 0.0)
    assert row["why"] == "withheld, the judge did not learn this label well enough"


class Silent(Sure):
    """It ranks eyeglasses well enough, and never says that they are there."""

    confusion = np.array([[[300, 0], [0, 300]], [[580, 0], [20, 0]], [[300, 0], [0, 300]]])

    def predict(self, images: np.ndarray, progress: object = None) -> np.ndarray:
        return super().predict(images) & [True, False, True]


def test_a_share_of_a_label_that_the_judge_never_says_is_not_made_up(material) -> None:
    found = DIVERSITY.measure(material(judge=Silent()))
    by_label = {row.get("label", row["metric"]): row for row in rows(found)}
    assert by_label["Eyeglasses"]["value"] is by_label["Eyeglasses"]["baseline"] is None
    assert "for real images without it nearly as often as with it" in by_label["Eyeglasses"]["why"]
    assert by_label["rare_label_ratio"]["value"] is None, "the only one that is rare"
    assert found.pictures["frequencies"]["label_names"].tolist() == ["Smiling"]


def test_without_labels_the_rest_is_measured(material) -> None:
    measured = DIVERSITY.measure(material(judge=None))
    found = {row["metric"]: row for row in rows(measured)}
    assert list(found) == list(METRICS)
    assert found["modes_covered"]["n"] is None
    assert found["sharpness"]["value"] > 0
    assert found["modes_covered"]["why"] == "not applicable, the data set has no labels"


def test_the_strip_shows_the_copies_first_and_below_them_what_they_copy(material) -> None:
    one = material(lambda samples, known: np.concatenate([known[:12, :, ::-1], samples[12:]]))
    arrays = DIVERSITY.measure(one).pictures["nearest"]
    assert arrays["pixels_samples"].shape == (16, 8, 8, 3)
    np.testing.assert_array_equal(arrays["pixels_samples"][:10], arrays["pixels_train"][:10])
    assert (arrays["pixels_train_distances"][:10] == 0).all()
    assert 0.5 < arrays["pixels_usual"] < 1
    assert (arrays["pixels_samples"][10:] != arrays["pixels_train"][10:]).any()


def test_held_out_images_that_repeat_one_another_leave_numbers_that_can_be_drawn(material, tmp_path) -> None:
    one = material()
    images = np.load(tmp_path / "store" / "images.npy")
    images[one.chosen.held_out] = 7
    np.save(tmp_path / "store" / "images.npy", images)
    changed = replace(one, subject=replace(one.subject, store=open_store(tmp_path / "store")), _features={})
    changed.__dict__.update(samples=one.samples, judge=None)
    arrays = DIVERSITY.measure(changed).pictures["nearest"]
    assert all(np.isfinite(array).all() for array in arrays.values())


@pytest.mark.parametrize(("family", "given"), [("acgan", [True, False]), ("gan", [False, False])])
def test_samples_are_generated_for_labels_where_the_family_takes_some(family, given, material, tiny) -> None:
    one, recipe = material(), tiny("acgan", **{"data.labels": ["Smiling"]})
    model = build(recipe if family == "acgan" else tiny("gan"))  # a recipe may name labels that its family ignores
    subject = Subject(model, recipe, np.ones((4, 1), np.uint8), one.store, step=2)
    changed = replace(one, subject=subject)
    changed.__dict__.update(samples=one.samples, judge=one.judge)
    found = DIVERSITY.measure(changed)
    assert found.pictures["frequencies"]["given"].tolist() == given
    assert any("samples are generated for Smiling as" in note for note in found.notes) == given[0]


DRAW = np.random.default_rng(0)


def test_a_share_below_the_quantile_of_real_values() -> None:
    real = np.arange(100.0)  # 5 of them lie below 5
    found = tail_share(np.array([0.0, 4.9, 5.0, 99.0]), real, 0.05)
    assert (found.estimate.value, found.baseline, found.threshold) == (0.5, 0.05, 5.0)


def test_real_values_in_the_place_of_samples_give_the_level_and_the_interval_holds_it() -> None:
    held = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        one = tail_share(draw.standard_normal(400), draw.standard_normal(300), 0.05).estimate
        held += one.low <= 0.05 <= one.high
    assert 182 <= held <= 199, "about 95 of 100"


def test_the_interval_is_wider_where_fewer_real_images_set_the_threshold() -> None:
    samples = DRAW.random(1000)
    few, many = (tail_share(samples, np.linspace(0, 1, count), 0.05).estimate for count in (60, 6000))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_with_very_few_real_images_nothing_lies_below_by_chance() -> None:
    found = tail_share(np.array([0.0, 2.0]), np.arange(1.0, 7.0), 0.05)
    assert (found.estimate.value, found.baseline) == (0.5, 0.0)


def test_nearness_is_nought_on_a_training_image_and_a_half_between() -> None:
    found = nearness(np.array([0.0, 2.0, 3.0, 0.0]), np.array([1.0, 2.0, 1.0, 0.0]))
    assert found.tolist() == [0, 0.5, 0.75, 0.5]


def patterns(size: int, period: int) -> np.ndarray:
    """Images (4, size, size, 1): a pattern that repeats every `period` pixels, a slope, one colour, white noise."""
    across = np.arange(size) % period < period // 2
    board = (across[:, None] ^ across) * 200
    slope = np.tile(np.linspace(0, 200, size), (size, 1))
    noise = np.random.default_rng(0).integers(0, 256, (size, size))
    return np.stack([board, slope, np.full((size, size), 90), noise]).astype(np.uint8)[..., None]


@pytest.mark.parametrize(("size", "period"), [(64, 2), (64, 4), (64, 8), (28, 2), (28, 4), (16, 2)])
def test_a_checkerboard_is_a_grid_and_no_detail(size, period) -> None:
    energy, grid = fine_detail(patterns(size, period))
    board, slope, flat, noise = np.exp(energy)
    assert grid[0] > 0.99
    assert board < 0.02 * noise, "what the window spreads"
    assert slope < 0.001 * noise
    assert flat == pytest.approx(1 / 12), "of rounding alone"


@pytest.mark.parametrize("blur", [0, 0.7, 1.5])
def test_white_noise_has_no_grid_and_blur_makes_none(blur) -> None:
    noise = gaussian_filter(DRAW.normal(128, 40, (300, 64, 64, 1)), (0, blur, blur, 0))
    assert fine_detail(noise.clip(0, 255).astype(np.uint8)).grid.mean() == pytest.approx(0, abs=0.02)


def test_a_grid_on_real_detail_raises_its_number_and_leaves_sharpness() -> None:
    images = np.clip(gaussian_filter(DRAW.normal(0, 90, (50, 64, 64, 1)), (0, 1, 1, 0)) + 128, 8, 247)
    board = (np.indices((64, 64)).sum(0) % 2 * 16 - 8)[..., None]
    plain, gridded, blurred = (
        fine_detail(part.astype(np.uint8)) for part in (images, images + board, gaussian_filter(images, (0, 1, 1, 0)))
    )
    assert gridded.grid.mean() > plain.grid.mean() + 0.3
    assert sharpness(gridded.energy, plain.energy).value == pytest.approx(1, rel=0.02)
    assert sharpness(blurred.energy, plain.energy).high < 0.5
    assert abs(blurred.grid.mean()) < 0.03, "blur is no grid"


def test_small_images_have_no_frequencies_to_tell_a_grid_by() -> None:
    assert [grid_period(size, 64) for size in (64, 48, 47, 28, 16, 11)] == [8, 8, 4, 4, 2, 0]
    energy, grid = fine_detail(patterns(8, 2))
    assert grid is None
    assert energy[0] > energy[1], "so a checkerboard counts as detail"


def test_the_power_of_white_noise_is_its_variance() -> None:
    noise = np.clip(np.rint(DRAW.normal(128, 20, (400, 16, 12, 1))), 0, 255).astype(np.uint8)
    assert np.exp(fine_detail(noise).energy).mean() == pytest.approx(400, rel=0.05)
    odd = np.clip(np.rint(DRAW.normal(128, 20, (400, 15, 13, 1))), 0, 255).astype(np.uint8)
    assert np.exp(fine_detail(odd).energy).mean() == pytest.approx(400, rel=0.05)


def test_colours_count_by_their_luminance() -> None:
    grey = DRAW.integers(0, 256, (5, 8, 8, 1), np.uint8)
    np.testing.assert_allclose(fine_detail(grey).energy, fine_detail(np.repeat(grey, 3, 3)).energy, rtol=1e-4)


def test_half_the_contrast_has_a_quarter_of_the_energy() -> None:
    images = DRAW.integers(0, 128, (200, 8, 8, 1)).astype(np.uint8) * 2
    one = sharpness(fine_detail(images // 2).energy, fine_detail(images).energy)
    assert one.value == pytest.approx(0.25, rel=0.01)
    assert one.low < one.value < one.high
