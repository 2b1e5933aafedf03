"""Fully connected layers, in either direction."""

from math import prod

from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import layers
from simulacra.settings.networks import MlpSettings


def encoder(settings: MlpSettings, shape: tuple[int, int, int]) -> nn.Sequential:
    """Image (n, C, H, W) -> features (n, widths[-1]).

    Raises:
        RecipeError: an activation is asked for that only images have.
    """
    if settings.output != "none":
        raise RecipeError(
            f'output = "{settings.output}" does nothing in a network that reads images; leave it at "none"'
        )
    return nn.Sequential(nn.Flatten(), *_hidden(settings, prod(shape)))


def head(settings: MlpSettings, features: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Features (n, width) -> (n, outputs)."""
    return nn.Sequential(nn.Linear(prod(features), outputs))


def decoder(settings: MlpSettings, width: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Code (n, width) -> image (n, C, H, W)."""
    height, breadth, channels = shape
    return nn.Sequential(
        *_hidden(settings, width),  # widths[-1]
        nn.Linear(settings.widths[-1], prod(shape)),  # C * H * W
        nn.Unflatten(1, (channels, height, breadth)),  # C, H, W
        *layers.output(settings.output),
    )


def _hidden(settings: MlpSettings, inputs: int) -> list[nn.Module]:
    """Linear, activation and dropout for each of the widths."""
    rows: list[nn.Module] = []
    for width in settings.widths:
        rows += [nn.Linear(inputs, width), layers.activation(settings.activation, settings.slope)]
        rows += layers.dropout(settings.dropout)
        inputs = width
    return rows
