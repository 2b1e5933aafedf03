"""The flat code that a generator decodes: noise | labels | categorical | continuous."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from simulacra.seeds import draw_rows
from simulacra.settings.objectives import CodeSettings


class CodeParts(NamedTuple):
    """The parts of n codes, as for `Code.join`; a part that the code lacks has no columns.

    Attributes:
        noise: (n, noise).
        labels: (n, K) in {0, 1}.
        categories: (n, categorical codes), int64, the index of each code's category, from 0.
        continuous: (n, continuous codes) in [-1, 1].
    """

    noise: Tensor
    labels: Tensor
    categories: Tensor
    continuous: Tensor


class Code:
    """The layout of a code, and how codes are drawn.

    Args:
        settings: widths and distribution.
        labels: number of labels that condition the generator; 0 for none.
        exclusive: whether exactly one label of each row is 1.
    """

    def __init__(self, settings: CodeSettings, labels: int = 0, *, exclusive: bool = False) -> None:
        self.noise, self.distribution, self.labels = settings.noise, settings.distribution, labels
        self.categorical, self.continuous = settings.categorical, settings.continuous
        self.doubled = settings.labels == "onehot" and not exclusive
        self.exclusive = exclusive
        self.widths = [self.noise, labels * (2 if self.doubled else 1), sum(self.categorical), self.continuous]
        self.width = sum(self.widths)

    def draw(self, count: int, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Random codes, drawn on the CPU so that all devices get the same codes.

        Args:
            count: number of codes.
            labels: (count, K) in {0, 1}; needed if labels condition the generator, else ignored.
            generator: the source of randomness; torch's default generator by default.

        Returns:
            (count, width) float32 on the device of `labels`, or on the CPU.
        """
        if self.distribution == "normal":
            noise = draw_rows(torch.randn, (count, self.noise), generator=generator)
        else:
            noise = draw_rows(torch.rand, (count, self.noise), generator=generator) * 2 - 1
        drawn = [draw_rows(partial(torch.randint, ways), (count,), generator=generator) for ways in self.categorical]
        categories = torch.stack(drawn, 1) if drawn else None
        continuous = None
        if self.continuous:
            continuous = draw_rows(torch.rand, (count, self.continuous), generator=generator) * 2 - 1
        return self.join(noise if labels is None else noise.to(labels.device), labels, categories, continuous)

    def join(
        self,
        noise: Tensor,
        labels: Tensor | None = None,
        categories: Tensor | None = None,
        continuous: Tensor | None = None,
    ) -> Tensor:
        """Codes (n, width) from their parts, shaped as in `CodeParts`; every part of the layout is needed."""
        parts = [noise]
        if self.labels and labels is not None:
            parts.append(self.label_columns(labels))
        for index, ways in enumerate(self.categorical):
            assert categories is not None, "this code has categorical codes"
            parts.append(F.one_hot(categories[:, index].long(), ways))
        if self.continuous:
            assert continuous is not None, "this code has continuous codes"
            parts.append(continuous)
        return torch.cat([part.to(noise) for part in parts], 1)

    def split(self, codes: Tensor) -> CodeParts:
        """The parts of codes (n, width)."""
        noise, labels, categorical, continuous = torch.split(codes, self.widths, 1)
        categories = torch.empty(len(codes), len(self.categorical), dtype=torch.long, device=codes.device)
        for index, columns in enumerate(self.category_columns(categorical)):
            categories[:, index] = columns.argmax(1)
        return CodeParts(noise, labels[:, 1::2] if self.doubled else labels, categories, continuous)

    def label_columns(self, labels: Tensor) -> Tensor:
        """The part (n, columns) of codes that holds labels (n, K)."""
        return torch.stack([1 - labels, labels], 2).flatten(1) if self.doubled else labels

    def category_columns(self, categorical: Tensor) -> list[Tensor]:
        """The columns (n, ways) of each categorical code, of the part of codes that holds them all."""
        return list(torch.split(categorical, list(self.categorical), 1)) if self.categorical else []

    def labels_of(self, codes: Tensor) -> Tensor:
        """The labels (n, K) in {0, 1} of codes (n, width)."""
        return self.split(codes).labels.clone()
