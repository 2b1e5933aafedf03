"""The loop: counts steps, restores, logs, saves and yields. It knows nothing of pictures, metrics or progress bars."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from simulacra.data.batches import SHUFFLED, Batches, Order
from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import fitting, freeze, read_checkpoint, to_bytes, to_go_on_from, transfer
from simulacra.engine.devices import Devices, feed, synchronize
from simulacra.engine.optimizers import EMA, Optimizers
from simulacra.errors import Diverged
from simulacra.objectives import Objective
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import Draw, as_process, torch_seed

State = dict[str, tuple[float, int]]


class Meter:
    """A sum and a count per name, kept on the device until a row is due.

    Args:
        devices: the processes over which a row is a mean.
    """

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.bad: Tensor | None = None  # the first step with a number that is not finite, or -1

    def add(self, values: dict[str, Tensor], step: int) -> None:
        """Takes the scalars of one update."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach().to(self.devices.wide)
            self.counts[name] = self.counts.get(name, 0) + self.devices.world
        finite = torch.stack([value.detach().float() for value in values.values()]).isfinite().all()
        bad = torch.where(finite, -1, step)
        self.bad = bad if self.bad is None else torch.where(self.bad < 0, bad, self.bad)

    def totals(self) -> dict[str, float]:
        """The sums over all processes."""
        return dict(zip(self.sums, self.devices.sums([float(total) for total in self.sums.values()]), strict=True))

    def check(self) -> None:
        """Raises Diverged, with the step, if any number since the last flush was not finite."""
        (step,) = self.devices.highest(-1 if self.bad is None else int(self.bad))
        if step >= 0:
            names = [name for name, total in self.totals().items() if not isfinite(total)]
            raise Diverged(f"{', '.join(names)} stopped being finite at step {step}")

    def flush(self) -> dict[str, float]:
        """The means since the last flush, by name. Raises Diverged: one of them is not finite."""
        self.check()
        means = {name: total / self.counts[name] for name, total in self.totals().items()}
        self.sums, self.counts, self.bad = {}, {}, None
        return means

    def state(self) -> State:
        """What a checkpoint keeps, so that a run that is saved between two rows still writes the same rows.

        Sums and counts are those of all processes, so another number of them may go on.
        """
        return {name: (total, self.counts[name]) for name, total in self.totals().items()}

    def load(self, state: State) -> None:
        """Takes up a state from a checkpoint; the first process continues its sums, those of all processes."""
        share = 0 if self.devices.rank else 1
        self.sums = {name: torch.tensor(share * total, dtype=self.devices.wide) for name, (total, _) in state.items()}
        self.counts = {name: count for name, (_, count) in state.items()}


