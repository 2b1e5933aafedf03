"""FEATURES: functions from images to vectors in which distances mean something, and which one suits the data."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from simulacra.data.store import ImageStore
from simulacra.errors import RunError, nearest
from simulacra.evaluation.judge import Judge, judge_of
from simulacra.evaluation.pretrained import SIDE, WIDTH, Inception, efficientnet
from simulacra.evaluation.subject import Progress, workers
from simulacra.seeds import stream

Vectors = NDArray[np.float32]


class Extractor(Protocol):
    """What turns images into vectors.

    Attributes:
        name: what `--features` calls it.
        width: features per image.
        label: what measurements call it: all that its vectors depend on.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102

    def vectors(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Vectors:
        """Features (n, width) float32 of images (n, H, W, C) uint8 of any size; `progress` gets (done, total)."""


@dataclass(frozen=True)
class Network:
    """An extractor that is one fixed network, whatever the data."""

    name: str  # its key in FEATURES
    side: int  # images are resized to side x side, bicubic and antialiased
    width: int  # features per image
    middle: float  # the pixel value, of 0 to 255, that the network gets as 0
    unit: float  # the difference in pixel value that it gets as 1
    build: Callable[[], nn.Module]  # makes the network, (n, 3, side, side) -> (n, width), in eval mode
    chunk: int = 4  # images at once; small ones keep the network's values in the processor's cache

    @property
    def label(self) -> str:
        """What measurements call it: its name and its resize."""
        return f"{self.name}, {self.side}x{self.side} bicubic"

    def vectors(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Vectors:
        """Features (n, width) float32 of images (n, H, W, C) uint8; grey images are repeated on all three channels.

        Raises:
            RunError: the network's weights are not at hand.
        """
        network = self.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        features = np.empty((len(images), self.width), np.float32)

        def compute(start: int) -> int:
            part = torch.tensor(images[start : start + self.chunk])  # a copy: mapped images cannot be written
            with torch.inference_mode():
                features[start : start + self.chunk] = network(self._prepared(part)).numpy()
            return min(start + self.chunk, len(images))

        with workers() as pool:
            for done in pool.map(compute, range(0, len(images), self.chunk)):
                if progress:
                    progress(done, len(images))
        return features

    def _prepared(self, images: Tensor) -> Tensor:
        """The network's input (n, 3, side, side) of images (n, H, W, C) uint8."""
        resized = F.interpolate(
            images.permute(0, 3, 1, 2).float(), (self.side, self.side), mode="bicubic", antialias=True
        )
        pixels = resized.clamp(0, 255).expand(-1, 3, -1, -1)  # bicubic overshoots at edges, pixels cannot
        return ((pixels - self.middle) / self.unit).contiguous(memory_format=torch.channels_last)


# Channels of the convolutions of VGG16, Simonyan & Zisserman 2015, arXiv:1409.1556, a quarter as wide; 0 halves height
# and width.
VGG = (16, 16, 0, 32, 32, 0, 64, 64, 64, 0, 128, 128, 128, 0, 128, 128, 128, 0)
VGG_SIDE, VGG_WIDTH = 64, 512


def random_vgg() -> nn.Sequential:
    """A VGG16-like network that was never trained, (n, 3, 64, 64) -> (n, 512); every call gives the same weights.

    For pictures that are unlike photographs, where features of ImageNet mislead: Naeem et al. 2020, arXiv:2002.09797,
    section 4. Theirs is VGG16 itself, with 4,096 features; this one is smaller for speed and for a covariance that some
    thousand images can fill. The weights are normal with variance 2 over the fan-in (He et al. 2015, arXiv:1502.01852)
    and drawn by NumPy, so that they do not depend on the version of torch.
    """
    rows: list[nn.Module] = []
    inside = 3
    for outside in VGG:
        rows += [nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(inplace=True)] if outside else [nn.MaxPool2d(2)]
        inside = outside or inside
    rows += [nn.Flatten(), nn.Linear(inside * 4, VGG_WIDTH), nn.ReLU(inplace=True), nn.Linear(VGG_WIDTH, VGG_WIDTH)]
    network = nn.Sequential(*rows)
    with torch.no_grad():
        for index, row in enumerate(network):
            if isinstance(row, nn.Conv2d | nn.Linear):
                assert row.bias is not None
                scale = (2 / row.weight[0].numel()) ** 0.5
                weights = stream(0, index).standard_normal(tuple(row.weight.shape)) * scale
                row.weight.copy_(torch.from_numpy(weights))
                row.bias.zero_()
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class JudgeFeatures:
    """What the judge of a data set computes of its images, before it predicts their labels."""

    judge: Judge  # the classifier of that data set
    width: int  # features per image
    name: str = "judge"

    @property
    def label(self) -> str:
        """The judge's name, which stands for its data and its training."""
        return f"features of {self.judge.label}"

    def vectors(self, images: NDArray[np.uint8], progress: Progress | None = None) -> Vectors:
        """Features (n, width) float32 of images of the data set's shape."""
        return self.judge.features(images, progress)


# efficientnet-lite0 gets (x - 127) / 128. The README of the weights' conversion has ImageNet's usual means and
# deviations; with those, the classes of two photographs were predicted worse.
FEATURES: dict[str, Extractor] = {
    "efficientnet-lite0": Network("efficientnet-lite0", SIDE, WIDTH, 127.0, 128.0, efficientnet),
    "random-vgg": Network("random-vgg", VGG_SIDE, VGG_WIDTH, 127.5, 127.5, random_vgg, chunk=32),
    "inception": Inception(),
}
JUDGE = "judge"


def untrained(channels: int) -> Extractor:
    """The extractor that suits images of so many channels, if none may be trained on the data."""
    return FEATURES["efficientnet-lite0" if channels == 3 else "random-vgg"]


def extractor_for(
    name: str | None, store: ImageStore, cache: Path | None = None, progress: Progress | None = None
) -> Extractor:
    """The extractor of that name, a key of FEATURES or "judge", or the one that suits the data.

    By default efficientnet-lite0 for images in colour; it was not trained on grey ones. For grey images the judge of
    their labels, where it learned most of them, and random-vgg else. A judge may have to be trained: `progress` gets
    (done, total) updates, and `cache` is its folder, the user's cache folder by default.

    Raises:
        RunError: there is none of that name, or the data set has no labels for a judge.
    """
    if name is not None and name not in (extractors := (*FEATURES, JUDGE)):
        raise RunError(f"--features {name}: there is no such extractor; {nearest(name, extractors)}")
    if name in FEATURES:
        return FEATURES[name]
    if name is None and store.shape[2] == 3:
        return untrained(store.shape[2])
    judge = judge_of(store, cache=cache, progress=progress)
    if name == JUDGE and judge is None:
        raise RunError(f"--features judge: {store.path} has no labels that a judge could learn; choose random-vgg")
    if judge is None or (name is None and judge.learned.mean() <= 0.5):
        return untrained(store.shape[2])
    return JudgeFeatures(judge, judge.features(store.pixels(np.zeros(1, np.int64))).shape[1])
