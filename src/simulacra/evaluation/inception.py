"""Inception's features, which the FID and KID of papers are computed from; an extra, and never downloaded by itself."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulacra.errors import RunError

FILE = "weights-inception-2015-12-05-6726825d.pth"  # ends in the first digits of its SHA-256
VARIABLE = "SIMULACRA_INCEPTION"
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
        """What rows of evaluations call it."""
        return "inception 2015-12-05, 299x299 bilinear"

    def vectors(
        self, images: NDArray[np.uint8], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Features (n, 2048) float32 of images (n, H, W, C) uint8; grey ones are given to all three channels.

        Raises:
            RunError: torch-fidelity or the weights are not at hand.
        """
        network = build()
        found = np.empty((len(images), self.width), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), CHUNK):
                part = torch.tensor(images[start : start + CHUNK]).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
                found[start : start + CHUNK] = network(part)[0].numpy()
                if progress:
                    progress(min(start + CHUNK, len(images)), len(images))
        return found


def build() -> nn.Module:
    """The network (n, 3, H, W) uint8 -> ((n, 2048),), with its weights.

    Raises:
        RunError: torch-fidelity is not installed or does not import, or the weights are not at hand or are others.
    """
    try:
        module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except ModuleNotFoundError as error:
        raise RunError(
            f"--features inception needs the package torch-fidelity, and {error.name} is not there: pip install "
            "'simulacra[inception]', or choose --features efficientnet-lite0 or random-vgg"
        ) from error
    except (ImportError, RuntimeError, OSError) as error:  # torchvision's, where it was built for another torch
        reason = str(error).splitlines()[0]
        raise RunError(
            f"--features inception: torch-fidelity does not import ({reason}); install a torchvision that was built "
            "for this torch, or choose --features efficientnet-lite0 or random-vgg"
        ) from error
    network: nn.Module = module.FeatureExtractorInceptionV3("inception", ["2048"], str(find_weights()))
    return network


def find_weights() -> Path:
    """The file of weights: the one that the environment names, or the one in torch hub's cache.

    Raises:
        RunError: there is none, or it holds others.
    """
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(torch.hub.get_dir()) / "checkpoints" / FILE
    if not path.is_file():
        raise RunError(
            f"--features inception needs Inception's weights, and {path} is not there; nothing is downloaded unasked: "
            f"fetch {FILE} from the releases of github.com/toshas/torch-fidelity (v0.2.0) and put it there, or name it "
            f"in {VARIABLE}"
        )
    wanted = FILE.removesuffix(".pth").rpartition("-")[2]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(wanted):
        raise RunError(f"{path} holds other weights than {FILE}, or was cut short; fetch it again")
    return path
