"""Clocks: what one step of a training takes, and what the machine could do in that time."""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import ceil, lcm

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from simulacra.data.batches import Batch
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, train
from simulacra.engine.products import Products
from simulacra.live import Live
from simulacra.objectives import Optimize
from simulacra.recipe import Recipe
from simulacra.workflow.driving import show

SIDE = 1024  # of the square matrices whose product tells what the machine can do
LEAST = 3  # steps that are measured, however short the time
LOG = 5  # steps between two rows while it is measured: few enough that some are there, their cost is told apart
# Settings of the families by which only every n-th update does something: times differ in turn, and so does the work.
EVERY = ("discriminator_steps", "critic_steps", "penalty_every")


def round_of(recipe: Recipe) -> int:
    """After how many updates their work repeats itself."""
    return lcm(*(getattr(recipe.objective, key, 1) for key in EVERY))


@dataclass(frozen=True)
class Times:
    """Of one step: seconds of its update, seconds of all else, products in FLOP; and how many steps were measured."""

    update: float
    outside: float
    flops: float
    steps: int


@dataclass
class Watch:
    """Stands in for an update: times each one, and counts the products of the first few.

    Attributes:
        warm: how many first updates warm the machine up; they are counted and not timed.
        seconds: of each update.
        flops: of the first `warm` updates together.
    """

    update: Callable[[Batch, int, Optimize], dict[str, Tensor]]
    device: torch.device
    warm: int
    seconds: list[float] = field(default_factory=list)
    flops: int = 0

    def __call__(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """The update itself."""
        products = Products()
        wait_for(self.device)
        begin = time.perf_counter()
        with products if step < self.warm else nullcontext():
            values = self.update(batch, step, optimize)
        wait_for(self.device)
        self.seconds.append(time.perf_counter() - begin)
        self.flops += products.flops
        return values


def clock(training: Training, seconds: float, name: str) -> Times:
    """Trains for so many seconds, and LEAST updates after those that warm up, in whole rounds."""
    end, recipe = time.perf_counter() + seconds, training.recipe
    turn = round_of(recipe)
    warm, least = ceil(2 / turn) * turn, ceil(LEAST / turn) * turn
    every = recipe.every.model_copy(update={"log": LOG, "checkpoint": sys.maxsize})
    training.recipe = recipe.model_copy(update={"steps": max(recipe.steps, warm + least), "every": every})
    watch = Watch(training.objective.update, training.devices.device, warm)
    training.objective.update = watch  # type: ignore[method-assign]  # the loop has no other place to look in from
    plain: list[float] = []
    rows: list[float] = []
    saved = 0.0

    def over() -> bool:
        return len(watch.seconds) >= warm + least and time.perf_counter() >= end

    with Live(f"bench {name}") as live, SummaryWriter(str(training.run.path / "tensorboard")) as board:
        before = time.perf_counter()
        for tick in train(training, over):
            done = max(0.0, min(1 - (end - time.perf_counter()) / seconds, tick.step / (warm + least)))
            show(live, board, training, tick, done)
            now = time.perf_counter()
            if tick.saved:
                saved = now - before - watch.seconds[-1]
            elif tick.step > warm:
                (rows if tick.row else plain).append(now - before - watch.seconds[-1])
            before = now
    measured = watch.seconds[warm:]
    each = statistics.median(plain)
    more = {recipe.every.log: statistics.median(rows or plain), recipe.every.checkpoint: saved}
    outside = each + sum(max(0.0, cost - each) / rhythm for rhythm, cost in more.items())
    update = statistics.mean(statistics.median(measured[place::turn]) for place in range(turn))
    return Times(update, outside, watch.flops / warm, len(measured))


def matrix_rate(devices: Devices, seconds: float) -> float:
    """FLOP a second of a product of two square matrices, in the precision of the devices."""
    dtype = torch.bfloat16 if devices.precision == "bfloat16" else torch.float32
    one, two = (torch.rand(SIDE, SIDE, device=devices.device).to(dtype) for _ in range(2))
    for _ in range(3):
        one @ two
    wait_for(devices.device)
    begin, count = time.perf_counter(), 0
    while not count or time.perf_counter() - begin < seconds:
        one @ two
        wait_for(devices.device)
        count += 1
    return 2 * SIDE**3 * count / (time.perf_counter() - begin)


def wait_for(device: torch.device) -> None:
    """Returns once a device has done all that it was told."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
