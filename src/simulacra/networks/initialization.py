"""The weights that adversarial networks start from."""

from math import prod
from typing import Literal

from torch import nn


def initialize(network: nn.Module, spread: Literal["normal", "he"] = "normal") -> None:
    """Draw a network's weights anew; scales of batch norm N(1, 0.02), biases 0.

    Args:
        network: changed in place, however deep its layers are.
        spread: `normal`, N(0, 0.02): Radford et al. 2015, arXiv:1511.06434, section 4, the scales after the authors'
            code. `he`, N(0, 2 / inputs of one output): He et al. 2015, arXiv:1502.01852, equation 10, which keeps
            signals as large as they are where no norm does. The few outputs of a stem that turns a code of 1x1 into an
            image have less inputs than are counted, and start small.
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
    """How many numbers go into one of a layer's outputs, on average and far from the border."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    inputs = layer.in_channels * prod(layer.kernel_size) / layer.groups
    return inputs / prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else inputs
