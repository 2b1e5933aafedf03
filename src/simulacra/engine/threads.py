"""How many threads a training uses: chosen by a short trial where it begins, and kept where it goes on.

Threads of one update wait for each other. Where another program takes a core, every update waits for the thread that
lost its core, and one thread may be faster than all of them. Sums depend on how they are divided among threads, so a
run keeps the number with which it began: with another one, the last digits of its numbers would differ.
"""

import os
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch

from simulacra.data.batches import Batch, Batches
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Devices
from simulacra.engine.optimizers import Optimizers
from simulacra.files import BUSY, busy_seconds, cores
from simulacra.objectives import Objective
from simulacra.recipe import Recipe

LONGEST, SHARE = 3.0, 0.01  # a trial takes at most so many seconds, and at most this share of the training
SHORTEST = 0.3  # seconds; a trial that may not take as long says nothing
FEWEST = 8  # images of an update in a trial, so that batch norm has a batch
GAIN = 1.15  # how much faster fewer threads must be to be chosen


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Attributes:
        rates: number of threads -> images per second, in a short trial; empty where none was made.
        others: share of the cores that other programs used meanwhile, in [0, 1]; None where it is not known.
    """

    rates: dict[int, float] = field(default_factory=dict)
    others: float | None = None

    @property
    def best(self) -> int | None:
        """The number of threads to train with: the most, unless fewer are much faster; None without a trial."""
        if not self.rates:
            return None
        most, fastest = max(self.rates), max(self.rates, key=self.rates.__getitem__)
        return fastest if self.rates[fastest] > GAIN * self.rates[most] else most


def choose_threads(
    recipe: Recipe,
    objective: Objective,
    store: ImageStore,
    devices: Devices,
    *,
    given: int | None,
    before: int | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Sets the number of torch's threads for a training; several processes and GPUs keep what they have.

    Args:
        recipe: resolved.
        objective: not changed: the trial has a copy.
        store: the images.
        devices: where to train.
        given: threads that the user asked for; OMP_NUM_THREADS asks too, and torch has obeyed it.
        before: threads with which the run has trained so far, if it goes on.
        say: takes a line where the number is not what the user would expect, or the machine is busy.

    Returns:
        What run.json keeps of a trial, if there was one.
    """
    if devices.world > 1 or devices.device.type != "cpu":
        return {}
    if given:
        torch.set_num_threads(given)
    elif "OMP_NUM_THREADS" not in os.environ and before:
        torch.set_num_threads(min(before, cores()))
    elif "OMP_NUM_THREADS" not in os.environ:
        trial = try_threads(recipe, objective, store, devices)
        torch.set_num_threads(trial.best or torch.get_num_threads())
        if line := _line(trial):
            say(line)
        return {"thread_trial": {str(count): round(rate, 1) for count, rate in trial.rates.items()}}
    if before not in (None, now := torch.get_num_threads()):
        say(f"with {threads_in_words(before)} so far, from here on with {now}: the last digits of numbers may differ")
    return {}


def try_threads(recipe: Recipe, objective: Objective, store: ImageStore, devices: Devices) -> Trial:
    """Times some updates of a copy with one thread, with half of torch's threads and with all of them, in turns."""
    most = torch.get_num_threads()
    counts = sorted({1, max(1, most // 2), most})
    if len(counts) == 1:
        return Trial()
    labels = tuple(recipe.data.labels)
    batch = Batches(store, batch=recipe.data.batch, seed=recipe.seed, flip=False, labels=labels)[0]
    with torch.random.fork_rng(devices=[]):
        copy = deepcopy(objective)
        devices.move(copy.networks)
        optimize = Optimizers(copy, recipe.optimizer, devices)

        def seconds(count: int, images: int) -> float:
            torch.set_num_threads(count)
            begin = time.perf_counter()
            with devices.autocast():
                copy.update(Batch(batch.images[:images], batch.labels[:images]), 0, optimize)
            return time.perf_counter() - begin

        try:
            return _in_turns(seconds, counts, recipe)
        finally:
            torch.set_num_threads(most)


def _in_turns(seconds: Callable[[int, int], float], counts: list[int], recipe: Recipe) -> Trial:
    """A trial with a function that gives the seconds of one update by number of threads and of images."""
    begin, busy, own = time.perf_counter(), busy_seconds(), time.process_time()
    whole, few = recipe.data.batch, min(FEWEST, recipe.data.batch)
    seconds(1, few)  # takes memory and chooses kernels
    each = seconds(1, few) / few
    planned = min(recipe.steps * whole * each, 60 * (recipe.minutes or float("inf")))
    allowed = min(LONGEST, SHARE * planned)
    if allowed < SHORTEST:
        return Trial()
    images = max(few, min(whole, int(allowed / (4 * len(counts) * each))))
    for count in counts:
        seconds(count, images)
    spent = dict.fromkeys(counts, 0.0)
    rounds = 0
    while not rounds or time.perf_counter() - begin < allowed * rounds / (rounds + 1):  # another round ends in time
        for count in counts:
            spent[count] += seconds(count, images)
        rounds += 1
    others = None
    if busy is not None and (now := busy_seconds()) is not None:
        used = now - busy - (time.process_time() - own)
        others = min(1.0, max(0.0, used / (time.perf_counter() - begin) / cores()))
    return Trial({count: rounds * images / time_ for count, time_ in spent.items()}, others)


def _line(trial: Trial) -> str:
    """What a user should know of a trial, or nothing."""
    busy = trial.others is not None and trial.others > BUSY
    programs = f"other programs use {trial.others:.0%} of the cores" if busy else ""
    best, most = trial.best, max(trial.rates, default=None)
    if best is None or most is None:
        return ""
    if best == most:
        return f"{programs}: the training is slower than it could be; end them, or train later" if busy else ""
    speeds = f"{trial.rates[best]:,.0f} images per second with {threads_in_words(best)}"
    speeds += f", {trial.rates[most]:,.0f} with {most}"
    end = "; end them for more speed" if busy else ""
    return f"{programs or 'in a short trial'}: {speeds}; training with {best} (--threads {most} takes all){end}"


def threads_in_words(count: int | None) -> str:
    """So many threads, in words."""
    return "1 thread" if count == 1 else f"{count} threads"
