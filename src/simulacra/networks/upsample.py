"""Code -> image by nearest-neighbour doubling and convolution, which leaves no checkerboard.

Odena et al. 2016, "Deconvolution and checkerboard artifacts", doi:10.23915/distill.00003.
"""

from math import prod

from torch import nn

from simulacra.networks import layers, sizes
from simulacra.networks.doubling import DoublingSequential
from simulacra.networks.reshaping import MapUnflatten
from simulacra.settings.networks import UpsampleSettings


def decoder(settings: UpsampleSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W).

    Raises:
        RecipeError: the image's size does not come out.
    """
    smallest = (settings.stem_channels, *sizes.smallest_image(shape, len(settings.channels)))
    rows: list[nn.Module] = [nn.Linear(width, prod(smallest)), MapUnflatten(1, smallest)]  # stem_channels, h, w
    inputs = settings.stem_channels
    for channels in settings.channels:
        rows += [
            nn.Upsample(scale_factor=2, mode="nearest"),  # inputs, 2h, 2w
            layers.convolution(inputs, channels, settings.kernel, bias=settings.bias),  # channels, 2h, 2w
            *layers.norm(settings.norm, channels),
            layers.activation(settings.activation, settings.slope),
        ]
        inputs = channels
    rows += [layers.convolution(inputs, shape[2], settings.kernel, bias=settings.bias)]  # C, H, W
    return DoublingSequential(*rows, *layers.output(settings.output))
