"""Maps stay channels-last where they become rows of numbers and where rows become maps."""

import torch
from torch import Tensor, nn

from simulacra.networks.layers import MapFlatten, MapUnflatten


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
