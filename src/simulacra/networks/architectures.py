"""The kinds of network: convolution, deconvolution, upsample and mlp, functions from settings to tables of layers.

Convolution and deconvolution are DCGAN's discriminator and generator: Radford et al. 2015, arXiv:1511.06434. The other
options are ours: a stem of stride 1 for small images, the order of norm and activation, dropout, a dense head; dense
and reshaping stems, stride 1, and a convolution at the end. Upsample doubles with nearest neighbours and convolves,
which leaves no checkerboard: Odena et al. 2016, "Deconvolution and checkerboard artifacts", doi:10.23915/distill.00003.
"""

from collections import OrderedDict
from itertools import accumulate, product
from math import prod

from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import layers
from simulacra.networks.layers import MapFlatten, MapUnflatten, UpsampleConv2d, WholeConv2d, WholeConvTranspose2d
from simulacra.settings.networks import ConvolutionSettings, DeconvolutionSettings, MlpSettings, UpsampleSettings


def convolution_encoder(settings: ConvolutionSettings, shape: tuple[int, int, int]) -> nn.Sequential:
    """Image (n, C, H, W) -> map (n, channels[-1], h, w); each stride of 2 halves height and width.

    An odd size is rounded down by an even kernel and up by an odd one.

    Raises:
        RecipeError: the images are too small for this number of halvings.
    """
    numbers = settings.channels
    check_halvings(shape, len(numbers) - bool(settings.stem), settings.kernel)
    rows: list[nn.Module] = []
    inputs = shape[2]
    for index, channels in enumerate(numbers):
        if index == 0 and settings.stem:
            rows += [layers.convolution(inputs, channels, settings.stem, bias=settings.bias)]  # channels[0], H, W
        else:
            rows += [layers.convolution(inputs, channels, settings.kernel, stride=2, bias=settings.bias)]  # h/2, w/2
        unnormed = (index == 0 and not settings.norm_first) or (index == len(numbers) - 1 and not settings.norm_last)
        norm = [] if unnormed else layers.norm(settings.norm, channels)
        activation = [layers.activation(settings.activation, settings.slope)]
        rows += norm + activation if settings.order == "norm-activation" else activation + norm
        rows += layers.dropout(settings.dropout)
        inputs = channels
    return nn.Sequential(*rows)


def convolution_head(settings: ConvolutionSettings, features: tuple[int, ...], outputs: int) -> nn.Sequential:
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


def deconvolution_decoder(settings: DeconvolutionSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W).

    Raises:
        RecipeError: the doublings do not give the image's size, or the code does not fit a reshaping stem.
    """
    first, *middle = settings.channels
    steps = len(middle) + (settings.end == "deconvolution")
    smallest = smallest_image(shape, steps if settings.stride == 2 else 0)
    rows = _deconvolution_stem(settings, width, (first, *smallest))  # channels[0], h, w
    if settings.stem_norm:
        rows += _norm_and_activation(settings, first)
    inputs = first
    for channels in middle:
        rows += [_deconvolution_step(settings, inputs, channels), *_norm_and_activation(settings, channels)]  # 2h, 2w
        inputs = channels
    if settings.end == "deconvolution":
        rows += [_deconvolution_step(settings, inputs, shape[2])]  # C, H, W
    else:
        rows += [layers.convolution(inputs, shape[2], 3, bias=settings.bias)]  # C, H, W
    rows += layers.norm(settings.norm, shape[2]) if settings.end_norm else []
    return nn.Sequential(*rows, *layers.output(settings.output))


def _deconvolution_stem(settings: DeconvolutionSettings, width: int, smallest: tuple[int, int, int]) -> list[nn.Module]:
    """The layers from a code to the smallest map (c, h, w)."""
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
            f'stem = "reshape" takes a code of {"x".join(map(str, smallest))} = {numbers} values, found {width}: '
            f'make the code {numbers} wide, or set stem = "dense"'
        )
    return [MapUnflatten(1, smallest)]


def _deconvolution_step(settings: DeconvolutionSettings, inputs: int, outputs: int) -> nn.Module:
    return layers.deconvolution(inputs, outputs, settings.kernel, stride=settings.stride, bias=settings.bias)


def _norm_and_activation(settings: DeconvolutionSettings, channels: int) -> list[nn.Module]:
    return [*layers.norm(settings.norm, channels), layers.activation(settings.activation, settings.slope)]


def upsample_decoder(settings: UpsampleSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W). Raises RecipeError: the doublings do not give the image's size."""
    smallest = (settings.stem_channels, *smallest_image(shape, len(settings.channels)))
    rows: list[nn.Module] = [nn.Linear(width, prod(smallest)), MapUnflatten(1, smallest)]  # stem_channels, h, w
    inputs = settings.stem_channels
    for channels in settings.channels:
        rows += [
            layers.upsample_convolution(inputs, channels, settings.kernel, bias=settings.bias),  # channels, 2h, 2w
            *layers.norm(settings.norm, channels),
            layers.activation(settings.activation, settings.slope),
        ]
        inputs = channels
    rows += [layers.convolution(inputs, shape[2], settings.kernel, bias=settings.bias)]  # C, H, W
    return nn.Sequential(_numbered([*rows, *layers.output(settings.output)]))


