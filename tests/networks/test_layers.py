import pytest
import torch
from torch import nn

from simulacra.networks import initialize


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
