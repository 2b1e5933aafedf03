"""Running means of what an update reports."""

import pytest
import torch
from torch import tensor

from simulacra.engine.devices import Devices
from simulacra.engine.loop import Meter
from simulacra.errors import Diverged

ALONE = Devices("cpu", "float32")


def test_a_row_is_the_mean_since_the_last_row() -> None:
    meter = Meter(ALONE)
    for step, value in enumerate([1.0, 2.0, 6.0]):
        meter.add({"loss/total": tensor(value)}, step)
    assert meter.flush() == {"loss/total": 3.0}
    meter.add({"loss/total": tensor(5.0)}, 3)
    assert meter.flush() == {"loss/total": 5.0}


def test_a_number_that_comes_in_some_updates_only_is_averaged_over_those() -> None:
    meter = Meter(ALONE)
    meter.add({"loss/d": tensor(1.0), "loss/g": tensor(4.0)}, 0)
    meter.add({"loss/d": tensor(2.0)}, 1)
    assert meter.flush() == {"loss/d": 1.5, "loss/g": 4.0}


def test_a_meter_goes_on_between_two_rows_as_if_it_had_not_stopped() -> None:
    values = torch.rand(7)
    whole, first, second = Meter(ALONE), Meter(ALONE), Meter(ALONE)
    for step, value in enumerate(values):
        whole.add({"loss/total": value}, step)
    for step, value in enumerate(values[:3]):
        first.add({"loss/total": value}, step)
    second.load(first.state())
    for step, value in enumerate(values[3:]):
        second.add({"loss/total": value}, step)
    assert second.flush() == whole.flush()


def test_a_number_that_carries_a_graph_is_taken_without_it() -> None:
    meter = Meter(ALONE)
    meter.add({"loss/total": tensor(1.0, requires_grad=True) * 2}, 0)
    assert not meter.sums["loss/total"].requires_grad


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_the_first_bad_step_and_the_bad_number_are_named(bad: float) -> None:
    meter = Meter(ALONE)
    meter.add({"loss/d": tensor(1.0), "loss/g": tensor(1.0)}, 10)
    meter.add({"loss/d": tensor(1.0), "loss/g": tensor(bad)}, 11)
    meter.add({"loss/d": tensor(bad), "loss/g": tensor(1.0)}, 12)
    with pytest.raises(Diverged, match=r"loss/g.* stopped being finite at step 11"):
        meter.flush()
