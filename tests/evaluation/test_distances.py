"""Distances of sets: by hand, by another formula, and what they must not depend on.

Distances are those of the packages that others use, on the same features.
"""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prdc import compute_prdc
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from simulacra.evaluation import distances
from simulacra.evaluation.distances import Cloud, frechet, frechet_pair, kernel, nearer, neighbours


def normal(count: int, width: int = 4, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)) * scale


# --- Frechet distance


def test_frechet_of_points_on_a_line_by_hand() -> None:
    a, b = np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]])  # means 0 and 3, deviations root 2 and twice that
    assert frechet(a, b) == pytest.approx(9 + (np.sqrt(8) - np.sqrt(2)) ** 2)


@pytest.mark.parametrize(("n", "m"), [(3, 5), (3, 50), (50, 3), (6, 7)])
def test_frechet_of_few_points_is_that_of_their_covariances(n, m) -> None:
    a, b = normal(n, 6), normal(m, 6, seed=1)
    roots = np.linalg.eigvals(np.cov(a.T) @ np.cov(b.T)).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T) + np.cov(b.T))
    assert frechet(a, b) == pytest.approx(expected - 2 * np.sqrt(np.maximum(roots, 0)).sum(), rel=1e-6)


def test_frechet_is_symmetric_zero_for_equal_sets_and_blind_to_rotations_and_shifts() -> None:
    a, b = normal(40), normal(30, seed=1, scale=2)
    turn = np.linalg.qr(normal(4, seed=2))[0]
    assert frechet(a, b) == pytest.approx(frechet(b, a))
    assert frechet(a @ turn + 5, b @ turn + 5) == pytest.approx(frechet(a, b))
    assert frechet(a, a) == pytest.approx(0, abs=1e-10)
    assert frechet(a[::-1], b) == pytest.approx(frechet(a, b))


def test_frechet_is_finite_where_a_feature_never_changes() -> None:
    a = np.hstack([normal(40), np.zeros((40, 1))])
    assert frechet(a, a + np.array([0, 0, 0, 0, 3])) == pytest.approx(9)


# --- kernel distance


def by_pairs(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased estimate, pair by pair."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    within = [
        np.mean([k(part[i], part[j]) for i in range(len(part)) for j in range(len(part)) if i != j]) for part in (a, b)
    ]
    return float(sum(within) - 2 * np.mean([k(x, y) for x in a for y in b]))


@pytest.mark.parametrize(("n", "m", "blocks"), [(8, 12, 4), (9, 7, 20), (3, 2, 5)])
def test_kernel_distance_is_the_mean_over_all_pairs(n, m, blocks) -> None:
    a, b = normal(n), normal(m, seed=1) + 0.5
    assert kernel(a, b, blocks).value == pytest.approx(by_pairs(a, b))


def test_kernel_distance_by_hand() -> None:
    a, b = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])  # kernels 1 within a, 27 within b, 1, 1, 8, 27 across
    assert kernel(a, b).value == pytest.approx(1 + 27 - 2 * 37 / 4)
    assert kernel(a, b).low is None


def test_a_share_of_what_is_nearer_stays_within_1() -> None:
    random = np.random.default_rng(0)
    train, held_out = random.normal(size=(40, 3)), random.normal(size=(40, 3))
    one = nearer(train, held_out, np.concatenate([train[:30], held_out[:1]]))
    assert one.value < 1
    assert one.high == 1


def test_the_jackknife_leaves_out_a_block_of_both_sets_at_a_time() -> None:
    a, b = normal(12), normal(9, seed=1)
    left = [
        kernel(np.delete(a, slice(4 * i, 4 * i + 4), 0), np.delete(b, slice(3 * i, 3 * i + 3), 0)) for i in range(3)
    ]
    values = np.array([one.value for one in left])
    error = np.sqrt(2 / 3 * np.square(values - values.mean()).sum())
    found = kernel(a, b, 3)
    assert found.high - found.value == pytest.approx(1.96 * error)


