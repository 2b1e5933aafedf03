"""The flat code: noise | labels."""

import pytest
import torch
from torch import tensor

from simulacra.objectives.code import Code
from simulacra.settings.objectives import CodeSettings


def code(labels: int = 0, *, exclusive: bool = False, entry: str = "binary", **settings: object) -> Code:
    return Code(CodeSettings.model_validate({"noise": 3, "labels": entry} | settings), labels, exclusive=exclusive)


def test_a_code_without_labels_is_noise() -> None:
    assert code().width == 3
    assert code().draw(5).shape == (5, 3)


def test_binary_labels_stand_behind_the_noise() -> None:
    layout, labels = code(2), tensor([[1.0, 0.0], [0.0, 1.0]])
    drawn = layout.draw(2, labels)
    assert layout.width == 5
    assert drawn[:, 3:].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert drawn.dtype == torch.float32


def test_onehot_labels_take_two_numbers_each_absent_and_present() -> None:
    layout, labels = code(2, entry="onehot"), tensor([[1.0, 0.0]])
    assert layout.width == 7
    assert layout.draw(1, labels)[:, 3:].tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_exclusive_classes_are_onehot_either_way() -> None:
    for entry in ("binary", "onehot"):
        layout = code(3, exclusive=True, entry=entry)
        assert layout.width == 6
        assert layout.draw(1, tensor([[0.0, 1.0, 0.0]]))[:, 3:].tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("entry", ["binary", "onehot"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_labels_come_back_out_of_a_code_as_a_copy(entry: str, exclusive: bool) -> None:
    layout, rows = code(3, exclusive=exclusive, entry=entry), torch.eye(3)
    drawn = layout.draw(3, rows)
    found = layout.labels_of(drawn)
    assert torch.equal(found, rows)
    found.zero_()
    assert torch.equal(layout.labels_of(drawn), rows)


def test_the_noise_is_the_same_whatever_the_labels() -> None:
    layout = code(1)
    off, on = (layout.draw(4, torch.full((4, 1), v), torch.Generator().manual_seed(1)) for v in (0.0, 1.0))
    assert torch.equal(off[:, :3], on[:, :3])


def test_uniform_noise_fills_minus_one_to_one() -> None:
    drawn = code(noise=10, distribution="uniform").draw(1000, generator=torch.Generator().manual_seed(0))
    assert -1 <= drawn.min() < -0.99
    assert 0.99 < drawn.max() <= 1
    assert drawn.mean().abs() < 0.02
    assert drawn.var().item() == pytest.approx(1 / 3, abs=0.01)


def test_normal_noise_is_standard() -> None:
    drawn = code(noise=10).draw(1000, generator=torch.Generator().manual_seed(0))
    assert drawn.mean().abs() < 0.03
    assert drawn.std().item() == pytest.approx(1, abs=0.02)


def test_equal_generators_give_equal_codes_and_the_global_one_is_left_alone() -> None:
    state = torch.get_rng_state()
    one, two = (code().draw(4, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(torch.get_rng_state(), state)
