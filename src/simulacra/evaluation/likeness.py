"""How alike two images are, value by value and by structure: pure functions on tensors in [-1, 1]."""

from math import log10

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional as F

RANGE = 2.0  # of values
WINDOW, SIGMA = 11, 1.5  # of the Gaussian window
C1, C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
SMALLEST = 1e-10  # squared error that counts as none: 106 dB


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error (n,) of images (n, C, H, W)."""
    return (a - b).square().flatten(1).mean(1)


def signal_to_noise(errors: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (n,) in dB of mean squared errors (n,): 10 log10(range^2 / error)."""
    return 10 * log10(RANGE**2) - 10 * errors.clamp_min(SMALLEST).log10()


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """SSIM (n,): means, spreads and correlation of small windows compared, averaged over windows and channels.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13, with their Gaussian window of 11x11, K1 = 0.01 and
    K2 = 0.03; only windows that lie wholly inside the image.

    Args:
        a: (n, C, H, W), H and W of 11 or more.
        b: likewise.
    """
    offsets = torch.arange(WINDOW, dtype=torch.float64, device=a.device) - WINDOW // 2
    bell = (-offsets.square() / (2 * SIGMA**2)).exp()
    bell /= bell.sum()

    def blurred(images: Tensor) -> Tensor:
        rows = F.conv2d(images.flatten(0, 1)[:, None], bell.to(images)[None, None, :, None])
        return F.conv2d(rows, bell.to(images)[None, None, None, :]).reshape(len(a), -1)

    mean_a, mean_b = blurred(a), blurred(b)
    spread = blurred(a * a) + blurred(b * b) - mean_a.square() - mean_b.square()
    shared = blurred(a * b) - mean_a * mean_b
    means = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return (means * (2 * shared + C2) / (spread + C2)).mean(1)


class Principal:
    """What is left of images when they are told in k numbers by the best linear code: Pearson 1901.

    Args:
        images: (m, C, H, W) to fit it to.
        k: numbers; m - 1 at most are to be had.
    """

    def __init__(self, images: Tensor, k: int) -> None:
        flat = images.flatten(1).cpu().numpy()
        self.mean: NDArray[np.float32] = flat.mean(0)
        with threadpool_limits(1, "blas"):
            *_, axes = randomized_svd(flat - self.mean, min(k, len(flat) - 1), n_iter=2, random_state=0)
        self.axes: NDArray[np.float32] = axes.astype(np.float32)

    def __call__(self, images: Tensor) -> Tensor:
        """The reconstructions (n, C, H, W), within [-1, 1]."""
        flat = images.flatten(1).cpu().numpy() - self.mean
        again = flat @ self.axes.T @ self.axes + self.mean
        return torch.from_numpy(again).reshape(images.shape).clamp(-1, 1).to(images.device)
