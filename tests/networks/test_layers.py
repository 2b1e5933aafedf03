"""Weights that adversarial networks start from, and layers that several kinds of network share.

Doubling and convolution in one layer.
Convolutions that are matrix products.
Maps stay channels-last where they become rows of numbers and where rows become maps.
"""

import pytest
import torch
from torch import Tensor, nn

from simulacra.networks import decoder, initialize
from simulacra.networks.layers import MapFlatten, MapUnflatten, UpsampleConv2d, WholeConv2d, WholeConvTranspose2d
from simulacra.settings.networks import UpsampleSettings


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(64, 64, 4), nn.BatchNorm2d(4096), nn.ConvTranspose2d(64, 64, 4), nn.Linear(128, 128)
    )
    initialize(network)
    return network


@pytest.mark.parametrize(("layer", "mean"), [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)])
def test_weights_are_normal_with_a_spread_of_a_fiftieth(network: nn.Sequential, layer: int, mean: float) -> None:
    weight = network.get_parameter(f"{layer}.weight")
    assert weight.mean().item() == pytest.approx(mean, abs=2e-3)
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_biases_are_zero(network: nn.Sequential) -> None:
    biases = [parameter for name, parameter in network.named_parameters() if name.endswith("bias")]
    assert len(biases) == 4
    assert not any(bias.count_nonzero() for bias in biases)


def test_layers_deep_inside_are_found_and_missing_biases_forgiven() -> None:
    inner = nn.Conv2d(3, 3, 1, bias=False)
    nn.init.ones_(inner.weight)
    initialize(nn.Sequential(nn.Sequential(inner, nn.BatchNorm2d(3)), nn.ReLU()))
    assert inner.weight.abs().max() < 0.2


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_an_upsampling_convolution_computes_what_doubling_and_convolution_do(kernel: int, bias: bool) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 5, kernel, padding=(kernel - 1) // 2, bias=bias)
    two = nn.Sequential(nn.Upsample(scale_factor=2), convolution)
    one = UpsampleConv2d(3, 5, kernel, padding=(kernel - 1) // 2, bias=bias)
    one.load_state_dict(convolution.state_dict())
    images = torch.randn(2, 3, 4, 6, requires_grad=True)
    expected, computed = two(images), one(images)
    assert computed.shape == (2, 5, 8, 12)
    assert torch.allclose(computed, expected, atol=1e-5)
    for theirs, ours in zip(
        torch.autograd.grad(expected.square().sum(), [images, *two.parameters()]),
        torch.autograd.grad(computed.square().sum(), [images, *one.parameters()]),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_maps_after_an_upsampling_convolution_are_channels_last_like_its_weights() -> None:
    layer = UpsampleConv2d(3, 5, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert layer(torch.randn(2, 3, 4, 6)).is_contiguous(memory_format=torch.channels_last)


def test_weights_are_named_as_if_doubling_and_convolution_were_two_layers() -> None:
    settings = UpsampleSettings(kind="upsample", stem_channels=6, channels=(4, 3), bias=False)
    names = [name for name, _ in decoder(settings, 5, (8, 8, 3)).named_parameters()]
    assert [name for name in names if name.endswith("weight")] == [f"{n}.weight" for n in (0, 3, 4, 7, 8, 10)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [(WholeConv2d, nn.Conv2d, (3, 4, 3)), (WholeConvTranspose2d, nn.ConvTranspose2d, (3, 1, 1))],
)
def test_a_whole_convolution_computes_what_the_general_one_does(ours, theirs, shape, bias):
    torch.manual_seed(0)
    general = theirs(3, 5, (4, 3), bias=bias)
    whole = ours(3, 5, (4, 3), bias=bias)
    whole.load_state_dict(general.state_dict())
    images = torch.randn(2, *shape, requires_grad=True)
    expected, found = general(images), whole(images)
    assert torch.allclose(found, expected, atol=1e-6)
    for one, two in zip(
        torch.autograd.grad(expected.square().sum(), [images, *general.parameters()]),
        torch.autograd.grad(found.square().sum(), [images, *whole.parameters()]),
        strict=True,
    ):
        assert torch.allclose(one, two, atol=1e-5)


def test_an_image_of_one_pixel_comes_out_channels_last():
    made = WholeConvTranspose2d(3, 5, 4)(torch.randn(2, 3, 1, 1))
    assert made.is_contiguous(memory_format=torch.channels_last)


def channels_last(maps: Tensor) -> bool:
    return maps.is_contiguous(memory_format=torch.channels_last) and not maps.is_contiguous()


def test_rows_become_the_maps_of_torchs_own_layer_channels_last():
    rows = torch.randn(2, 60)
    maps = MapUnflatten(1, (5, 3, 4))(rows)
    assert torch.equal(maps, nn.Unflatten(1, (5, 3, 4))(rows))
    assert channels_last(maps)


def test_maps_become_the_rows_of_torchs_own_layer_and_get_channels_last_gradients():
    maps = torch.randn(2, 5, 3, 4).contiguous(memory_format=torch.channels_last).requires_grad_() * 1
    rows, weights, gradients = MapFlatten()(maps), torch.randn(2, 60), []
    assert torch.equal(rows, nn.Flatten()(maps))
    maps.register_hook(gradients.append)  # after the layer's own, so it sees what that hands on
    (rows * weights).sum().backward()
    assert torch.equal(gradients[0], weights.view(2, 5, 3, 4))
    assert channels_last(gradients[0])
