"""The weights that adversarial networks start from."""

from torch import nn


def initialize(network: nn.Module) -> None:
    """Draw a network's weights anew: N(0, 0.02), scales of batch norm N(1, 0.02), biases 0.

    Radford et al. 2015, arXiv:1511.06434, section 4; the scales are from the authors' code.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
