"""Extractors: what they take and give."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from simulacra.errors import RunError
from simulacra.evaluation import efficientnet
from simulacra.evaluation.features import FEATURES, extractor_for


def images(count: int = 3, channels: int = 3, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_an_extractor_gives_finite_vectors_and_the_same_ones_again(name: str) -> None:
    extractor = FEATURES[name]
    found = extractor.vectors(images())
    assert found.shape == (3, extractor.width)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (found.std(0) > 0).mean() > 0.25, "features tell images apart"
    assert np.array_equal(found, extractor.vectors(images()))
    assert extractor.name == name
    assert extractor.label.startswith(f"{name}, {extractor.side}x")


def test_grey_images_are_seen_as_rgb_ones_with_equal_channels() -> None:
    grey, extractor = images(channels=1), FEATURES["random-vgg"]
    assert np.allclose(extractor.vectors(grey), extractor.vectors(grey.repeat(3, -1)), atol=1e-6)


def test_progress_is_told_after_each_chunk() -> None:
    told: list[tuple[int, int]] = []
    FEATURES["random-vgg"].vectors(images(40), lambda done, total: told.append((done, total)))
    assert told == [(32, 40), (40, 40)]


def test_random_weights_do_not_depend_on_torchs_generator() -> None:
    found = FEATURES["random-vgg"].vectors(images(2))
    torch.manual_seed(5)
    assert np.array_equal(found, FEATURES["random-vgg"].vectors(images(2)))


def test_the_default_follows_from_the_channels() -> None:
    assert extractor_for(None, 3).name == "efficientnet-lite0"
    assert extractor_for(None, 1).name == "random-vgg"
    with pytest.raises(
        RunError, match="--features vgg: there is no such extractor; known: efficientnet-lite0, random-vgg"
    ):
        extractor_for("vgg", 3)


def test_efficientnet_knows_a_photograph_of_a_palace() -> None:
    photo = load_sample_image("china.jpg")[:, 106:533]
    vector = torch.from_numpy(FEATURES["efficientnet-lite0"].vectors(photo[None]))
    *_, weight, bias = efficientnet._weights().values()
    assert int((vector @ weight.T + bias).argmax()) == 698  # palace, in ImageNet's order


def test_folding_batch_norm_changes_nothing() -> None:
    rows = torch.nn.Sequential(*efficientnet.layer(3, 4, 3, stride=2)).eval()
    torch.nn.init.normal_(rows[1].running_mean)
    folded, x = efficientnet._fused(rows), torch.randn(2, 3, 7, 8)
    assert len(folded) == 2
    assert torch.allclose(folded(x), rows(x), atol=1e-6)
    assert folded(x).shape == (2, 4, 4, 4)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "SHA256", "0")
    with pytest.raises(RunError, match=r"holds other weights than version 0\.1\.0 does; install it again"):
        efficientnet.pretrained()
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(RunError, match="weights of efficientnet-lite0 are not installed"):
        efficientnet.pretrained()
