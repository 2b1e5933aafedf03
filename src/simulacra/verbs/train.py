"""The verb `train`: recipe and data to a run folder with a report, in one process or in several."""

import platform
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from simulacra.data.batches import Batches, Order, choose
from simulacra.data.sources import Options
from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore
from simulacra.diagnosis import note_findings
from simulacra.engine.devices import Crew, Devices
from simulacra.engine.loop import Training, assemble
from simulacra.errors import DataError, RecipeError, RunError, SimulacraError, Stopped
from simulacra.evaluation.metrics.held_out import require_valid
from simulacra.evaluation.subject import Subject
from simulacra.files import to_npy
from simulacra.objectives import build
from simulacra.progress import Live
from simulacra.recipe import Recipe, to_table
from simulacra.report import write_report
from simulacra.runs import RunFolder
from simulacra.verbs.drive import conclude, drive, follow, how_far, stop_requests
from simulacra.verbs.prepare import (
    check_folders,
    check_recipe,
    conditions,
    facts_of_run,
    fit,
    open_data,
    require_memory,
)

BEGUN = (".lock", "recipe.toml", ".*.aside")  # all there is if a kill comes early
NEEDED = ("state", "started", "step", "images_seen", "seconds", "data")  # of run.json, to go on
EXTENSIBLE = ("steps", "minutes")  # keys that may differ when a run is gone on with


@dataclass(frozen=True)
class Finished:
    """How a training ended.

    Attributes:
        seconds: spent in training, over all sessions of the run; looks, figures and report not counted.
    """

    run: Path
    step: int
    images_seen: int
    seconds: float


