"""Extractors: what they take and give, and what is said where their weights are not at hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from simulacra.data.store import ImageStore, open_store
from simulacra.errors import RunError
from simulacra.evaluation import features
from simulacra.evaluation.features import FEATURES, extractor_for


def images(count: int = 3, channels: int = 3, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize("name", sorted(set(FEATURES) - {"inception"}))
def test_an_extractor_gives_finite_vectors_and_the_same_ones_again(name) -> None:
    extractor = FEATURES[name]
    found = extractor.vectors(images())
    assert found.shape == (3, extractor.width)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (found.std(0) > 0).mean() > 0.25, "features tell images apart"
    assert np.array_equal(found, extractor.vectors(images()))
    assert extractor.name == name
    assert extractor.label.startswith(f"{name}, ")
    assert extractor.label.endswith(" bicubic")


def test_grey_images_are_seen_as_rgb_ones_with_equal_channels() -> None:
    grey, extractor = images(channels=1), FEATURES["random-vgg"]
    assert np.allclose(extractor.vectors(grey), extractor.vectors(grey.repeat(3, -1)), atol=1e-6)


def test_progress_is_told_after_each_chunk() -> None:
    told: list[tuple[int, int]] = []
    FEATURES["random-vgg"].vectors(images(40), lambda done, total: told.append((done, total)))
    assert told == [(32, 40), (40, 40)]


def test_features_do_not_depend_on_how_many_threads_there_are(monkeypatch) -> None:
    one = FEATURES["random-vgg"].vectors(images(70))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert np.array_equal(FEATURES["random-vgg"].vectors(images(70)), one)
        assert torch.get_num_threads() == 3, "as it was"
        monkeypatch.setattr(features.Network, "_prepared", lambda *_: pytest.fail("no chunk is seen"))
        with pytest.raises(pytest.fail.Exception, match="no chunk is seen"):
            FEATURES["random-vgg"].vectors(images(70))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_random_weights_do_not_depend_on_torchs_generator() -> None:
    found = FEATURES["random-vgg"].vectors(images(2))
    torch.manual_seed(5)
    assert np.array_equal(found, FEATURES["random-vgg"].vectors(images(2)))


class Trained:
    """As much of a judge as an extractor needs; it learned the first so many of three labels."""

    label = "judge 0123"

    def __init__(self, learned: int) -> None:
        self.learned = np.arange(3) < learned

    def features(self, images: np.ndarray, progress: Any = None) -> np.ndarray:
        return images.reshape(len(images), -1)[:, :7].astype(np.float32)


@pytest.fixture
def default(make_store: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """default(channels, learned): the extractor for images with labels of which a judge learned so many."""

    def make(channels: int, learned: int | None, name: str | None = None) -> Any:
        def judge_of(store: ImageStore, **_: Any) -> Trained | None:
            return None if learned is None else Trained(learned)

        monkeypatch.setattr(features, "judge_of", judge_of)
        path = make_store(shape=(8, 8, channels), name=f"{channels} {learned} {name}")
        return extractor_for(name, open_store(path))

    return make


def test_the_default_follows_from_the_channels_and_from_what_a_judge_learned(default) -> None:
    assert default(3, 3).name == "efficientnet-lite0"
    assert [default(1, learned).name for learned in (None, 0, 1, 2, 3)] == [*["random-vgg"] * 3, "judge", "judge"]


def test_a_judge_that_is_asked_for_is_taken_whatever_it_learned(default) -> None:
    judged = default(3, 0, "judge")
    assert (judged.name, judged.width, judged.label) == ("judge", 7, "features of judge 0123")
    assert judged.vectors(images()).shape == (3, 7)
    with pytest.raises(RunError, match=r"--features judge: .* has no labels that a judge could learn"):
        default(3, None, "judge")


def test_an_extractor_that_is_not_there_is_told(default) -> None:
    with pytest.raises(RunError, match="--features vgg: there is no such extractor; known: efficientnet-lite0, incep"):
        default(3, 3, "vgg")
