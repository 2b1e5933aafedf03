"""Convolutions that are matrix products."""

import pytest
import torch
from torch import nn

from simulacra.networks.layers import WholeConv2d, WholeConvTranspose2d


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
