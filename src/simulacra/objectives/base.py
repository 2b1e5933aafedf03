"""What every family has: networks, players and an update; the capabilities that it may have; and its parts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from simulacra.data.batches import Batch
from simulacra.errors import RecipeError
from simulacra.networks import decoder, encoder, head, output_shape
from simulacra.objectives.code import Code
from simulacra.recipe import Recipe

T = TypeVar("T")
Parts = dict[str, tuple[nn.Sequential, tuple[int, ...]]]  # name -> network, shape of one input without the batch axis


def encoder_parts(recipe: Recipe, name: str, heads: Mapping[str, int]) -> Parts:
    """A trunk from images (n, C, H, W) to features, and heads from features to (n, outputs).

    Args:
        recipe: has the settings of trunk and heads under `networks.NAME`.
        name: of the trunk.
        heads: name -> outputs.

    Raises:
        RecipeError: a network of this kind does not read images, or the size does not fit it.
    """
    settings, (height, width, channels) = recipe.networks[name], recipe.data.shape
    trunk = encoder(settings, recipe.data.shape)
    features = output_shape(trunk, channels, height, width)
    parts: Parts = {name: (trunk, (channels, height, width))}
    return parts | {key: (head(settings, features, outputs), features) for key, outputs in heads.items()}


def decoder_parts(recipe: Recipe, name: str, width: int) -> Parts:
    """A network from codes (n, width) to images (n, C, H, W); recipe, name and errors as in `encoder_parts`."""
    return {name: (decoder(recipe.networks[name], width, recipe.data.shape), (width,))}


def refuse_batch_norm(parts: Parts, name: str) -> None:
    """Refuses batch norm in a network whose gradient is penalised: with it, an image's score depends on other images.

    Gulrajani et al. 2017, arXiv:1704.00028, section 4, "No critic batch normalization".

    Raises:
        RecipeError: the network has batch norm.
    """
    if any(isinstance(layer, nn.BatchNorm2d) for layer in parts[name][0].modules()):
        raise RecipeError(
            f'networks.{name}.norm is "batch", which mixes the images of a batch, and its gradient is penalised image '
            f'by image; set networks.{name}.norm = "none"'
        )


def choose(table: Mapping[str, T], key: str, name: str) -> T:
    """The entry of a table that a recipe names. Raises RecipeError: the table has no such entry."""
    if name not in table:
        raise RecipeError(f"{key} = {name!r}: input should be {', '.join(map(repr, table))}")
    return table[name]


class Optimize(Protocol):
    """Takes one step of a player's optimizer down a loss; no other player's networks get a gradient."""

    def __call__(self, player: str, loss: Tensor, *, retain_graph: bool = False) -> None:
        """Takes the step; `loss` is a scalar with a graph, which is freed unless `retain_graph`."""


class Objective(ABC):
    """A family's networks and its training algorithm. Families are final.

    Attributes:
        networks: name -> network. The names are rows of tables, keys of checkpoints and targets of transfer.
        inputs: name of a network -> shape of one of its inputs, without the batch axis.
        players: name of an optimizer -> names of the networks that it may change, as the settings say them.
    """

    def __init__(self, parts: Parts, players: Mapping[str, tuple[str, ...]]) -> None:
        self.networks = nn.ModuleDict({name: network for name, (network, _) in parts.items()})
        self.inputs = {name: shape for name, (_, shape) in parts.items()}
        self.players = players

    @abstractmethod
    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """One update by the family's algorithm.

        Args:
            batch: real images and the labels that condition the family.
            step: the number of this update, from 0.
            optimize: called once for every player that learns in this update.

        Returns:
            "CHART/LINE" -> scalar, detached or not, for the learning curves.
        """

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.networks.parameters()).device

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Eval mode and no gradients; at the end every network is in the mode that it had."""
        modes = {network: network.training for network in self.networks.modules()}
        self.networks.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for network, training in modes.items():
                network.training = training


class Generates(ABC):
    """Can decode codes to images.

    Attributes:
        code: the layout of a code, and how codes are drawn.
        maker: name of the network that generates the images.
    """

    code: Code
    maker: str

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Images (n, C, H, W), around [-1, 1], of codes (n, code.width)."""


class Encodes(ABC):
    """Can encode images to codes."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, code.width) of images (n, C, H, W) in [-1, 1]; the mean if the family gives a distribution."""


class Infers(ABC):
    """Can give the distribution of an image's code, and the likelihood of an image given a code.

    Attributes:
        density: name of the density that `log_likelihood` computes, for people; None if the training's loss implies no
            density of pixel values.
    """

    density: str | None

    @abstractmethod
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, code.width) of the normal distribution q(z|x) of images (n, C, H, W)."""

    @abstractmethod
    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """The logarithm of p(x|z) in nats (n,), for values in [-1, 1]; not called if `density` is None."""


class Classifies(ABC):
    """Can predict the labels of an image."""

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """Logits (n, K) of images (n, C, H, W) in [-1, 1], in the order of the recipe's labels."""


class Validates(ABC):
    """Can measure held-out images one by one, so that every mean comes with an interval."""

    @abstractmethod
    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Name of a metric -> values (n,), one per image; called while `evaluating`."""
