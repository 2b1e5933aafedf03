"""The layers that several kinds of network have, and their first weights."""

from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from simulacra.settings.networks import Activation, Norm, Output


def norm(name: Norm, channels: int) -> list[nn.Module]:
    """The normalisation of a map with this number of channels; no layer for "none"."""
    return [nn.BatchNorm2d(channels)] if name == "batch" else []


def activation(name: Activation, slope: float) -> nn.Module:
    """The activation after a layer; the slope is that of leaky ReLU below zero."""
    return nn.LeakyReLU(slope) if name == "leaky_relu" else nn.ReLU()


def output(name: Output) -> list[nn.Module]:
    """The last activation of a network that generates images; no layer for "none"."""
    return [nn.Tanh()] if name == "tanh" else []


def dropout(share: float) -> list[nn.Module]:
    """Sets single features, not whole channels, to zero; no layer for a share of 0."""
    return [nn.Dropout(share)] if share else []


def convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool) -> nn.Conv2d:
    """A convolution whose padding keeps the size at stride 1 (odd kernels) and halves even sizes at stride 2."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, bias=bias)


def deconvolution(inputs: int, outputs: int, kernel: int, *, stride: int = 2, bias: bool) -> nn.ConvTranspose2d:
    """A transposed convolution whose padding doubles the size exactly at stride 2 and keeps it at stride 1."""
    padding = (kernel - 1) // 2
    # From n the output is (n - 1) * stride - 2 * padding + kernel: one short of 2n for an odd kernel.
    missing = 1 if stride == 2 and kernel % 2 else 0
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, output_padding=missing, bias=bias)


class UpsampleConv2d(nn.Conv2d):
    """Nearest-neighbour doubling and a convolution of stride 1, computed as one transposed convolution of stride 2.

    A doubled image has every pixel four times, so a k x k kernel multiplies most pixels more than once. The sums of the
    weights that meet the same pixel are a kernel of (k + 1) x (k + 1) for four outputs: 4 products per output in place
    of 9 for k = 3, and no doubled image in memory. The result is that of the two steps, up to rounding.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Maps (n, out, 2h, 2w) of maps (n, in, h, w)."""
        padded = nn.functional.pad(self.weight, (1, 1, 1, 1))  # out, in, k + 2, k + 2
        rows = padded[:, :, 1:] + padded[:, :, :-1]
        summed = rows[..., 1:] + rows[..., :-1]  # out, in, k + 1, k + 1
        # A view would be in neither memory format, and this map and all after it would be computed channels-first.
        kernel = summed.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        padding = (self.kernel_size[0] - 1) // 2
        return nn.functional.conv_transpose2d(input, kernel, self.bias, stride=2, padding=padding)


def upsample_convolution(inputs: int, outputs: int, kernel: int, *, bias: bool) -> UpsampleConv2d:
    """A doubling and the convolution after it, whose odd kernel and padding keep the doubled size."""
    return UpsampleConv2d(inputs, outputs, kernel, padding=(kernel - 1) // 2, bias=bias)


def initialize(network: nn.Module, spread: Literal["normal", "he"] = "normal") -> None:
    """Draw new weights for a network; scales of batch norm N(1, 0.02), biases 0.

    Args:
        network: changed in place, however deep its layers are.
        spread: `normal`, N(0, 0.02): Radford et al. 2015, arXiv:1511.06434, section 4, the scales after the authors'
            code. `he`, N(0, 2 / inputs of one output): He et al. 2015, arXiv:1502.01852, equation 10, which keeps the
            size of signals in networks without norm. A transposed convolution of a 1x1 code has fewer inputs per output
            than are counted here, and starts small.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02 if spread == "normal" else (2 / _inputs(layer)) ** 0.5)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _inputs(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    """The number of inputs of one output of a layer, on average and far from the border."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    inputs = layer.in_channels * prod(layer.kernel_size) / layer.groups
    return inputs / prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else inputs


class WholeConv2d(nn.Conv2d):
    """A convolution whose kernel is as large as the image, computed as the matrix product that it is.

    The general kernels reach a fifth of a product's speed at such shapes, and far less with one output. Pixels are
    walked as channels-last memory has them, so nothing is copied.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Features (n, out, 1, 1) of (n, in, height, width of the kernel)."""
        filters = self.weight.permute(0, 2, 3, 1).flatten(1)
        outputs = nn.functional.linear(input.permute(0, 2, 3, 1).flatten(1), filters, self.bias)
        return outputs[:, :, None, None]


class WholeConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution of a single pixel, which makes an image as large as the kernel: a matrix product too."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Images (n, out, height, width of the kernel) of (n, in, 1, 1)."""
        filters = self.weight.permute(0, 2, 3, 1)  # in, h, w, out
        images: Tensor = (input.flatten(1) @ filters.flatten(1)).view(-1, *filters.shape[1:]).permute(0, 3, 1, 2)
        return images if self.bias is None else images + self.bias[:, None, None]


class MapUnflatten(nn.Unflatten):
    """Rows (n, c * h * w) -> maps (n, c, h, w), channels-last.

    A row lists a map's numbers channel by channel, so torch's own layers hand on maps that are channels-first: in the
    forward pass to the layers after them, in the backward pass to the activation before, which then walks through two
    layouts at once and takes several times as long.
    """

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
