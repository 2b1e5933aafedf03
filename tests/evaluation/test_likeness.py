"""Error, signal-to-noise and structural similarity of images; the best linear code."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from torch import Tensor

from simulacra.evaluation.metrics.reconstruction import Principal, signal_to_noise, squared_error, structural_similarity


def pictures(count: int = 3, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_error_and_decibels_by_hand() -> None:
    a, b = torch.full((2, 1, 4, 4), 0.5), torch.tensor([0.5, -0.5]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4)
    assert squared_error(a, b).tolist() == [0, 1]
    # 2^2 / 1 is 6.02 dB; 2^2 / 0.0004 is 40 dB; none is as good as 1e-10.
    assert signal_to_noise(torch.tensor([1.0, 0.0004, 0.0])).tolist() == pytest.approx([6.0206, 40, 106.0206], abs=1e-3)


def test_similarity_of_an_image_with_itself_is_one() -> None:
    assert structural_similarity(pictures(), pictures()).tolist() == pytest.approx([1, 1, 1])


def test_similarity_of_even_images_is_that_of_their_means() -> None:
    """No spread: (2 * 0.5 * -0.5 + C1) / (0.25 + 0.25 + C1), with C1 = (0.01 * 2)^2."""
    even = torch.full((1, 1, 12, 12), 0.5, dtype=torch.float64)
    expected = (-0.5 + 0.0004) / (0.5 + 0.0004)
    assert structural_similarity(even, -even).item() == pytest.approx(expected)


def test_similarity_of_a_negative_is_negative() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert structural_similarity(stripes, -stripes).item() < -0.9


def test_similarity_is_that_of_a_second_way_to_compute_it() -> None:
    """The paper's luminance, contrast and structure one after another, in float64, by SciPy's filter."""
    a, b = pictures(seed=1).double(), (0.6 * pictures(seed=1) + 0.3 * pictures(seed=2) + 0.1).double()
    offsets = np.arange(-5, 6)
    bell = np.exp(-(offsets**2) / 4.5)
    bell /= bell.sum()

    def blurred(x: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(x, bell, axis=0), bell, axis=1)[5:-5, 5:-5]

    expected = []
    for x, y in zip(a.flatten(0, 1).numpy(), b.flatten(0, 1).numpy(), strict=True):
        mx, my = blurred(x), blurred(y)
        sx, sy = np.sqrt(blurred(x**2) - mx**2), np.sqrt(blurred(y**2) - my**2)
        c1, c2 = 0.02**2, 0.06**2
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        contrast = (2 * sx * sy + c2) / (sx**2 + sy**2 + c2)
        structure = (blurred(x * y) - mx * my + c2 / 2) / (sx * sy + c2 / 2)
        expected.append((luminance * contrast * structure).mean())
    assert structural_similarity(a, b).numpy() == pytest.approx(np.reshape(expected, (3, 3)).mean(1))
    assert structural_similarity(a.float(), b.float()).numpy() == pytest.approx(
        structural_similarity(a, b).numpy(), abs=1e-4
    )


def test_images_of_two_causes_are_told_by_two_numbers() -> None:
    random = torch.Generator().manual_seed(0)
    causes, axes = torch.randn(40, 2, generator=random), torch.randn(2, 3 * 4 * 4, generator=random)
    images = ((causes @ axes) * 0.05 + 0.1).reshape(40, 3, 4, 4)
    fit, test = images[:30], images[30:]
    assert squared_error(Principal(fit, 2)(test), test).max() < 1e-8
    one = squared_error(Principal(fit, 1)(test), test).mean()
    assert 1e-4 < one < squared_error(fit.mean(0).expand_as(test), test).mean()


def test_more_numbers_than_images_are_as_many_as_there_are() -> None:
    images = pictures(5, 4)
    again = Principal(images, 50)
    assert again.axes.shape == (4, 48)
    assert squared_error(again(images), images).max() < 1e-8
