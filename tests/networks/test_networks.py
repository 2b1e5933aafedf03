"""What holds for every kind in NETWORKS, before anyone looks inside it."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from simulacra.errors import RecipeError
from simulacra.networks import NETWORKS, decoder, encoder, head, layer_table, output_shape
from simulacra.settings.networks import NetworkSettings

SMALL: dict[str, dict[str, Any]] = {
    "convolution": {"channels": [3, 4]},
    "deconvolution": {"channels": [4, 3]},
    "upsample": {"stem_channels": 4, "channels": [4, 3]},
    "mlp": {"widths": [5, 4]},
}
SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (64, 96, 3), (96, 64, 1), (128, 128, 3)]
READERS = [kind for kind, parts in NETWORKS.items() if "encoder" in parts]
MAKERS = [kind for kind, parts in NETWORKS.items() if "decoder" in parts]


def read(kind: str, **numbers: Any) -> NetworkSettings:
    settings: NetworkSettings = TypeAdapter(NetworkSettings).validate_python({"kind": kind} | SMALL[kind] | numbers)
    return settings


def test_every_kind_is_tested_here() -> None:
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", READERS)
def test_an_encoder_and_its_head_turn_images_of_any_fitting_size_into_numbers(
    kind: str, shape: tuple[int, int, int]
) -> None:
    height, width, channels = shape
    trunk = encoder(read(kind), shape)
    features = output_shape(trunk, channels, height, width)
    images = torch.zeros(2, channels, height, width)
    assert trunk(images).shape == (2, *features)
    assert head(read(kind), features, 7)(trunk(images)).shape == (2, 7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_decoder_makes_images_of_any_fitting_size(kind: str, shape: tuple[int, int, int]) -> None:
    height, width, channels = shape
    network = decoder(read(kind), 6, shape)
    assert network(torch.zeros(2, 6)).shape == (2, channels, height, width)
    assert output_shape(network, 6) == (channels, height, width)


@pytest.mark.parametrize("kind", sorted(set(NETWORKS) - set(READERS)))
def test_a_kind_that_makes_images_cannot_read_them(kind: str) -> None:
    sentence = f'a network of kind "{kind}" generates images and cannot read them; use kind convolution or mlp here'
    with pytest.raises(RecipeError) as found:
        encoder(read(kind), (32, 32, 3))
    assert str(found.value) == sentence
    with pytest.raises(RecipeError) as found:
        head(read(kind), (3, 8, 8), 1)
    assert str(found.value) == sentence


@pytest.mark.parametrize("kind", sorted(set(NETWORKS) - set(MAKERS)))
def test_a_kind_that_reads_images_cannot_make_them(kind: str) -> None:
    with pytest.raises(RecipeError) as found:
        decoder(read(kind), 6, (32, 32, 3))
    expected = (
        f'a network of kind "{kind}" reads images and cannot generate them; use kind deconvolution or upsample or mlp'
    )
    assert str(found.value) == expected + " here"


def test_a_head_takes_the_shape_as_torch_gives_it() -> None:
    features = torch.zeros(2, 3, 4, 6).shape[1:]
    assert head(read("convolution"), features, 1)(torch.zeros(2, 3, 4, 6)).shape == (2, 1)


def test_networks_build_on_the_meta_device() -> None:
    with torch.device("meta"):
        network = decoder(read("deconvolution"), 6, (64, 64, 3))
        assert output_shape(network, 6) == (3, 64, 64)
    assert all(parameter.is_meta for parameter in network.parameters())


def test_a_trunk_and_its_head_make_one_table() -> None:
    trunk = encoder(read("convolution"), (32, 32, 3))
    whole = nn.Sequential(trunk, head(read("convolution"), (4, 8, 8), 1))
    assert len(layer_table(whole, 3, 32, 32)) == len(trunk) + 2
