"""Code -> image by transposed convolutions, after DCGAN's generator.

Radford et al. 2015, arXiv:1511.06434. Ours: dense and reshaping stems, stride 1, and a convolution at the end, as the
recipes ask for them.
"""

from math import prod

from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import layers, sizes
from simulacra.networks.reshaping import MapUnflatten
from simulacra.networks.whole import WholeConvTranspose2d
from simulacra.settings.networks import DeconvolutionSettings


def decoder(settings: DeconvolutionSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W).

    Raises:
        RecipeError: the image's size does not come out, or the code does not fit a reshaping stem.
    """
    first, *middle = settings.channels
    steps = len(middle) + (settings.end == "deconvolution")
    smallest = sizes.smallest_image(shape, steps if settings.stride == 2 else 0)
    rows = _stem(settings, width, (first, *smallest))  # channels[0], h, w
    if settings.stem_norm:
        rows += _norm_and_activation(settings, first)
    inputs = first
    for channels in middle:
        rows += [_step(settings, inputs, channels), *_norm_and_activation(settings, channels)]  # 2h, 2w
        inputs = channels
    if settings.end == "deconvolution":
        rows += [_step(settings, inputs, shape[2])]  # C, H, W
    else:
        rows += [layers.convolution(inputs, shape[2], 3, bias=settings.bias)]  # C, H, W
    rows += layers.norm(settings.norm, shape[2]) if settings.end_norm else []
    return nn.Sequential(*rows, *layers.output(settings.output))


def _stem(settings: DeconvolutionSettings, width: int, smallest: tuple[int, int, int]) -> list[nn.Module]:
    """The layers that make the smallest image (c, h, w) of a code."""
    channels, *kernel = smallest
    numbers = prod(smallest)
    if settings.stem == "deconvolution":
        return [
            nn.Unflatten(1, (width, 1, 1)),
            WholeConvTranspose2d(width, channels, (kernel[0], kernel[1]), bias=settings.bias),
        ]
    if settings.stem == "dense":
        return [nn.Linear(width, numbers), MapUnflatten(1, smallest)]
    if width != numbers:
        raise RecipeError(
            f'stem = "reshape" takes a code of {"x".join(map(str, smallest))} = {numbers} numbers, found {width}: '
            f'make the code {numbers} wide, or set stem = "dense"'
        )
    return [MapUnflatten(1, smallest)]


def _step(settings: DeconvolutionSettings, inputs: int, outputs: int) -> nn.Module:
    return layers.deconvolution(inputs, outputs, settings.kernel, stride=settings.stride, bias=settings.bias)


def _norm_and_activation(settings: DeconvolutionSettings, channels: int) -> list[nn.Module]:
    return [*layers.norm(settings.norm, channels), layers.activation(settings.activation, settings.slope)]
