"""Nearest-neighbour doubling and the convolution after it, computed as one transposed convolution of stride 2.

A doubled image shows every pixel four times, so a k x k kernel multiplies most of them more than once. Adding up the
weights that meet the same pixel first leaves a kernel of (k + 1) x (k + 1) for four outputs: 4 products an output for
the 9 of k = 3, and an image of a quarter the size to keep for the backward pass. The numbers are the same but for
rounding.
"""

import torch
from torch import Tensor, nn


class DoublingSequential(nn.Sequential):
    """Layers in turn, as in `nn.Sequential`, but a doubling `nn.Upsample` is computed with the `nn.Conv2d` after it."""

    def forward(self, input: Tensor) -> Tensor:
        """What the last layer makes of the first one's input."""
        doubled = False
        for layer in self:
            if isinstance(layer, nn.Upsample):
                doubled = True
            elif doubled and isinstance(layer, nn.Conv2d):
                input, doubled = _convolve_doubled(input, layer), False
            else:
                input = layer(input)
        return input


def _convolve_doubled(input: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Maps (n, out, 2h, 2w) of (n, in, h, w): `convolution`, of stride 1, of the map doubled both ways."""
    padded = nn.functional.pad(convolution.weight, (1, 1, 1, 1))  # out, in, k + 2, k + 2
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    summed = rows[..., 1:] + rows[..., :-1]  # out, in, k + 1, k + 1
    # As a view it would be in neither layout, and this map and all after it would fall back to channels-first.
    kernel = summed.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    padding = (convolution.kernel_size[0] - 1) // 2
    return torch.conv_transpose2d(input, kernel, convolution.bias, stride=2, padding=padding)