def test_kernel_distance_of_one_distribution_is_zero_within_its_interval_about_as_often_as_promised() -> None:
    found = [kernel(normal(60, seed=2 * i), normal(60, seed=2 * i + 1)) for i in range(60)]
    assert abs(np.mean([one.value for one in found])) < 0.05, "unbiased"
    hits = [one.low <= 0 <= one.high for one in found if one.low is not None and one.high is not None]
    assert np.mean(hits) > 0.85


# --- precision, recall, density, coverage


@pytest.mark.parametrize("rows", [7, 1000])
def test_neighbours_are_those_of_prdc_whatever_the_blocks(rows, sets, monkeypatch) -> None:
    monkeypatch.setattr(distances, "ROWS", rows)
    ours = neighbours(*sets)
    assert list(ours) == ["precision", "recall", "density", "coverage"]
    for k, names in ((3, ("precision", "recall")), (5, ("density", "coverage"))):
        theirs = compute_prdc(*(part.astype(float) for part in sets), nearest_k=k)
        for name in names:
            assert 0 < theirs[name] < 1, "a number that could differ"
            assert ours[name].value == pytest.approx(theirs[name], rel=1e-4)


def test_neighbours_by_hand() -> None:
    real, made = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [9.0], [2.0]])
    # k = 1: balls of radius 1, 1, 2 around the real ones hold 0.5 and 2; of 1.5, 7, 1.5 around the made, all real ones
    found = {name: one.value for name, one in neighbours(real, made, 1, 1).items()}
    assert found == pytest.approx({"precision": 2 / 3, "recall": 1, "density": 4 / 3, "coverage": 1})


def test_samples_of_one_kind_have_precision_but_lack_recall() -> None:
    real = np.concatenate([normal(50), normal(50, seed=1) + 100])
    found = neighbours(real, normal(100, seed=2, scale=0.3))
    assert found["precision"].value > 0.95
    assert found["density"].value > 0.95
    assert found["recall"].value < 0.51
    assert found["coverage"].value < 0.51


def test_samples_of_all_kinds_and_of_none_have_recall_but_lack_precision() -> None:
    real = np.concatenate([normal(50), normal(50, seed=1) + 100])
    made = np.concatenate([real + 0.01, normal(100, seed=2, scale=3) - 100])
    found = neighbours(real, made)
    assert found["precision"].value == pytest.approx(0.5)
    assert found["recall"].value == 1
    assert found["coverage"].value == 1


def test_neighbours_do_not_depend_on_where_the_features_lie() -> None:
    real, made = normal(40), normal(40, seed=1)
    turn = np.linalg.qr(normal(4, seed=2))[0]
    assert neighbours(real @ turn * 3 + 1000, made @ turn * 3 + 1000) == neighbours(real, made)


def test_copies_of_real_points_lie_in_their_balls() -> None:
    real = normal(40).astype(np.float32)
    found = neighbours(real, real)
    assert {found[name].value for name in ("precision", "recall", "coverage")} == {1.0}


def test_intervals_hold_their_value_and_stay_in_their_range() -> None:
    for name, one in neighbours(normal(40), normal(40, seed=1)).items():
        assert 0 <= one.low <= one.value <= one.high
        assert name == "density" or one.high <= 1


def test_too_few_points_have_no_neighbours() -> None:
    with pytest.raises(ValueError, match="a set of 5 points has no 5 neighbours each"):
        neighbours(normal(5), normal(9))


# --- memorisation


def test_nearer_to_training_images_by_hand() -> None:
    train, held_out = np.array([[0.0], [10.0]]), np.array([[4.0], [10.0]])
    made = np.array([[1.0], [3.0], [-1.0], [10.0]])  # nearer to train, to held-out, to train, and to both alike
    found = nearer(train, held_out, made)
    assert found.value == pytest.approx((1 + 0 + 1 + 0.5) / 4)
    assert found.low < found.value


