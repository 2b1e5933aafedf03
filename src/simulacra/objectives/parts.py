"""What families are put together from: a network that sees, with its heads, and a network that makes images."""

from collections.abc import Mapping

from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import decoder, encoder, head, output_shape
from simulacra.settings import NetworkSettings

Shape = tuple[int, int, int]
Parts = dict[str, tuple[nn.Sequential, tuple[int, ...]]]  # name -> network, shape of one input without the batch axis


def seeing(name: str, settings: NetworkSettings, shape: Shape, heads: Mapping[str, int]) -> Parts:
    """A trunk from images to features, and heads from features to (n, outputs).

    Args:
        name: of the trunk.
        settings: of trunk and heads.
        shape: height, width and channels of an image.
        heads: name -> outputs.

    Raises:
        RecipeError: the kind of network does not see, or the size does not fit it.
    """
    height, width, channels = shape
    image = (channels, height, width)
    trunk = encoder(settings, shape)
    features = output_shape(trunk, *image)
    parts: Parts = {name: (trunk, image)}
    return parts | {key: (head(settings, features, outputs), features) for key, outputs in heads.items()}


def making(name: str, settings: NetworkSettings, width: int, shape: Shape) -> Parts:
    """A network from codes (n, width) to images; arguments and errors as in `seeing`."""
    return {name: (decoder(settings, width, shape), (width,))}


def refuse_batch_norm(parts: Parts, name: str) -> None:
    """Refuses batch norm in a network whose gradient is penalised, as each image then has one gradient of its own.

    Gulrajani et al. 2017, arXiv:1704.00028, section 4, "No critic batch normalization".

    Raises:
        RecipeError: the network has batch norm.
    """
    if any(isinstance(layer, nn.BatchNorm2d) for layer in parts[name][0].modules()):
        raise RecipeError(
            f'networks.{name}.norm is "batch", which mixes the images of a batch, and its gradient is penalised image '
            f'by image; set networks.{name}.norm = "none"'
        )
