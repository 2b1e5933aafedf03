"""From a map to a row of numbers and back, with maps channels-last both ways, as the kernels around them want them.

A row lists a map's numbers channel by channel, so torch's own layers hand on maps that are channels-first: in the
forward pass to the layers after them, in the backward pass to the activation before, which then walks through two
layouts at once and takes several times as long.
"""

import torch
from torch import Tensor, nn


class MapUnflatten(nn.Unflatten):
    """Rows (n, c * h * w) -> maps (n, c, h, w), channels-last."""

    def forward(self, input: Tensor) -> Tensor:
        """The same numbers as `nn.Unflatten` gives."""
        return _channels_last(super().forward(input))


class MapFlatten(nn.Flatten):
    """Maps (n, c, h, w) -> rows (n, c * h * w), and gradients back as channels-last maps."""

    def forward(self, input: Tensor) -> Tensor:
        """The same numbers as `nn.Flatten` gives."""
        if input.requires_grad:
            input.register_hook(_channels_last)  # type: ignore[no-untyped-call]
        return super().forward(input)


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)