def test_copies_of_training_images_are_told_and_new_images_are_not() -> None:
    train, held_out = normal(200), normal(200, seed=1)
    new, copies = nearer(train, held_out, normal(400, seed=2)), nearer(train, held_out, train.astype(np.float32))
    assert new.low < 0.5 < new.high
    assert copies.value == 1


# --- what is worked out once


def test_a_cloud_gives_the_same_numbers_and_works_nothing_out_twice(monkeypatch) -> None:
    real, made = normal(50), normal(60, seed=1, scale=1.3)
    known = Cloud(real)
    expected = kernel(real, made), neighbours(real, made)
    assert (kernel(known, made), neighbours(known, made)) == expected
    again = Cloud(real, known.computed)
    monkeypatch.setattr(distances, "_near", lambda *_: pytest.fail("the neighbours are known"))
    every = np.ones((1, 50), bool)
    assert np.array_equal(again.radii(3, every), known.radii(3, every))
    assert kernel(again, made) == expected[0]


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


def test_frechet_distance_is_that_of_torchmetrics(sets) -> None:
    other = FrechetInceptionDistance(nn.Flatten(), input_img_size=(WIDTH, 1, 1)).set_dtype(torch.float64)
    told(other, sets)
    assert frechet(*sets) == pytest.approx(float(other.compute()), rel=1e-4)


def test_kernel_distance_is_that_of_torchmetrics_on_one_subset_of_all(sets) -> None:
    with pytest.warns(UserWarning, match="will save all extracted features"):
        other = KernelInceptionDistance(nn.Flatten(), subsets=1, subset_size=COUNT).set_dtype(torch.float64)
    told(other, sets)
    assert kernel(*sets).value == pytest.approx(float(other.compute()[0]), rel=1e-4)


# --- what the interval of the Frechet distance covers, and where its limit lies

FACTORS = 6  # features of a vector


def graded(count: int, seed: int = 0, width: int = FACTORS, shift: float = 0) -> np.ndarray:
    """Features whose variances fall as one over their place."""
    scale = np.arange(1, width + 1) ** -0.5
    return (np.random.default_rng(seed).standard_normal((count, width)) + shift) * scale


