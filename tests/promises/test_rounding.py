"""bfloat16 as it is played in float32 beside bfloat16 as torch computes it."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("rounding")


def passed(network: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    outputs = network(images)
    return outputs.detach().float(), list(torch.autograd.grad(outputs.float().square().sum(), network.parameters()))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 8, 4, 2, 1), nn.Linear(8, 5)])
def test_one_layer_is_that_of_bfloat16_but_for_the_order_of_additions(rounding: Any, layer: nn.Module) -> None:
    images = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = passed(layer, images)
    with rounding.Rounding():
        played, _ = passed(layer, images)
    assert (played == half).float().mean() > 0.98
    assert apart(played, half) < 1e-3


def test_a_network_is_as_far_from_float32_as_in_bfloat16(rounding: Any) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(8, 4, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 8 * 8, 5),
    )
    images = torch.randn(64, 3, 8, 8)
    single, single_slopes = passed(network, images)
    with torch.autocast("cpu", torch.bfloat16):
        half, half_slopes = passed(network, images)
    with rounding.Rounding():
        played, played_slopes = passed(network, images)
    assert apart(half, single) > 2e-3, "rounding shows"
    for mine, theirs, exact in zip(
        [played, *played_slopes], [half, *half_slopes], [single, *single_slopes], strict=True
    ):
        assert 0.5 < apart(mine, exact) / apart(theirs, exact) < 2


def test_products_of_tensors_and_of_images_are_both_rounded(rounding: Any) -> None:
    values = torch.tensor([[1 + 2**-10]])
    with rounding.Rounding():
        assert values @ values == 1
        assert nn.functional.linear(values, values) == 1
        assert torch.conv2d(values[None, None], values[None, None]) == 1
        assert torch.conv_transpose2d(values[None, None], values[None, None]) == 1
        assert values * values != 1
