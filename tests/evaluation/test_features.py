"""Extractors: what they take and give, and what is said where their weights are not at hand."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

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


def test_to_join_convolutions_with_what_follows_changes_nothing() -> None:
    plain = torch.nn.Sequential(*features.convolution_rows(3, 4, 3, stride=2), features.Block(4, 4, 5, 1, 6)).eval()
    folded, x = features._fused(plain), torch.randn(2, 3, 7, 8) * 9
    expected = folded(x)
    joined = features._joined(folded)
    assert not any(isinstance(one, torch.nn.ReLU6) for one in joined.modules())
    assert torch.allclose(joined(x), expected, atol=1e-5)


def test_efficientnet_knows_a_photograph_of_a_palace() -> None:
    photo = load_sample_image("china.jpg")[:, 106:533]
    vector = torch.from_numpy(FEATURES["efficientnet-lite0"].vectors(photo[None]))
    *_, weight, bias = features._efficientnet_weights().values()
    assert int((vector @ weight.T + bias).argmax()) == 698  # palace, in ImageNet's order


def test_folding_batch_norm_changes_nothing() -> None:
    rows = torch.nn.Sequential(*features.convolution_rows(3, 4, 3, stride=2)).eval()
    torch.nn.init.normal_(rows[1].running_mean)
    folded, x = features._fused(rows), torch.randn(2, 3, 7, 8)
    assert len(folded) == 2
    assert torch.allclose(folded(x), rows(x), atol=1e-6)
    assert folded(x).shape == (2, 4, 4, 4)


def test_other_weights_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(features, "SHA256", "0")
    with pytest.raises(RunError, match=r"has other weights than version 0\.1\.0 does; install it again"):
        features.efficientnet()
    monkeypatch.setattr(features, "PACKAGE", "no_such_package")
    with pytest.raises(RunError, match="weights of efficientnet-lite0 are not installed"):
        features.efficientnet()


MODULE = "torch_fidelity.feature_extractor_inceptionv3"


class Fake(nn.Module):
    """Takes and gives what torch-fidelity's network does."""

    def __init__(self, name: str, features: list[str], weights: str) -> None:
        super().__init__()
        assert features == ["2048"]
        assert Path(weights).is_file()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        assert images.dtype == torch.uint8
        return (images.float().mean((2, 3)).repeat(1, 683)[:, :2048],)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", SimpleNamespace())
    monkeypatch.setitem(sys.modules, MODULE, SimpleNamespace(FeatureExtractorInceptionV3=Fake))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder of downloads."""
    monkeypatch.delenv(features.INCEPTION_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What is taken for the right weights."""
    digest = hashlib.sha256(b"weights").hexdigest()[:8]
    monkeypatch.setattr(features, "INCEPTION_FILE", f"weights-{digest}.pth")
    return b"weights"


@pytest.mark.usefixtures("package")
def test_features_come_from_weights_in_the_cache_or_where_the_environment_says(
    cache, known, tmp_path, monkeypatch
) -> None:
    (cache / features.INCEPTION_FILE).write_bytes(known)
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    found = FEATURES["inception"].vectors(images)
    assert found.shape == (2, 2048)
    assert found.dtype == np.float32
    assert found[:, 0].tolist() == images.mean((1, 2, 3)).tolist()
    (cache / features.INCEPTION_FILE).rename(tmp_path / "elsewhere.pth")
    monkeypatch.setenv(features.INCEPTION_VARIABLE, str(tmp_path / "elsewhere.pth"))
    assert np.array_equal(FEATURES["inception"].vectors(images), found)


@pytest.mark.usefixtures("package", "cache")
def test_nothing_is_downloaded_where_the_weights_are_not_at_hand() -> None:
    with pytest.raises(RunError, match=r"is not there; nothing is downloaded unasked: fetch weights-inception-2015"):
        features.inception_network()


@pytest.mark.usefixtures("package")
def test_other_weights_of_inception_are_refused(cache) -> None:
    (cache / features.INCEPTION_FILE).write_bytes(b"half of it")
    with pytest.raises(RunError, match="has other weights than weights-inception-2015-12-05"):
        features.inception_network()


def test_a_package_that_is_missing_is_told_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(
        RunError, match=r"needs the package torch-fidelity, and .* is not there: pip install torch-fidelity"
    ):
        features.inception_network()


def test_a_package_that_does_not_import_is_told(monkeypatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(features, "import_module", fail)
    with pytest.raises(RunError, match=r"does not import \(operator torchvision::nms does not exist\); install"):
        features.inception_network()
