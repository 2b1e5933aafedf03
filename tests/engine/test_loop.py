"""The loop: counts, logs, saves, yields; and goes on exactly where it stood.

Running means of what an update reports.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, tensor

from simulacra.data.store import ImageStore
from simulacra.engine import loop
from simulacra.engine.checkpoints import read_checkpoint
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Meter, Tick, Training, train
from simulacra.errors import Diverged
from simulacra.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
MakeTraining = Callable[..., Training]


def ticks_of(training: Training, stop: int | None = None, meddle: Callable[[int], None] = lambda _: None) -> list[Tick]:
    """Runs the loop; with `stop`, somebody asks for an end once so many updates are done; `meddle` sees every step."""
    ticks: list[Tick] = []
    loop = train(training, lambda: bool(ticks) and stop is not None and ticks[-1].step + 1 >= stop)
    while (tick := next(loop, None)) is not None:
        ticks.append(tick)
        meddle(tick.step)
    return ticks


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Nested containers as one table of what is in them."""
    if isinstance(value, dict | list | tuple):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, part in parts for k, v in leaves(part, f"{name}/{key}").items()}
    return {name: value}


def assert_same_state(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = leaves(one), leaves(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]) if isinstance(value, Tensor) else value == right[name], name


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(
    family: str, stop: int, precision: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny(family)
    whole = make_training(recipe, store, "whole", precision)
    ticks_of(whole)
    first = ticks_of(make_training(recipe, store, "halves", precision), stop)[-1]
    assert (first.step, first.saved, first.milestone) == (stop, True, True)
    second = make_training(recipe, store, "halves", precision)
    assert second.start == stop
    ticks_of(second)
    assert_same_state(*(read_checkpoint(training.run.checkpoints()[6]) for training in (whole, second)))
    rows = [(training.run.path / "metrics.jsonl").read_bytes() for training in (whole, second)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimizer_goes_on_as_if_it_had_not_been_stopped(
    name: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    momentum = 0.5 if name in ("sgd", "rmsprop") else 0
    recipe = tiny("gan", **{"optimizer.name": name, "optimizer.momentum": momentum, "optimizer.weight_decay": 0.01})
    whole = make_training(recipe, store, "whole")
    ticks_of(whole)
    ticks_of(make_training(recipe, store, "halves"), 3)
    second = make_training(recipe, store, "halves")
    ticks_of(second)
    assert_same_state(*(read_checkpoint(training.run.checkpoints()[6]) for training in (whole, second)))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_learning_rate_that_falls_goes_on_from_where_it_was(
    schedule: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("gan", **{"optimizer.schedule": schedule, "optimizer.warmup": 2})
    whole = make_training(recipe, store, "whole")
    ticks_of(whole)
    ticks_of(make_training(recipe, store, "halves"), 3)
    second = make_training(recipe, store, "halves")
    ticks_of(second)
    assert_same_state(*(read_checkpoint(training.run.checkpoints()[6]) for training in (whole, second)))
    constant = make_training(tiny("gan"), store, "constant")
    ticks_of(constant)
    last, other = (t.objective.networks.state_dict() for t in (whole, constant))
    assert any(not torch.equal(value, other[name]) for name, value in last.items())


def test_a_generator_that_learns_in_every_third_update_goes_on_in_its_turn(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("gan", **{"objective.discriminator_steps": 3, "steps": 7})
    whole = make_training(recipe, store, "whole")
    ticks_of(whole)
    ticks_of(make_training(recipe, store, "halves"), 5)
    second = make_training(recipe, store, "halves")
    ticks_of(second)
    assert_same_state(*(read_checkpoint(training.run.checkpoints()[7]) for training in (whole, second)))
    rows = [(training.run.path / "metrics.jsonl").read_bytes() for training in (whole, second)]
    assert rows[0] == rows[1]


def test_a_longer_training_begins_like_a_shorter_one(
    family: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    short, long = (make_training(tiny(family, steps=steps), store, f"{steps}") for steps in (4, 6))
    ticks_of(short)
    ticks_of(long)
    shorter, longer = ((t.run.path / "metrics.jsonl").read_bytes() for t in (short, long))
    assert longer.startswith(shorter)


def test_another_seed_is_another_training(
    family: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    one, other = (make_training(tiny(family, seed=seed), store, f"{seed}") for seed in (0, 1))
    ticks_of(one)
    ticks_of(other)
    assert one.run.rows("metrics") != other.run.rows("metrics")


def test_the_loop_yields_after_every_update_and_before_the_first(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    ticks = ticks_of(make_training(tiny("vae"), store))
    assert [tick.step for tick in ticks] == [0, 1, 2, 3, 4, 5, 6]
    assert [tick.step for tick in ticks if tick.row] == [2, 4, 6]
    assert [tick.step for tick in ticks if tick.saved] == [3, 6]
    assert [tick.step for tick in ticks if tick.milestone] == [0, 3, 4, 6], "14 images are seen after 4 batches of 4"


def test_a_row_says_where_it_stands_and_means_what_came_since_the_last(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training, seen = make_training(tiny("vae"), store), []
    update = training.objective.update
    training.objective.update = lambda *words: seen.append(update(*words)) or seen[-1]  # type: ignore[method-assign]
    ticks_of(training)
    rows = training.run.rows("metrics")
    assert list(rows[1])[:3] == ["step", "epoch", "images"]
    assert (rows[1]["step"], rows[1]["epoch"], rows[1]["images"]) == (4, 16 / 14, 16)
    expected = (seen[2]["loss/total"].item() + seen[3]["loss/total"].item()) / 2
    assert rows[1]["loss/total"] == pytest.approx(expected)


def test_only_the_newest_checkpoints_are_kept(tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining) -> None:
    training = make_training(tiny("gan", **{"every.checkpoint": 1, "every.log": 1, "every.keep": 2}), store)
    ticks_of(training)
    assert list(training.run.checkpoints()) == [5, 6]


def test_rows_after_the_checkpoint_are_dropped_and_written_again(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    recipe = tiny("gan")
    for tick in train(make_training(recipe, store)):
        if tick.step == 5:
            break  # as a kill would: rows at 2 and 4, a checkpoint at 3
    second = make_training(recipe, store)
    assert second.start == 3
    assert [row["step"] for row in second.run.rows("metrics")] == [2]
    ticks_of(second)
    assert [row["step"] for row in second.run.rows("metrics")] == [2, 4, 6]


def test_a_stop_before_the_first_update_saves_nothing(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny("gan"), store)
    ticks = list(train(training, lambda: True))
    assert [(tick.step, tick.saved) for tick in ticks] == [(0, False)]
    assert training.run.checkpoints() == {}


def test_time_between_updates_is_no_time_of_training(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, now = make_training(tiny("gan"), store), [0.0]
    update = training.objective.update

    def second_long(*words: Any) -> dict[str, Tensor]:
        now[0] += 1
        return update(*words)

    training.objective.update = second_long  # type: ignore[method-assign]
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    for _ in train(training):
        now[0] += 100  # a long look
    rows = training.run.rows("timing")
    assert [row["seconds"] for row in rows] == [2, 2, 2]
    assert [row["images_per_second"] for row in rows] == [4, 4, 4]


def test_a_row_comes_with_the_rate_that_was_noted(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny("gan"), store)
    ticks = ticks_of(training)
    noted = [row["images_per_second"] for row in training.run.rows("timing")]
    assert [tick.rate for tick in ticks if tick.row] == noted
    assert all(tick.rate is None for tick in ticks if not tick.row)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_poisons_no_checkpoint(
    family: str, bad: float, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny(family, **{"every.log": 100}), store)
    update = training.objective.update

    def poisoned(batch: Any, step: int, optimize: Any) -> dict[str, Tensor]:
        values = update(batch, step, optimize)
        return values if step < 4 else {name: value * bad for name, value in values.items()}

    training.objective.update = poisoned  # type: ignore[method-assign]
    with pytest.raises(Diverged, match="stopped being finite at step 4"):
        ticks_of(training)
    assert list(training.run.checkpoints()) == [3]


def test_a_weight_that_is_not_finite_is_never_saved(
    family: str, tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny(family), store)
    name, weight = next(iter(training.objective.networks.named_parameters()))

    def poison(step: int) -> None:
        if step == 5:
            weight.data.fill_(float("nan"))
            training.objective.update = lambda *_: {"loss/total": torch.tensor(0.0)}  # type: ignore[method-assign]

    with pytest.raises(Diverged, match=name):
        ticks_of(training, meddle=poison)
    assert list(training.run.checkpoints()) == [3]


def test_an_optimizer_state_that_is_not_finite_is_never_saved(
    tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining
) -> None:
    training = make_training(tiny("gan"), store)

    def poison(step: int) -> None:
        if step == 5:  # as a gradient of 1e20 does: this weight never moves again, and no loss shows it
            next(iter(training.optimize.optimizers["generator"].state.values()))["exp_avg_sq"].fill_(float("inf"))

    with pytest.raises(Diverged):
        ticks_of(training, meddle=poison)
    assert list(training.run.checkpoints()) == [3]


def test_a_huge_learning_rate_is_caught(tiny: MakeRecipe, store: ImageStore, make_training: MakeTraining) -> None:
    training = make_training(tiny("vae", **{"optimizer.lr": 1e30, "every.checkpoint": 1, "every.log": 1}), store)
    with pytest.raises(Diverged, match=r"stopped being finite (at|before) step \d"):
        ticks_of(training)


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


class Pair(Devices):
    """Two processes whose numbers are equal."""

    def __init__(self) -> None:
        super().__init__("cpu", "float32")
        self.world = 2

    def highest(self, *numbers: int) -> tuple[int, ...]:
        return numbers

    def sums(self, numbers: list[float]) -> list[float]:
        return [2 * number for number in numbers]


def test_a_meter_goes_on_with_another_number_of_processes() -> None:
    both, alone = Meter(Pair()), Meter(ALONE)
    for step in range(3):
        both.add({"loss/total": tensor(5.0)}, step)
    alone.load(both.state())
    alone.add({"loss/total": tensor(5.0)}, 3)
    assert alone.flush() == both.flush() == {"loss/total": 5.0}


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