def pair(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Value, standard error, limit."""
    value, limit = frechet_pair(Cloud(a), Cloud(b))
    return value.value, (value.high - value.value) / 1.96, limit.value


@pytest.mark.parametrize(("n", "m"), [(40, 50), (50, 40), (12, 9), (5 * FACTORS, 6)])
def test_the_value_is_the_distance_whichever_set_comes_first(n, m) -> None:
    a, b = graded(n), graded(m, 1, shift=1)
    value, error, limit = pair(a, b)
    assert value == pytest.approx(frechet(a, b))
    assert (value, error, limit) == pytest.approx(pair(b, a), rel=1e-4)


@pytest.mark.parametrize(("n", "m"), [(60, 80), (14, 12)])
def test_the_error_is_that_of_leaving_out_one_image_at_a_time(n, m) -> None:
    width = 10
    a, b = graded(n, 0, width), graded(m, 1, width, shift=0.5)
    squares = [
        (len(part) - 1) * np.var([distance(np.delete(part, i, 0)) for i in range(len(part))])
        for part, distance in ((a, lambda kept: frechet(kept, b)), (b, lambda kept: frechet(a, kept)))
    ]
    assert pair(a, b)[1] == pytest.approx(np.sqrt(sum(squares)), rel=0.35 if n < 20 else 0.1)


def test_the_interval_covers_what_other_draws_give_as_often_as_promised() -> None:
    found = np.array([pair(graded(80, 2 * i), graded(80, 2 * i + 1, shift=0.5)) for i in range(60)])
    values, errors = found[:, 0], found[:, 1]
    assert np.mean(np.abs(values - values.mean()) < 1.96 * errors) >= 0.88
    assert 0.8 < errors.mean() / values.std() < 1.4, "and is not needlessly wide"


def test_for_sets_of_one_distribution_the_distance_has_a_bias_and_its_limit_has_none() -> None:
    found = np.array([pair(graded(30, 2 * i), graded(30, 2 * i + 1)) for i in range(60)])
    spread = found[:, 2].std() / 60**0.5
    assert found[:, 0].mean() > 10 * spread
    assert abs(found[:, 2].mean()) < 4 * spread
    assert np.mean(np.abs(found[:, 2]) < 1.96 * found[:, 1]) > 0.85


def test_the_limit_is_the_distance_of_the_distributions() -> None:
    a, b = np.diag(np.arange(1, FACTORS + 1.0) ** -1), np.diag(np.arange(1, FACTORS + 1.0) ** -2)
    true = np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    scale = np.arange(1, FACTORS + 1) ** -0.5
    found = np.array([pair(graded(40, 2 * i), graded(40, 2 * i + 1) * scale) for i in range(60)])
    assert found[:, 0].mean() > true * 1.2
    assert found[:, 2].mean() == pytest.approx(true, abs=4 * found[:, 2].std() / 60**0.5)


def test_features_that_never_change_or_go_together_do_no_harm() -> None:
    a, b = graded(40), graded(30, 1, shift=0.5)
    wide = [np.hstack([part, np.ones((len(part), 2)), np.zeros((len(part), 1))]) for part in (a, b)]
    assert pair(*wide) == pytest.approx(pair(a, b), rel=1e-5)
    twice = [np.hstack([part, part]) for part in (a, b)]
    assert pair(*twice) == pytest.approx(tuple(2 * x for x in pair(a, b)), rel=1e-5)


def test_a_set_against_itself_is_at_zero() -> None:
    value, error, limit = pair(graded(40), graded(40))
    assert (value, error, limit) == pytest.approx((0, 0, 0), abs=1e-6)


SETS = arrays(np.float64, st.tuples(st.integers(6, 14), st.just(3)), elements=st.integers(-4, 4).map(float))


@settings(max_examples=30, deadline=None)
@given(SETS, SETS, st.randoms(use_true_random=False))
def test_distances_are_symmetric_and_do_not_depend_on_the_order(a, b, random) -> None:
    turned_a, turned_b = (part[random.sample(range(len(part)), len(part))] for part in (a, b))
    assert frechet(a, b) == pytest.approx(frechet(b, a), abs=1e-6)
    assert frechet(a, b) == pytest.approx(frechet(turned_a, turned_b), abs=1e-6)
    assert kernel(a, b).value == pytest.approx(kernel(b, a).value, rel=1e-9, abs=1e-9)
    assert kernel(a, b).value == pytest.approx(kernel(turned_a, turned_b).value, rel=1e-9, abs=1e-9)
    forwards, backwards, turned = neighbours(a, b), neighbours(b, a), neighbours(turned_a, turned_b)
    assert forwards["precision"].value == backwards["recall"].value
    assert {name: found.value for name, found in forwards.items()} == pytest.approx(
        {name: found.value for name, found in turned.items()}
    )
    assert nearer(a, b, a).value + nearer(b, a, a).value == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(SETS)
def test_a_set_is_at_distance_zero_from_itself_however_many_of_its_pictures_are_equal(a) -> None:
    assert frechet(a, a.copy()) == pytest.approx(0, abs=1e-6)
    assert frechet_pair(Cloud(a), Cloud(a.copy()))[0].value == pytest.approx(0, abs=1e-6)
    assert kernel(a, a.copy()).value <= 1e-9, "without bias, and so below 0 for pictures that are in both sets"
    assert nearer(a, a.copy(), a).value == 0.5
    found = neighbours(a, a.copy())
    assert [found[name].value for name in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert found["density"].value >= 1
