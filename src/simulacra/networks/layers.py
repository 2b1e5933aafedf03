"""The small parts that several kinds of network are made of."""

from torch import nn

from simulacra.settings.networks import Activation, Norm, Output


def norm(name: Norm, channels: int) -> list[nn.Module]:
    """The normalisation of a map with so many channels; no layer for "none"."""
    return [nn.BatchNorm2d(channels)] if name == "batch" else []


def activation(name: Activation, slope: float) -> nn.Module:
    """What stands between two layers; the slope is leaky ReLU's below zero."""
    return nn.LeakyReLU(slope) if name == "leaky_relu" else nn.ReLU()


def output(name: Output) -> list[nn.Module]:
    """The last activation of a network that makes images; no layer for "none"."""
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
