"""Distances are those of the packages that others use, on the same features."""

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from sklearn.metrics.pairwise import polynomial_kernel
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from simulacra.evaluation.distances import kernel, neighbours
from simulacra.evaluation.frechet import frechet

WIDTH, COUNT = 48, 200


@pytest.fixture
def sets() -> tuple[np.ndarray, np.ndarray]:
    """Features as networks give them: none below 0, far from the origin, of very different scales, correlated."""
    draw = np.random.default_rng(0)
    mix = draw.standard_normal((WIDTH, WIDTH)) * np.geomspace(1, 0.02, WIDTH)
    real, made = draw.standard_normal((2, COUNT, WIDTH)).astype(np.float32) @ mix.astype(np.float32)
    return np.maximum(real + 1, 0), np.maximum(1.1 * made + 1.2, 0)


def told(metric: FrechetInceptionDistance | KernelInceptionDistance, sets: tuple[np.ndarray, np.ndarray]) -> None:
    for features, real in zip(sets, (True, False), strict=True):
        metric.update(torch.from_numpy(features).double()[:, :, None, None], real=real)


def test_frechet_distance_is_that_of_torchmetrics(sets: tuple[np.ndarray, np.ndarray]) -> None:
    other = FrechetInceptionDistance(nn.Flatten(), input_img_size=(WIDTH, 1, 1)).set_dtype(torch.float64)
    told(other, sets)
    assert frechet(*sets) == pytest.approx(float(other.compute()), rel=1e-4)


def test_kernel_distance_is_that_of_torchmetrics_on_one_subset_of_all(sets: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.warns(UserWarning, match="will save all extracted features"):
        other = KernelInceptionDistance(nn.Flatten(), subsets=1, subset_size=COUNT).set_dtype(torch.float64)
    told(other, sets)
    assert kernel(*sets).value == pytest.approx(float(other.compute()[0]), rel=1e-4)


def test_kernel_distance_is_that_of_scikit_learns_kernel(sets: tuple[np.ndarray, np.ndarray]) -> None:
    real, made = (part[: COUNT - 7 * place].astype(float) for place, part in enumerate(sets))
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in map(polynomial_kernel, (real, made))]
    expected = sum(within) - 2 * polynomial_kernel(real, made).mean()
    assert kernel(real, made).value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("k", "names"), [(3, ("precision", "recall")), (5, ("density", "coverage"))])
def test_neighbours_are_those_of_prdc(k: int, names: tuple[str, ...], sets: tuple[np.ndarray, np.ndarray]) -> None:
    ours, theirs = neighbours(*sets), compute_prdc(*(part.astype(float) for part in sets), nearest_k=k)
    for name in names:
        assert 0 < theirs[name] < 1, "a number that could differ"
        assert ours[name].value == pytest.approx(theirs[name], rel=1e-4)
