"""The Frechet distance: what its interval covers, and where its limit lies."""

import numpy as np
import pytest
import scipy.linalg

from simulacra.evaluation.frechet import Spread, frechet, frechet_pair

WIDTH = 6


def normal(count: int, seed: int = 0, width: int = WIDTH, shift: float = 0) -> np.ndarray:
    """Features whose variances fall as one over their place."""
    scale = np.arange(1, width + 1) ** -0.5
    return (np.random.default_rng(seed).standard_normal((count, width)) + shift) * scale


def pair(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Value, standard error, limit."""
    value, limit = frechet_pair(Spread(a), Spread(b))
    assert value.high is not None
    return value.value, (value.high - value.value) / 1.96, limit.value


@pytest.mark.parametrize(("n", "m"), [(40, 50), (50, 40), (12, 9), (5 * WIDTH, 6)])
def test_the_value_is_the_distance_whichever_set_comes_first(n: int, m: int) -> None:
    a, b = normal(n), normal(m, 1, shift=1)
    value, error, limit = pair(a, b)
    assert value == pytest.approx(frechet(a, b))
    assert (value, error, limit) == pytest.approx(pair(b, a), rel=1e-4)


@pytest.mark.parametrize(("n", "m"), [(60, 80), (14, 12)])
def test_the_error_is_that_of_leaving_out_one_image_at_a_time(n: int, m: int) -> None:
    width = 10
    a, b = normal(n, 0, width), normal(m, 1, width, shift=0.5)
    squares = [
        (len(part) - 1) * np.var([distance(np.delete(part, i, 0)) for i in range(len(part))])
        for part, distance in ((a, lambda kept: frechet(kept, b)), (b, lambda kept: frechet(a, kept)))
    ]
    assert pair(a, b)[1] == pytest.approx(np.sqrt(sum(squares)), rel=0.35 if n < 20 else 0.1)


def test_the_interval_covers_what_other_draws_give_as_often_as_promised() -> None:
    found = np.array([pair(normal(80, 2 * i), normal(80, 2 * i + 1, shift=0.5)) for i in range(60)])
    values, errors = found[:, 0], found[:, 1]
    assert np.mean(np.abs(values - values.mean()) < 1.96 * errors) >= 0.88
    assert 0.8 < errors.mean() / values.std() < 1.4, "and is not needlessly wide"


def test_for_sets_of_one_distribution_the_distance_has_a_bias_and_its_limit_has_none() -> None:
    found = np.array([pair(normal(30, 2 * i), normal(30, 2 * i + 1)) for i in range(60)])
    spread = found[:, 2].std() / 60**0.5
    assert found[:, 0].mean() > 10 * spread
    assert abs(found[:, 2].mean()) < 4 * spread
    assert np.mean(np.abs(found[:, 2]) < 1.96 * found[:, 1]) > 0.85


def test_the_limit_is_the_distance_of_the_distributions() -> None:
    a, b = np.diag(np.arange(1, WIDTH + 1.0) ** -1), np.diag(np.arange(1, WIDTH + 1.0) ** -2)
    true = np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    scale = np.arange(1, WIDTH + 1) ** -0.5
    found = np.array([pair(normal(40, 2 * i), normal(40, 2 * i + 1) * scale) for i in range(60)])
    assert found[:, 0].mean() > true * 1.2
    assert found[:, 2].mean() == pytest.approx(true, abs=4 * found[:, 2].std() / 60**0.5)


def test_features_that_never_change_or_go_together_do_no_harm() -> None:
    a, b = normal(40), normal(30, 1, shift=0.5)
    wide = [np.hstack([part, np.ones((len(part), 2)), np.zeros((len(part), 1))]) for part in (a, b)]
    assert pair(*wide) == pytest.approx(pair(a, b), rel=1e-5)
    twice = [np.hstack([part, part]) for part in (a, b)]
    assert pair(*twice) == pytest.approx(tuple(2 * x for x in pair(a, b)), rel=1e-5)


def test_a_set_against_itself_is_at_zero() -> None:
    value, error, limit = pair(normal(40), normal(40))
    assert (value, error, limit) == pytest.approx((0, 0, 0), abs=1e-6)