def _numbered(rows: list[nn.Module]) -> OrderedDict[str, nn.Module]:
    """Layers by their numbers, where an `UpsampleConv2d` counts as two: so checkpoints name the weights."""
    numbers = accumulate(1 + isinstance(row, UpsampleConv2d) for row in rows)
    return OrderedDict((str(number - 1), row) for number, row in zip(numbers, rows, strict=True))


def mlp_encoder(settings: MlpSettings, shape: tuple[int, int, int]) -> nn.Sequential:
    """Image (n, C, H, W) -> features (n, widths[-1]).

    Raises:
        RecipeError: the recipe names an activation for images, which this network does not generate.
    """
    if settings.output != "none":
        raise RecipeError(
            f'output = "{settings.output}" does nothing in a network that reads images; leave it at "none"'
        )
    return nn.Sequential(nn.Flatten(), *_mlp_hidden(settings, prod(shape)))


def mlp_head(settings: MlpSettings, features: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Features (n, width) -> (n, outputs)."""
    return nn.Sequential(nn.Linear(prod(features), outputs))


def mlp_decoder(settings: MlpSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W)."""
    height, breadth, channels = shape
    return nn.Sequential(
        *_mlp_hidden(settings, width),  # widths[-1]
        nn.Linear(settings.widths[-1], prod(shape)),  # C * H * W
        nn.Unflatten(1, (channels, height, breadth)),  # C, H, W
        *layers.output(settings.output),
    )


def _mlp_hidden(settings: MlpSettings, inputs: int) -> list[nn.Module]:
    """Linear, activation and dropout for each width."""
    rows: list[nn.Module] = []
    for width in settings.widths:
        rows += [nn.Linear(inputs, width), layers.activation(settings.activation, settings.slope)]
        rows += layers.dropout(settings.dropout)
        inputs = width
    return rows


def check_halvings(shape: tuple[int, int, int], halvings: int, kernel: int) -> None:
    """Refuse images that are too small for this number of halvings.

    Even kernels round down, and one pixel must be left at the end. Odd kernels round up, and each of them needs at
    least two pixels.

    Raises:
        RecipeError: width or height is below 2^halvings, or not above 2^(halvings - 1) where the kernel is odd.
    """
    height, width, _ = shape
    short = min(height, width)
    least, enough = 2**halvings, short.bit_length() - 1
    if kernel % 2:
        least, enough = 2**halvings // 2 + 1, (short - 1).bit_length()
    if short >= least:
        return
    shorter = f", or {_shorten(halvings - enough)}" if enough else ""
    raise RecipeError(
        f"a network of {halvings} halvings takes widths and heights from {least} up, found {width}x{height}: "
        f"use {max(width, least)}x{max(height, least)}{shorter}"
    )


def smallest_image(shape: tuple[int, int, int], doublings: int) -> tuple[int, int]:
    """Height and width of the map from which this number of doublings gives exactly the image.

    Raises:
        RecipeError: width or height is no multiple of 2^doublings.
    """
    height, width, _ = shape
    factor = 2**doublings
    if height % factor == 0 and width % factor == 0:
        return height // factor, width // factor
    near = [f"{w}x{h}" for w, h in product(_multiples(width, factor), _multiples(height, factor))]
    if width == height:
        near = [f"{size}x{size}" for size in _multiples(width, factor)]
    possible = min(_twos(height), _twos(width))
    shorter = f", or {_shorten(doublings - possible)}" if possible else ""
    raise RecipeError(
        f"a network of {doublings} doublings takes widths and heights that are multiples of {factor}, "
        f"found {width}x{height}: use {' or '.join(near)}{shorter}"
    )


def _multiples(size: int, factor: int) -> list[int]:
    """The nearest multiples of `factor` below and above a size, without 0; or the size itself."""
    below = size // factor * factor
    return [multiple for multiple in ([size] if below == size else [below, below + factor]) if multiple]


def _twos(size: int) -> int:
    """How often a size can be halved without a remainder."""
    return (size & -size).bit_length() - 1


def _shorten(numbers: int) -> str:
    return "give channels one number less" if numbers == 1 else f"give channels {numbers} numbers less"
