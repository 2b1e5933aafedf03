"""Several processes as one training: what the first tells the others, and how those go along with it."""

import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from simulacra.data.order import Order
from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Crew, Devices
from simulacra.engine.loop import Training
from simulacra.errors import DataError, RecipeError, SimulacraError
from simulacra.recipe import Recipe
from simulacra.workflow.driving import follow
from simulacra.workflow.stopping import stop_requests


@dataclass(frozen=True)
class Plan:
    """What the first process tells the others: the resolved recipe, which data, which numbers, and in which order."""

    recipe: Recipe
    fingerprint: str
    precision: str
    order: Order


def check_share(recipe: Recipe, crew: Crew) -> None:
    """Refuses a batch of which the processes cannot have equal shares.

    Raises:
        RecipeError: they cannot.
    """
    if extra := recipe.data.batch % crew.world:
        raise RecipeError(
            f"data.batch = {recipe.data.batch} cannot be shared equally by {crew.world} processes; "
            f"set data.batch={recipe.data.batch - extra + crew.world}"
        )


def train_along(
    opened: Callable[[], ImageStore], begin: Callable[[Recipe, ImageStore, Order, Devices], Training], devices: Devices
) -> NoReturn:
    """All that a process does which is not the first: it trains its share, and leaves the rest to the first.

    Args:
        opened: opens the data, of which every machine has its own copy.
        begin: all parts of the training, with a run folder that this process does not write.
        devices: where the first process has been met, which by then has seen that all is well on its side.
    """
    warnings.simplefilter("ignore")  # the first process gives the same ones
    plan: Plan | None = devices.share(None)
    if plan is None:
        sys.exit(0)
    try:
        store = hold_out(_open_alike(plan, opened, devices), plan.recipe.data.holdout, plan.recipe.seed)
        training = begin(plan.recipe, store, plan.order, devices)
        with stop_requests() as request:
            follow(training, request)
    except SimulacraError:
        devices.share(None)  # the first process tells of it, and until that has left, nobody may
    sys.exit(0)


def _open_alike(plan: Plan, opened: Callable[[], ImageStore], devices: Devices) -> ImageStore:
    """This process's data; where it cannot do as the first one does, all of them end.

    Raises:
        RunError: some process cannot.
    """
    trouble = None
    try:
        store = opened()
        if store.fingerprint != plan.fingerprint:
            raise DataError(f"{store.path} holds other data than the first process has; give every machine the same")
        if devices.precision != plan.precision:
            found = f"precision is {devices.precision} here and {plan.precision} in the first process"
            raise RecipeError(f"{found}; --set precision=float32")
    except SimulacraError as error:
        trouble = f"process {devices.rank} on {platform.node()}: {error}"
    devices.agree(trouble)
    return store
