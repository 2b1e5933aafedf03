"""A training in several processes: the first one trains as if it were alone, and the others train along.

Each process takes its share of every batch. The first one alone opens the run folder, shows, measures and writes; what
the others have to know about the run folder, they get from the first one.
"""

import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from simulacra.data.batches import Order
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Crew, Devices, ending_with_first, share_cores
from simulacra.engine.loop import assemble
from simulacra.engine.loop import train as updates
from simulacra.errors import DataError, RecipeError, SimulacraError
from simulacra.objectives import build, check
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.verbs.drive import is_over, stop_requests
from simulacra.verbs.prepare import Job, open_data

T = TypeVar("T")
OpenDevices = Callable[[Recipe, ImageStore, Order], Devices]


@dataclass(frozen=True)
class Plan:
    """What the first process sends to the others: resolved recipe, fingerprint of the data, precision and order."""

    recipe: Recipe
    fingerprint: str
    precision: str
    order: Order


def run(train: Callable[[Job, OpenDevices], T], job: Job, devices: int) -> T:
    """Trains in this process, together with others if there are several.

    Args:
        train: the whole training. It calls its second argument once, when all is ready for the first update, and gets
            the devices to train on; it need not, if there is nothing left to train.
        job: what to train.
        devices: processes on this machine, which this one starts; torchrun's, where it has started this one.

    Raises:
        RecipeError: the batch cannot be shared equally, or torchrun has started another number of processes.
        SystemExit: this is not the first process of several: only the first one comes back.
    """
    crew = Crew.of(devices)
    if extra := job.recipe.data.batch % crew.world:
        raise RecipeError(
            f"data.batch = {job.recipe.data.batch} cannot be shared equally by {crew.world} processes; "
            f"set data.batch={job.recipe.data.batch - extra + crew.world}"
        )
    if crew.world == 1:
        share_cores(crew)
    else:
        check(job.recipe, crew.world)
    if crew.rank:
        with ending_with_first(crew):
            train_along(job, crew)
    opened = []

    def open_devices(recipe: Recipe, store: ImageStore, order: Order) -> Devices:
        together = Devices(job.device, recipe.precision, crew)
        opened.append(together.share(Plan(recipe, store.fingerprint, together.precision, order)))
        together.agree(None)
        return together

    ended = train(job, open_devices)
    if crew.started and not opened:  # the other processes wait to hear that there is nothing to do
        Devices(job.device, job.recipe.precision, crew).share(None)
    return ended


def train_along(job: Job, crew: Crew) -> NoReturn:
    """All that a process does which is not the first: it computes its share of each update."""
    warnings.simplefilter("ignore")  # the first process gives the same ones
    devices = Devices(job.device, job.recipe.precision, crew)
    plan: Plan | None = devices.share(None)
    if plan is None:
        sys.exit(0)
    try:
        store = _open_same_data(job, plan, devices)
        run = RunFolder(job.out, writes=False)
        training = assemble(plan.recipe, run, build(plan.recipe), store, devices, plan.order)
        with stop_requests() as request:
            for _ in updates(training, lambda: is_over(devices, request, spent=False)):
                pass
    except SimulacraError:
        devices.share(None)  # the first process says so, and no process may leave before it has
    sys.exit(0)


def _open_same_data(job: Job, plan: Plan, devices: Devices) -> ImageStore:
    """The data of this process; every machine has its own copy. A process that lacks it ends all of them.

    Raises:
        RunError: some process has other data or another precision than the first one.
    """
    problem = None
    try:
        store = open_data(plan.recipe, job.data)
        if store.fingerprint != plan.fingerprint:
            raise DataError(f"{store.path} holds other data than the first process has; give every machine the same")
        if devices.precision != plan.precision:
            here = f"precision is {devices.precision} here and {plan.precision} in the first process"
            raise RecipeError(f"{here}; --set precision=float32")
    except SimulacraError as error:
        problem = f"process {devices.rank} on {platform.node()}: {error}"
    devices.agree(problem)
    return store
