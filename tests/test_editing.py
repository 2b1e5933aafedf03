"""Edits: which numbers of a code they move, and what they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from simulacra import editing
from simulacra.data.store import open_store
from simulacra.editing import EditRequest, codes_of, continuous_parts, edit_images, learn_directions, row_picture
from simulacra.errors import RunError
from simulacra.evaluation.directions import LabelDirections, learn
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.verbs.prepare import conditions


@pytest.fixture
def subject(tiny: Callable[..., Any], make_store: Callable[..., Path]) -> Callable[..., Subject]:
    """subject(family, exclusive=, **changes): a model of first weights and a store of sixty images."""

    def make(family: str, *, exclusive: bool = False, **changes: Any) -> Subject:
        store = open_store(make_store(count=60, exclusive=exclusive))
        if exclusive:
            changes |= {"data.labels": list(store.label_names), "data.exclusive": True}
        recipe = tiny(family, **changes)
        objective = build(recipe)
        objective.networks.eval()
        return Subject(objective, recipe, conditions(recipe, store), store)

    return make


@pytest.fixture
def images() -> Any:
    return np.random.default_rng(3).integers(0, 256, (2, 8, 8, 3), np.uint8)


def directions_of(subject: Any) -> LabelDirections:
    return learn_directions(subject, subject.store, 1)


def test_strength_0_is_what_the_model_makes_of_the_picture(subject, images) -> None:
    model = subject("vae")
    edited = edit_images(model, images, EditRequest({"Smiling": 1}, (0.0, 2.0)), directions_of(model))
    assert edited.images.shape == (2, 2, 8, 8, 3)
    expected = ((edited.images[:, 0] / 127.5 - images / 127.5) ** 2).mean((1, 2, 3))
    assert edited.errors == pytest.approx(expected, rel=1e-4)


def test_away_from_a_label_is_the_way_back(subject, images) -> None:
    model = subject("vae")
    directions = directions_of(model)
    there = edit_images(model, images, EditRequest({"Smiling": 1}, (-1.5,)), directions)
    back = edit_images(model, images, EditRequest({"Smiling": 0}, (1.5,)), directions)
    assert np.array_equal(there.images, back.images)


@pytest.mark.parametrize("labels", ["binary", "onehot"])
def test_a_label_of_the_code_is_changed_and_nothing_else(subject, images, monkeypatch, labels) -> None:
    model = subject("acgan", **{"objective.code.labels": labels})
    code, seen = model.generates.code, []
    decode = type(model).decode
    monkeypatch.setattr(type(model), "decode", lambda self, codes: seen.append(codes.numpy()) or decode(self, codes))
    edit_images(model, images[:1], EditRequest({"Male": 1}, (0.0, 1.0)), None)
    before, after = next(codes for codes in seen if len(codes) == 2)
    change = (after - before)[code.noise :]
    assert change.tolist() == ([0, 0, -1, 1] if labels == "onehot" else [0, 1])
    assert np.array_equal(before[: code.noise], after[: code.noise])


def test_of_classes_the_one_that_is_asked_for_takes_the_place_of_the_other(subject, images) -> None:
    model = subject("acgan", exclusive=True)
    edited = edit_images(model, images, EditRequest({"Male": 1}, (1.0,)), None)
    expected = codes_of(model, images)[0]
    expected[:, model.generates.code.noise :] = [0, 0, 1]
    assert np.array_equal(edited.images[:, 0], model.decode(torch.from_numpy(expected)))
    with pytest.raises(RunError, match="this model has classes"):
        edit_images(model, images, EditRequest({"Male": 0}), None)


class Judge:
    """A judge that predicts a label where the first pixel is bright."""

    learned = np.array([True, True, False])

    def predict(self, images: Any) -> Any:
        bright = images.reshape(len(images), -1)[:, :3] > 127
        return bright.astype(bool)


def test_models_without_encoder_learn_from_judged_samples(subject, images, monkeypatch) -> None:
    monkeypatch.setattr(editing, "judge_of", lambda store, progress=None: Judge())
    model = subject("infogan")
    directions = learn_directions(model, model.store, 1, limit=200)
    assert directions.source == "200 samples, labelled by the judge"
    row = directions.names.index("Smiling")
    still = continuous_parts(model) == 0
    assert still.tolist() == [False] * 3 + [True] * 5 + [False]
    assert not directions.mean[row][still].any(), "categories do not change by degrees"
    assert directions.mean[row][~still].any()
    assert directions.of("Male", "mean") is None, "the judge cannot tell it"
    with pytest.raises(RunError, match="Male has no direction: too few of the 200 samples"):
        edit_images(model, images, EditRequest({"Male": 1}), directions)
    assert edit_images(model, images, EditRequest({"Smiling": 1}), directions).images.shape == (2, 1, 8, 8, 3)


def test_what_is_kept_is_not_changed_and_what_remains_is_reported(subject, images) -> None:
    model = subject("vae")
    codes = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    labels = np.stack([codes[:, 0] + codes[:, 1] > 0, codes[:, 1] > 0, codes[:, 1] > 0], 1).astype(np.uint8)
    directions = learn(codes, labels, ("Smiling", "Male", "Twin"), 1, "codes")
    edited = edit_images(model, images, EditRequest({"Smiling": 1}, keep=("Male",)), directions)
    assert any("of the direction of Smiling remains, as Male is kept" in note for note in edited.notes)
    with pytest.raises(RunError, match="nothing of the direction of Twin remains"):
        edit_images(model, images, EditRequest({"Twin": 1}, keep=("Male",)), directions)


def test_a_row_has_a_caption_below_each_picture(images) -> None:
    pixels = row_picture(images, ["original", "-1"])
    assert pixels.shape == (144 + 2 * 10 + 26, 2 * 154 + 10, 3)
    assert np.array_equal(pixels[10:154:18, 10:154:18], images[0])
    assert (pixels[154:, :154] < 128).any(), "the caption is written"
