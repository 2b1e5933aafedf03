"""A doubling and the convolution after it, computed as one."""

import pytest
import torch
from torch import nn

from simulacra.networks.layers import DoublingSequential


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_doubling_with_a_convolution_computes_what_the_two_layers_do(kernel, bias):
    torch.manual_seed(0)
    layers = [nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, kernel, padding=(kernel - 1) // 2, bias=bias), nn.ReLU()]
    one, two = nn.Sequential(*layers), DoublingSequential(*layers)
    images = torch.randn(2, 3, 4, 6, requires_grad=True)
    expected, found = one(images), two(images)
    assert found.shape == (2, 5, 8, 12)
    assert torch.allclose(found, expected, atol=1e-5)
    for theirs, ours in zip(
        torch.autograd.grad(expected.square().sum(), [images, *one.parameters()]),
        torch.autograd.grad(found.square().sum(), [images, *two.parameters()]),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_maps_after_a_doubling_are_channels_last_like_the_weights():
    layers = DoublingSequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, 3, padding=1))
    layers.to(memory_format=torch.channels_last)
    assert layers(torch.randn(2, 3, 4, 6)).is_contiguous(memory_format=torch.channels_last)


def test_weights_have_the_names_that_layers_in_turn_give_them():
    layers = [nn.Linear(4, 12), nn.Unflatten(1, (3, 2, 2)), nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, 3, padding=1)]
    assert list(DoublingSequential(*layers).state_dict()) == list(nn.Sequential(*layers).state_dict())
