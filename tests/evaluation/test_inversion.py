"""Codes found for images."""

from typing import Any

import numpy as np
import pytest
import torch

from simulacra.errors import RunError
from simulacra.evaluation.inversion import invert
from simulacra.evaluation.subject import Subject


def livelier(subject: Subject) -> Subject:
    """The same untrained model with larger weights, so that its images differ from one another."""
    with torch.no_grad():
        for name, weight in subject.objective.networks[subject.generates.maker].named_parameters():
            if weight.ndim > 1 and name.endswith("weight"):
                weight.mul_(0.5 / weight.std())
    return subject


def own_images(subject: Subject, count: int = 3) -> tuple[Any, Any]:
    codes = subject.codes(count, 77)
    return subject.decode(codes), codes


def generators() -> list[str]:
    return ["vae", "gan", "wgan", "acgan", "infogan"]


@pytest.mark.parametrize("family", generators())
def test_a_models_own_images_are_found_again(family, subject) -> None:
    it = livelier(subject(family))
    images, _ = own_images(it)
    found = invert(it, images, steps=45)
    chance = invert(it, images, steps=0, starts=1)
    assert found.codes.shape == (3, it.generates.code.width)
    assert found.errors.mean() < 0.25 * chance.errors.mean()


@pytest.mark.parametrize("family", generators())
def test_errors_are_those_of_the_codes_that_are_given(family, subject) -> None:
    it = livelier(subject(family))
    images, _ = own_images(it)
    found = invert(it, images, steps=6)
    there = (it.decode(found.codes).astype(float) - images) / 127.5
    assert found.errors == pytest.approx(np.square(there).mean((1, 2, 3)), abs=0.01)


def test_it_changes_nothing_and_follows_from_its_seed(subject) -> None:
    it = livelier(subject("infogan"))
    images, _ = own_images(it)
    before = {name: value.clone() for name, value in it.objective.networks.state_dict().items()}
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, again = invert(it, images, steps=5), invert(it, images, steps=5)
    other = invert(it, images, steps=5, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in it.objective.networks.state_dict().items())
    assert all(parameter.grad is None for parameter in it.objective.networks.parameters())
    assert it.objective.networks.training
    assert torch.is_grad_enabled()
    assert torch.equal(one.codes, again.codes)
    assert not torch.equal(one.codes, other.codes)


def test_an_encoders_own_code_is_never_better(subject) -> None:
    it = subject("vae")
    images = it.store.pixels(it.store.rows("test"))
    model, batch = it.objective, it.load(it.store.rows("test"))
    with it.objective.evaluating():
        own = (it.generates.decode(model.encode(batch.images)).clamp(-1, 1) - batch.images).square().flatten(1).mean(1)
    for steps in (0, 1, 10):
        assert (invert(it, images, steps=steps, starts=1).errors <= own.numpy() + 1e-6).all()


def test_uniform_noise_stays_where_it_is_drawn(subject) -> None:
    it = subject("gan", **{"objective.code.distribution": "uniform"})
    white = np.full((2, 8, 8, 3), 255, np.uint8)
    assert invert(it, white, steps=20, starts=1).codes.abs().max() <= 1


def test_normal_noise_may_go_further_than_that(subject) -> None:
    it = livelier(subject("gan"))
    assert invert(it, it.decode(torch.full((2, 3), 2.0)), steps=45).codes.abs().max() > 1.5


@pytest.mark.parametrize("entry", ["binary", "onehot"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_labels_are_zero_or_one(entry, exclusive, subject) -> None:
    it = livelier(subject("acgan", exclusive=exclusive, **{"objective.code.labels": entry}))
    code = it.generates.code
    images, _ = own_images(it)
    codes = invert(it, images, steps=9).codes
    labels = code.labels_of(codes)
    assert set(labels.unique().tolist()) <= {0.0, 1.0}
    if exclusive:
        assert labels.sum(1).tolist() == [1, 1, 1]
    assert torch.equal(code.join(*code.split(codes)), codes)


def test_categories_are_found_again(subject) -> None:
    it = livelier(subject("infogan", **{"objective.code.categorical": [3], "objective.code.noise": 1}))
    images, codes = own_images(it, 6)
    code = it.generates.code
    found = invert(it, images, steps=40, starts=5)
    hits = code.split(found.codes).categories == code.split(codes).categories
    assert hits.float().mean() >= 5 / 6
    assert found.codes[:, -1].abs().max() <= 1


def test_it_tells_how_far_it_is(subject) -> None:
    it = subject("gan")
    told: list[tuple[int, int]] = []
    images, _ = own_images(it, 17)
    invert(it, images, steps=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_a_model_that_makes_no_images_cannot_be_inverted(subject) -> None:
    with pytest.raises(RunError, match="generates no images"):
        invert(subject("classifier"), np.zeros((1, 8, 8, 3), np.uint8))


def test_images_of_another_shape_are_refused(subject) -> None:
    with pytest.raises(RunError, match=r"shape \(8, 8, 1\) cannot be inverted by a run that makes \(8, 8, 3\)"):
        invert(subject("gan"), np.zeros((1, 8, 8, 1), np.uint8))