def train(
    recipe: Recipe,
    data: str | None,
    out: Path,
    *,
    name: str = "",
    epochs: float | None = None,
    options: Options | None = None,
    cache: Path | None = None,
    follow: bool = False,
    device: str = "auto",
    devices: int = 1,
    report: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Finished:
    """Trains a recipe on data into a run folder, going on from the newest checkpoint if there is one.

    Args:
        recipe: what to train.
        data: a packed store, a known name or a source's path; the recipe's own data set by default.
        out: the run folder.
        name: what the recipe is called, for the record.
        epochs: length in passes over the training images, instead of the recipe's steps.
        options: how pictures are read that are not packed yet; size and channels are the recipe's.
        cache: the folder of packed stores; the user's cache folder by default.
        follow: takes a packed store of another size than the recipe's, unless published counts hang on that.
        device: auto, cpu, cuda or mps.
        devices: processes on this machine, which this one starts; torchrun's, where it has started this one.
        report: whether report.html is written at the end.
        say: told, in one line each, what a person should know.

    Raises:
        SimulacraError: the recipe, the data or the run folder cannot be used, or the training diverged.
        Stopped: a signal came; the state was saved.
        SystemExit: this is not the first process of several, which alone comes back.
    """
    crew = Crew.of(devices)
    check_share(recipe, crew)
    check_recipe(recipe)
    opened = partial(open_data, recipe, data, options=options, cache=cache, follow=follow)
    if crew.rank:
        begin = partial(_begin, RunFolder(out, writes=False), name=name)
        train_along(opened, begin, Devices(device, recipe.precision, crew))
    run = RunFolder(out)
    check_folders(recipe, run)
    with Live("packing") as packing:
        store = opened(progress=packing.count, say=say)
    store = hold_out(store, recipe.data.holdout, recipe.seed)
    recipe = fit(recipe, store, epochs)
    require_memory(recipe)  # of all its labels and the data's size
    if recipe.every.score:
        require_valid(len(store.rows("valid")), store.path)
    with _alone(run):
        finished = _check_folder(run, recipe, store)
        order = Order() if finished else _order(run, recipe, store, say)
        if crew.started or not finished:  # torchrun's others wait to be told, also that there is nothing to do
            together = Devices(device, recipe.precision, crew)
            together.share(None if finished else Plan(recipe, store.fingerprint, together.precision, order))
        if finished:
            say(f"{out} is finished: step {finished.step:,}; give more --steps to go on, or another --out")
            return finished
        together.agree(None)
        before = run.read_facts().get("precision") if run.exists() else None
        training = _begin(run, recipe, store, order, together, name)
        if training.start:
            say(f"{out}: going on from step {training.start:,}")
            if before != together.precision:
                say(f"{out}: in {before} so far, from here on in {together.precision}, as this machine has it")
        _carry_out(training, store, say, report)
    return _finished(run)


@contextmanager
def _alone(run: RunFolder) -> Iterator[None]:
    """Keeps other processes out of the folder, which goes again where it was made for a training that was refused."""
    fresh = not run.path.exists()
    with run.lock():
        try:
            yield
        finally:
            if fresh and [path.name for path in run.path.iterdir()] == [".lock"]:
                with suppress(OSError):
                    (run.path / ".lock").unlink()
                    run.path.rmdir()


def _carry_out(training: Training, store: ImageStore, say: Callable[[str], None], report: bool) -> None:
    """Trains, looks and concludes.

    Raises:
        Stopped: a signal came; the state was saved.
        Diverged: with advice.
    """
    run, recipe = training.run, training.recipe
    subject = Subject(training.objective, recipe, conditions(recipe, store), store)
    with stop_requests() as request:
        tick = drive(training, subject, request)
        if request.signal is not None and tick.step < recipe.steps:
            run.write_facts({"state": "stopped"})
            raise Stopped(request.signal, f"stopped at step {tick.step:,}, saved; go on with: {_command()}")
    say("measuring and drawing")
    conclude(training, subject, tick.step)
    run.write_facts({"state": "finished"})
    note_findings(run, say)
    if report:
        write_report([run])


def _check_folder(run: RunFolder, recipe: Recipe, store: ImageStore) -> Finished | None:
    """How the run in the folder ended, if it is the very one asked for and has ended.

    Raises:
        RunError: the folder holds a run of another recipe or of other data, or something else.
    """
    if not run.exists():
        strangers = [path.name for path in run.path.iterdir() if not any(map(path.match, BEGUN))]
        if strangers:
            raise RunError(f"{run.path} is not empty and holds no run (it has {strangers[0]}); give another --out")
        return None
    old, new = to_table(run.read_recipe()), to_table(recipe)
    for key in EXTENSIBLE:
        if key != "steps" or not recipe.falls:
            old.pop(key, None), new.pop(key, None)
    if old != new:
        differs = ", ".join(sorted(_differences(old, new)))
        if differs == "steps":
            differs += ", towards which its learning rate falls"
        raise RunError(f"{run.path} holds a run of another recipe (it differs in {differs}); give another --out")
    facts = run.read_facts()
    if missing := [key for key in NEEDED if key not in facts]:
        raise RunError(f"{run.path}/run.json is damaged (it tells no {missing[0]}); train again into another folder")
    if facts["data"].get("fingerprint") != store.fingerprint:
        place = facts["data"].get("path")
        raise RunError(f"{run.path} was trained on other data ({place}); give that, or another --out")
    reached = max(run.checkpoints(), default=0)
    if reached > recipe.steps:
        raise RunError(f"{run.path} has come to step {reached:,} already, beyond --steps {recipe.steps:,}; give more")
    same = run.read_recipe().minutes == recipe.minutes and run.read_recipe().steps == recipe.steps
    return _finished(run) if facts["state"] == "finished" and same else None


def _order(run: RunFolder, recipe: Recipe, store: ImageStore, say: Callable[[str], None]) -> Order:
    """In which order images come, decided once: the run may go on where there is more memory, or less."""
    order = Order.of_facts(run.read_facts()["data"]) if run.exists() else choose(recipe.data.order, store)
    if order.block:
        say(f"images are block-shuffled, {order.window:,} at a time, so that the disk is read in long pieces")
    return order


def _begin(run: RunFolder, recipe: Recipe, store: ImageStore, order: Order, devices: Devices, name: str) -> Training:
    """All parts of the training; the run folder says what it is about to hold."""
    objective = build(recipe)
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
    facts: dict[str, Any] = facts_of_run(objective, store, devices)
    facts["data"] |= order.facts
    if run.exists():
        facts["started"] = run.read_facts()["started"]
    facts |= {"family": recipe.objective.family, "recipe_name": name, "command": _command(), "state": "running"}
    training = assemble(recipe, run, objective, batches, devices)
    if training.taken:
        facts["start"] = training.taken
    if run.exists():  # first, so that one killed between the two files is never finished at the new recipe's length
        run.write_facts({"state": "running"})
    run.write_recipe(recipe)
    run.write_facts(facts | how_far(training, training.start))
    if (rows := conditions(recipe, store)) is not None:
        run.write("conditions.npy", to_npy(rows))
    return training


def _finished(run: RunFolder) -> Finished:
    facts = run.read_facts()
    return Finished(run.path, facts["step"], facts["images_seen"], facts["seconds"])


def _differences(old: dict[str, Any], new: dict[str, Any], above: str = "") -> set[str]:
    """Dotted keys whose values differ."""
    found = set()
    for key in old.keys() | new.keys():
        one, two = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            found |= _differences(one, two, f"{above}{key}.")
        elif one != two:
            found.add(above + key)
    return found


def _command() -> str:
    """The command line of this process, as one would type it again."""
    return shlex.join(["simulacra", *sys.argv[1:]])


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