@dataclass
class Training:
    """All parts of one training.

    Attributes:
        start: the step of the checkpoint that was taken up, or 0.
        transferred: what weights came from another run, if the recipe names one and this run is new.
    """

    recipe: Recipe
    run: RunFolder
    objective: Objective
    batches: Batches
    devices: Devices
    optimize: Optimizers
    ema: EMA
    meter: Meter
    start: int = 0
    transferred: dict[str, Any] | None = None

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint holds. It needs no state of random numbers, which follow from the step."""
        return {
            "step": step,
            "networks": self.objective.networks.state_dict(),
            "optimizers": self.optimize.state(),
            "ema": self.ema.weights,
            "meter": self.meter.state(),
        }


@dataclass(frozen=True)
class Tick:
    """The state of a training after an update.

    Attributes:
        step: updates done.
        row: the row of means that was just logged, if any.
        rate: images per second since the last rate, where a row is written at this step.
        saved: whether this state is on disk.
        milestone: whether a snapshot is due: the state was restored or saved, or an epoch of `every.epochs` is full.
    """

    step: int
    row: dict[str, float] | None
    rate: float | None
    saved: bool
    milestone: bool


def assemble(
    recipe: Recipe, run: RunFolder, objective: Objective, store: ImageStore, devices: Devices, order: Order = SHUFFLED
) -> Training:
    """Puts a training together and takes up the newest checkpoint of its run; without one, weights of another run.

    Only the first process reads a checkpoint, and hands it on.

    Args:
        recipe: resolved, so that it fits the store.
        run: the run folder; rows of steps after the checkpoint are dropped from it.
        objective: with its first weights; it changes in place.
        store: the images.
        devices: where to train.
        order: in which the images of an epoch come.

    Raises:
        SimulacraError: a checkpoint is damaged or does not fit the recipe, or the run to start from cannot be used.
    """
    batches = Batches(
        store,
        batch=recipe.data.batch,
        seed=recipe.seed,
        flip=recipe.data.flip,
        labels=tuple(recipe.data.labels),
        order=order,
        rank=devices.rank,
        world=devices.world,
    )
    devices.move(objective.networks)
    if recipe.sync_batch_norm and devices.world > 1:
        synchronize(objective.networks, devices)
    first, transferred = devices.rank == 0, None
    newest = to_go_on_from(run, recipe) if first else None
    state = devices.share(read_checkpoint(newest) if newest else None)
    if recipe.start:
        transferred = transfer(objective, recipe.start) if first and not state else None
        freeze(objective, recipe.start.frozen)
        # From the processor: a tensor of a GPU would be unpickled on the first process's GPU by all of them.
        weights = {name: value.cpu() for name, value in objective.networks.state_dict().items()}
        objective.networks.load_state_dict(devices.share(weights))
    optimizers = Optimizers(objective, recipe.optimizer, devices)
    ema = EMA(objective, recipe.ema)
    meter = Meter(devices)
    training = Training(recipe, run, objective, batches, devices, optimizers, ema, meter, transferred=transferred)
    if state:
        training.start = state["step"]
        with fitting(run.path / "checkpoints" / f"step-{training.start:08d}.pt", run):
            objective.networks.load_state_dict(state["networks"])
            training.optimize.load(state["optimizers"])
            ema.load(state["ema"])
            training.meter.load(state["meter"])
    run.rewind(training.start)
    return training


def train(training: Training, until: Callable[[], bool] = lambda: False) -> Iterator[Tick]:
    """Trains to the recipe's last step, yielding after each one.

    Args:
        training: the assembled parts; its objective changes in place.
        until: called before each update; once it returns true, the state is saved and the training ends.

    Raises:
        Diverged: a loss or a weight is not finite; no such state is saved.
    """
    recipe, run, meter, batches = training.recipe, training.run, training.meter, training.batches
    devices, fed = training.devices, feed(batches, training.devices.device)
    milestones = {-(-epoch * batches.count // batches.batch) for epoch in recipe.every.epochs}
    clock, since = time.perf_counter(), training.start
    for step in range(training.start, recipe.steps + 1):
        row, rate, last, new = None, None, step == recipe.steps or until(), step > training.start
        if new and step % recipe.every.log == 0:
            images = step * batches.batch
            row = {"step": step, "epoch": images / batches.count, "images": images} | meter.flush()
            run.append("metrics", row)
        if row or (last and new):
            seconds, clock = time.perf_counter() - clock, time.perf_counter()
            rate = (step - since) * batches.batch / seconds
            run.append("timing", {"step": step, "seconds": seconds, "images_per_second": rate})
            since = step
        saved = new and (last or step % recipe.every.checkpoint == 0)
        if saved:
            meter.check()
            run.write_checkpoint(step, to_bytes(training.state(step)), recipe.every.keep)
        paused = time.perf_counter()
        yield Tick(step, row, rate, saved or 0 < step == training.start, saved or not new or step in milestones)
        clock += time.perf_counter() - paused  # what the caller does between two updates is no part of training
        if last:
            return
        training.optimize.at(step, recipe.steps)
        devices.seed(torch_seed(recipe.seed, 0, Draw.UPDATE, step))
        with devices.autocast(), as_process(devices.rank, devices.world):
            values = training.objective.update(fed(step), step, training.optimize)
        training.ema.update(step)
        meter.add(values | training.optimize.norms, step)
