"""Ways between codes, as numbers."""

import math

import pytest
import torch

from simulacra.explorer.codes import among, between, slerp, walk
from simulacra.objectives.code import Code
from simulacra.settings import CodeSettings


def test_the_way_between_two_right_angles_is_the_arc() -> None:
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    third = slerp(first, second, 1 / 3)
    assert third.tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])
    assert torch.allclose(slerp(first, second, 0.0), first)
    assert torch.allclose(slerp(first, second, 1.0), second, atol=1e-6)


def test_normal_noise_keeps_its_length_on_the_way() -> None:
    first, second = torch.randn(2, 400, generator=torch.Generator().manual_seed(0))
    lengths = [slerp(first, second, share).norm() for share in (0.25, 0.5, 0.75)]
    assert min(lengths) > 0.95 * min(first.norm(), second.norm())
    assert torch.lerp(first, second, 0.5).norm() < 0.8 * min(first.norm(), second.norm())


@pytest.mark.parametrize("second", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
def test_where_no_arc_is_the_one_the_way_is_straight(second: list[float]) -> None:
    found = slerp(torch.tensor([1.0, 2.0]), torch.tensor(second), 0.5)
    assert found.tolist() == pytest.approx([(1 + second[0]) / 2, (2 + second[1]) / 2])


def test_labels_and_uniform_noise_go_the_straight_way() -> None:
    normal = Code(CodeSettings(noise=2), 1)
    half = between(normal, torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1]), 0.5)
    assert half.tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0.5])
    uniform = Code(CodeSettings(noise=2, distribution="uniform"), 1)
    half = between(uniform, torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 1]), 0.5)
    assert half.tolist() == [0.5, 0.5, 0.5]


def test_the_corners_of_a_square_are_the_codes_it_was_made_of() -> None:
    code, corners = Code(CodeSettings(noise=3)), torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    found = walk(code, corners, 4)
    assert found.shape == (16, 3)
    assert torch.allclose(found[[0, 3, 12, 15]], corners, atol=1e-5)
    assert torch.allclose(found[6], among(code, corners, 2 / 3, 1 / 3), atol=1e-5)
