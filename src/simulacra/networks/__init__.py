"""Networks as tables: functions from a recipe's settings to a readable `nn.Sequential`.

An encoder or a discriminator of a family is `encoder(...)` with one or more `head(...)`s behind it, a generator is
`decoder(...)`. Images are (n, C, H, W), codes (n, width); sizes of images are given as (H, W, C).
"""

from collections.abc import Callable

from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import architectures
from simulacra.networks.layers import initialize
from simulacra.networks.table import Row, layer_table, output_shape
from simulacra.settings.networks import NetworkSettings

__all__ = ["NETWORKS", "Row", "decoder", "encoder", "head", "initialize", "layer_table", "output_shape"]


# Kind -> what it builds: an encoder with its head, a decoder, or all three.
NETWORKS: dict[str, dict[str, Callable[..., nn.Sequential]]] = {
    "convolution": {"encoder": architectures.convolution_encoder, "head": architectures.convolution_head},
    "deconvolution": {"decoder": architectures.deconvolution_decoder},
    "upsample": {"decoder": architectures.upsample_decoder},
    "mlp": {"encoder": architectures.mlp_encoder, "head": architectures.mlp_head, "decoder": architectures.mlp_decoder},
}


def encoder(settings: NetworkSettings, shape: tuple[int, int, int]) -> nn.Sequential:
    """Image -> features: the trunk of an encoder, a discriminator or a classifier.

    Args:
        settings: of a kind that reads images.
        shape: (H, W, C) of the images.

    Returns:
        (n, C, H, W) -> (n, c, h, w) for kind "convolution", (n, width) for kind "mlp".

    Raises:
        RecipeError: the kind generates images, or the images are too small for its depth.
    """
    return _builder(settings, "encoder")(settings, shape)


def head(settings: NetworkSettings, features: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Features -> outputs: the layer behind an encoder; each kind of output has its own head.

    Args:
        settings: those of the encoder.
        features: shape of the encoder's output without the batch, as `output_shape` gives it.
        outputs: number of outputs.

    Returns:
        (n, *features) -> (n, outputs).

    Raises:
        RecipeError: the kind generates images.
    """
    return _builder(settings, "head")(settings, tuple(features), outputs)


def decoder(settings: NetworkSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code -> image: a decoder or a generator.

    Args:
        settings: of a kind that generates images.
        width: of the flat code.
        shape: (H, W, C) of the images.

    Returns:
        (n, width) -> (n, C, H, W).

    Raises:
        RecipeError: the kind reads images, or the size of the image or the width of the code does not fit.
    """
    return _builder(settings, "decoder")(settings, width, shape)


def _builder(settings: NetworkSettings, part: str) -> Callable[..., nn.Sequential]:
    builders = NETWORKS[settings.kind]
    if part not in builders:
        fitting = " or ".join(name for name, parts in NETWORKS.items() if part in parts)
        reads, generates = "reads images and cannot generate them", "generates images and cannot read them"
        problem = reads if part == "decoder" else generates
        raise RecipeError(f'a network of kind "{settings.kind}" {problem}; use kind {fitting} here')
    return builders[part]
