"""Copies, duplicates, damage and sharpness: cases worked by hand, and what real images get."""

import numpy as np
import pytest

from simulacra.evaluation.metrics.diversity import beyond, fine_energy, likeness, sharpness

DRAW = np.random.default_rng(0)


def test_a_share_below_the_quantile_of_real_values() -> None:
    real = np.arange(100.0)  # 5 of them lie below 5
    found = beyond(np.array([0.0, 4.9, 5.0, 99.0]), real, 0.05)
    assert (found.estimate.value, found.floor, found.threshold) == (0.5, 0.05, 5.0)


def test_real_values_in_the_place_of_samples_give_the_level_and_the_interval_holds_it() -> None:
    held = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        one = beyond(draw.standard_normal(400), draw.standard_normal(300), 0.05).estimate
        assert one.low is not None
        assert one.high is not None
        held += one.low <= 0.05 <= one.high
    assert 182 <= held <= 199, "about 95 of 100"


def test_the_interval_is_wider_where_fewer_real_images_set_the_threshold() -> None:
    samples = DRAW.random(1000)
    few, many = (beyond(samples, np.linspace(0, 1, count), 0.05).estimate for count in (60, 6000))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_with_very_few_real_images_nothing_lies_below_by_chance() -> None:
    found = beyond(np.array([0.0, 2.0]), np.arange(1.0, 7.0), 0.05)
    assert (found.estimate.value, found.floor) == (0.5, 0.0)


def test_likeness_is_nought_on_a_training_image_and_a_half_between() -> None:
    found = likeness(np.array([0.0, 2.0, 3.0, 0.0]), np.array([1.0, 2.0, 1.0, 0.0]))
    assert found.tolist() == [0, 0.5, 0.75, 0.5]


def test_a_checkerboard_is_fine_and_a_slope_is_not() -> None:
    board = (np.indices((16, 16)).sum(0) % 2 * 200).astype(np.uint8)
    slope = np.tile(np.linspace(0, 200, 16).astype(np.uint8), (16, 1))
    flat = np.full((16, 16), 90, np.uint8)
    fine, coarse, none = np.exp(fine_energy(np.stack([board, slope, flat])[..., None]))
    assert fine > 1000 * coarse > 1000 * none
    assert none == pytest.approx(1 / 12), "of rounding alone"


def test_the_power_of_white_noise_is_its_variance() -> None:
    noise = np.clip(np.rint(DRAW.normal(128, 20, (400, 16, 12, 1))), 0, 255).astype(np.uint8)
    assert np.exp(fine_energy(noise)).mean() == pytest.approx(400, rel=0.05)
    odd = np.clip(np.rint(DRAW.normal(128, 20, (400, 15, 13, 1))), 0, 255).astype(np.uint8)
    assert np.exp(fine_energy(odd)).mean() == pytest.approx(400, rel=0.05)


def test_colours_count_by_their_luminance() -> None:
    grey = DRAW.integers(0, 256, (5, 8, 8, 1), np.uint8)
    np.testing.assert_allclose(fine_energy(grey), fine_energy(np.repeat(grey, 3, 3)), rtol=1e-4)


def test_half_the_contrast_has_a_quarter_of_the_energy() -> None:
    images = DRAW.integers(0, 128, (200, 8, 8, 1)).astype(np.uint8) * 2
    one = sharpness(fine_energy(images // 2), fine_energy(images))
    assert one.value == pytest.approx(0.25, rel=0.01)
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.value < one.high
