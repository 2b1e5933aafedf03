"""Image -> features by strided convolutions, after DCGAN's discriminator.

Radford et al. 2015, arXiv:1511.06434. Ours: a stem of stride 1 for small images, the order of norm and activation,
dropout, and a dense head, as the recipes ask for them.
"""

from math import prod

from torch import nn

from simulacra.networks import layers, sizes
from simulacra.networks.reshaping import MapFlatten
from simulacra.networks.whole import WholeConv2d
from simulacra.settings.networks import ConvolutionSettings


def encoder(settings: ConvolutionSettings, shape: tuple[int, int, int]) -> nn.Sequential:
    """Image (n, C, H, W) -> map (n, channels[-1], h, w), h and w halved once for each stride of 2.

    An odd size is rounded down by an even kernel and up by an odd one.

    Raises:
        RecipeError: the images are too small for so many halvings.
    """
    numbers = settings.channels
    sizes.check_halvings(shape, len(numbers) - bool(settings.stem), settings.kernel)
    rows: list[nn.Module] = []
    inputs = shape[2]
    for place, channels in enumerate(numbers):
        if place == 0 and settings.stem:
            rows += [layers.convolution(inputs, channels, settings.stem, bias=settings.bias)]  # channels[0], H, W
        else:
            rows += [layers.convolution(inputs, channels, settings.kernel, stride=2, bias=settings.bias)]  # h/2, w/2
        unnormed = (place == 0 and not settings.norm_first) or (place == len(numbers) - 1 and not settings.norm_last)
        norm = [] if unnormed else layers.norm(settings.norm, channels)
        activation = [layers.activation(settings.activation, settings.slope)]
        rows += norm + activation if settings.order == "norm-activation" else activation + norm
        rows += layers.dropout(settings.dropout)
        inputs = channels
    return nn.Sequential(*rows)


def head(settings: ConvolutionSettings, features: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Map (n, c, h, w) -> (n, outputs)."""
    channels, height, width = features
    if settings.head == "dense":
        return nn.Sequential(
            MapFlatten(),  # c * h * w
            nn.Linear(prod(features), outputs),  # outputs
        )
    return nn.Sequential(
        WholeConv2d(channels, outputs, (height, width), bias=settings.bias),  # outputs, 1, 1
        nn.Flatten(),  # outputs
    )
