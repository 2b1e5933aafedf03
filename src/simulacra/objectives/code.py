"""The flat code that a generator decodes: noise | labels."""

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.settings import CodeSettings


class Code:
    """The layout of a code, and how one is drawn.

    Args:
        settings: widths and distribution.
        labels: how many labels condition the generator; 0 for none.
        exclusive: whether exactly one of them is 1.
    """

    def __init__(self, settings: CodeSettings, labels: int = 0, *, exclusive: bool = False) -> None:
        self.noise, self.distribution, self.labels = settings.noise, settings.distribution, labels
        self.doubled = settings.labels == "onehot" and not exclusive
        self.exclusive = exclusive
        self.width = self.noise + labels * (2 if self.doubled else 1)

    def draw(self, count: int, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Random codes, drawn on the CPU so that every device sees the same ones.

        Args:
            count: how many.
            labels: (count, K) in {0, 1}; needed where labels condition the generator.
            generator: where the randomness comes from; torch's own by default.

        Returns:
            (count, width) float32 on the device of `labels`, or on the CPU.
        """
        if self.distribution == "normal":
            noise = torch.randn(count, self.noise, generator=generator)
        else:
            noise = torch.rand(count, self.noise, generator=generator) * 2 - 1
        return noise if labels is None else self.join(noise.to(labels.device), labels)

    def join(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Codes of given noise (n, noise) and labels (n, K) in {0, 1}."""
        if self.doubled:
            labels = F.one_hot(labels.long(), 2).flatten(1)
        return torch.cat([noise, labels.to(noise.dtype)], 1)

    def labels_of(self, codes: Tensor) -> Tensor:
        """The labels (n, K) in {0, 1} that are joined in codes (n, width)."""
        labels = codes[:, self.noise :]
        return labels[:, 1::2].clone() if self.doubled else labels.clone()
