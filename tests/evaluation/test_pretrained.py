"""Networks whose weights come from elsewhere, and what is said where these are not at hand."""

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

from simulacra.errors import RunError
from simulacra.evaluation import pretrained
from simulacra.evaluation.features import FEATURES


def test_to_join_convolutions_with_what_follows_changes_nothing() -> None:
    plain = torch.nn.Sequential(*pretrained.convolution_rows(3, 4, 3, stride=2), pretrained.Block(4, 4, 5, 1, 6)).eval()
    folded, x = pretrained._fused(plain), torch.randn(2, 3, 7, 8) * 9
    expected = folded(x)
    joined = pretrained._joined(folded)
    assert not any(isinstance(one, torch.nn.ReLU6) for one in joined.modules())
    assert torch.allclose(joined(x), expected, atol=1e-5)


def test_efficientnet_knows_a_photograph_of_a_palace() -> None:
    photo = load_sample_image("china.jpg")[:, 106:533]
    vector = torch.from_numpy(FEATURES["efficientnet-lite0"].vectors(photo[None]))
    *_, weight, bias = pretrained._efficientnet_weights().values()
    assert int((vector @ weight.T + bias).argmax()) == 698  # palace, in ImageNet's order


def test_folding_batch_norm_changes_nothing() -> None:
    rows = torch.nn.Sequential(*pretrained.convolution_rows(3, 4, 3, stride=2)).eval()
    torch.nn.init.normal_(rows[1].running_mean)
    folded, x = pretrained._fused(rows), torch.randn(2, 3, 7, 8)
    assert len(folded) == 2
    assert torch.allclose(folded(x), rows(x), atol=1e-6)
    assert folded(x).shape == (2, 4, 4, 4)


def test_other_weights_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pretrained, "SHA256", "0")
    with pytest.raises(RunError, match=r"has other weights than version 0\.1\.0 does; install it again"):
        pretrained.efficientnet()
    monkeypatch.setattr(pretrained, "PACKAGE", "no_such_package")
    with pytest.raises(RunError, match="weights of efficientnet-lite0 are not installed"):
        pretrained.efficientnet()


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
    monkeypatch.delenv(pretrained.INCEPTION_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What is taken for the right weights."""
    digest = hashlib.sha256(b"weights").hexdigest()[:8]
    monkeypatch.setattr(pretrained, "INCEPTION_FILE", f"weights-{digest}.pth")
    return b"weights"


@pytest.mark.usefixtures("package")
def test_features_come_from_weights_in_the_cache_or_where_the_environment_says(
    cache, known, tmp_path, monkeypatch
) -> None:
    (cache / pretrained.INCEPTION_FILE).write_bytes(known)
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    found = FEATURES["inception"].vectors(images)
    assert found.shape == (2, 2048)
    assert found.dtype == np.float32
    assert found[:, 0].tolist() == images.mean((1, 2, 3)).tolist()
    (cache / pretrained.INCEPTION_FILE).rename(tmp_path / "elsewhere.pth")
    monkeypatch.setenv(pretrained.INCEPTION_VARIABLE, str(tmp_path / "elsewhere.pth"))
    assert np.array_equal(FEATURES["inception"].vectors(images), found)


@pytest.mark.usefixtures("package", "cache")
def test_nothing_is_downloaded_where_the_weights_are_not_at_hand() -> None:
    with pytest.raises(RunError, match=r"is not there; nothing is downloaded unasked: fetch weights-inception-2015"):
        pretrained.inception_network()


@pytest.mark.usefixtures("package")
def test_other_weights_of_inception_are_refused(cache) -> None:
    (cache / pretrained.INCEPTION_FILE).write_bytes(b"half of it")
    with pytest.raises(RunError, match="has other weights than weights-inception-2015-12-05"):
        pretrained.inception_network()


def test_a_package_that_is_missing_is_told_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(
        RunError, match=r"needs the package torch-fidelity, and .* is not there: pip install torch-fidelity"
    ):
        pretrained.inception_network()


def test_a_package_that_does_not_import_is_told(monkeypatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(pretrained, "import_module", fail)
    with pytest.raises(RunError, match=r"does not import \(operator torchvision::nms does not exist\); install"):
        pretrained.inception_network()
