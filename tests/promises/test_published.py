"""Published parameter counts match, layer by layer where the reports give the layers."""

from typing import Any

import pytest
from pydantic import TypeAdapter
from torch import nn

from simulacra.networks import decoder, encoder, head, layer_table, output_shape
from simulacra.settings.networks import NetworkSettings

FACE, GARMENT = (64, 64, 3), (28, 28, 1)
HALVING = {"kind": "convolution", "channels": (64, 128, 256, 512)}
DOUBLING = {"kind": "deconvolution", "channels": (512, 256, 128, 64)}
HIDDEN = {"kind": "mlp", "widths": (500,)}


def read(numbers: dict[str, Any]) -> NetworkSettings:
    settings: NetworkSettings = TypeAdapter(NetworkSettings).validate_python(numbers)
    return settings


def reader(numbers: dict[str, Any], shape: tuple[int, int, int], *heads: int) -> list[nn.Sequential]:
    """A trunk and its heads."""
    height, width, channels = shape
    trunk = encoder(read(numbers), shape)
    features = output_shape(trunk, channels, height, width)
    return [trunk, *(head(read(numbers), features, outputs) for outputs in heads)]


def total(*networks: nn.Module) -> int:
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def layers(network: nn.Sequential, *inputs: int) -> list[int]:
    return [row.parameters for row in layer_table(network, *inputs) if row.parameters]


def test_a1_vae() -> None:
    trunk, mean, logvar = reader(
        {"kind": "convolution", "channels": (32, 64, 128, 256), "bias": True, "head": "dense"}, FACE, 512, 512
    )
    numbers = {"kind": "deconvolution", "channels": (256, 128, 64, 32), "stem": "dense", "stem_norm": False}
    made = decoder(read(numbers | {"activation": "leaky_relu"}), 512, FACE)
    assert layers(trunk, 3, 64, 64) == [1_568, 64, 32_832, 128, 131_200, 256, 524_544, 512]
    assert total(mean) == total(logvar) == 2_097_664
    assert layers(made, 512) == [2_101_248, 524_288, 256, 131_072, 128, 32_768, 64, 1_536]
    assert total(trunk, mean, logvar, made) == 7_677_792


def test_a2_generator() -> None:
    generator = decoder(read(DOUBLING), 100, FACE)
    convolutions = [819_200, 2_097_152, 524_288, 131_072, 3_072]
    assert layers(generator, 100)[::2] == convolutions
    assert total(generator) == 3_576_704


@pytest.mark.parametrize(
    ("system", "numbers", "heads", "parameters"),
    [
        ("A2", {}, (1,), 2_765_696),
        ("A3", {"norm_last": False}, (1, 1), 2_772_864),
        ("D2", {"norm_first": False}, (1,), 2_765_568),
    ],
)
def test_discriminators_of_faces(system: str, numbers: dict[str, Any], heads: tuple[int, ...], parameters: int) -> None:
    trunk, *ends = reader(HALVING | numbers, FACE, *heads)
    convolutions = [row.parameters for row in layer_table(trunk, 3, 64, 64) if row.layer == "Conv2d k4 s2 p1"]
    assert convolutions == [3_072, 131_072, 524_288, 2_097_152]
    assert [total(end) for end in ends] == [8_192] * len(heads)
    assert total(trunk, *ends) == parameters


def test_e1_dcgan() -> None:
    numbers = {"kind": "deconvolution", "channels": (128, 64, 32), "end": "convolution", "activation": "leaky_relu"}
    generator = decoder(read(numbers), 100, GARMENT)
    trunk, source = reader({"kind": "convolution", "channels": (32, 64, 128, 256), "stem": 3}, GARMENT, 1)
    assert layers(generator, 100) == [627_200, 256, 131_072, 128, 32_768, 64, 288]
    assert total(generator) == 791_776
    assert layers(trunk, 1, 28, 28) == [288, 64, 32_768, 128, 131_072, 256, 524_288, 512]
    assert output_shape(trunk, 1, 28, 28) == (256, 3, 3)
    assert total(source) == 2_304
    assert total(trunk, source) == 691_680


def test_e2_vae() -> None:
    assert total(*reader(HIDDEN, GARMENT, 2, 2), decoder(read(HIDDEN), 2, GARMENT)) == 788_788


def test_e4_classifier() -> None:
    assert total(*reader(HIDDEN, GARMENT, 10)) == 397_510
