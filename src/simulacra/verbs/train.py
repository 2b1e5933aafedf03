"""The verb `train`: recipe and data to a run folder with a report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulacra.data.batches import Order, choose
from simulacra.data.sources import KNOWN, Options, read_options
from simulacra.engine.loop import Training, assemble
from simulacra.engine.threads import choose_threads
from simulacra.errors import RecipeError, RunError
from simulacra.evaluation.subject import Subject
from simulacra.files import expand, to_npy
from simulacra.recipe import Changes, Recipe, load, read_changes, to_table
from simulacra.runs import RunFolder
from simulacra.settings.training import SourceSettings
from simulacra.verbs import processes
from simulacra.verbs.drive import conclude, drive, how_far
from simulacra.verbs.prepare import Data, Job, Prepared, check_first, conditions, facts_of_run, prepare

LEFT_BY_A_KILL = (".lock", "recipe.toml", ".*.aside")  # what a training that was killed early leaves behind
NEEDED = ("state", "started", "step", "images_seen", "seconds", "data")  # facts of a run that can go on
MOST_KEYS = 6  # that differ between two recipes and are still named
EXTENSIBLE = ("steps", "minutes")  # keys of a recipe that may differ when a run goes on


@dataclass(frozen=True)
class Finished:
    """How a training ended.

    Attributes:
        seconds: spent in training, over all sessions of the run; snapshots, figures and report not counted.
    """

    run: Path
    step: int
    images_seen: int
    seconds: float


def train(
    recipe: str | Recipe,
    data: str | None = None,
    out: Path | None = None,
    *,
    changes: Changes = (),
    seed: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    start: str | None = None,
    epochs: float | None = None,
    options: Options | None = None,
    cached: bool = True,
    device: str = "auto",
    devices: int = 1,
    threads: int | None = None,
    report: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Finished:
    """Trains a recipe on data into a run folder, or goes on from its newest checkpoint.

    Args as in `simulacra.train`, and:
        changes: also words like "optimizer.lr=1e-4".
        start: a run whose weights networks of the same names begin with.
        options: what is asked of the source of pictures: a table, a crop, what folders mean.
        cached: packs a source into the user's cache folder; else into the folder `stores` beside the run.
        devices: processes on this machine, which this one starts; torchrun's, where it has started this one.
        threads: of the processor; those of OMP_NUM_THREADS by default, else those with which the run began, else the
            faster number in a short trial.

    Raises:
        SimulacraError: the recipe, the data or the run folder cannot be used, or the training diverged.
        Stopped: a signal came; the state was saved.
        SystemExit: this is not the first process of several: only the first one comes back.
    """
    if steps is not None and epochs is not None:
        raise RecipeError(f"--steps {steps} and --epochs {epochs:g} both set the length; give one of them")
    keys = {"seed": seed, "steps": steps, "minutes": minutes, "start.run": start}
    changed = read_changes(changes) | {key: value for key, value in keys.items() if value is not None}
    name = recipe if isinstance(recipe, str) else ""
    out = out or Path("runs") / (Path(name).stem or "run")
    cache = None if cached else out.parent / "stores"
    settings = load(recipe, changed)
    path, asked = remembered(settings, RunFolder(out)) if data is None else (data, Options())
    source = Data(path, asked.with_others(options), cache, "data.size" not in changed)
    job = Job(with_source(settings, source), name, out, source, epochs, device, report, threads, say)
    return processes.run(carry_out, job, devices)


def remembered(recipe: Recipe, run: RunFolder) -> tuple[str | None, Options]:
    """What the data is where none is named: what the recipe of a run says, or the run that goes on; and its options."""
    source = recipe.data.source
    if source is None and run.exists():
        source = run.read_recipe().data.source
    return (None, Options()) if source is None else (source.path, read_options(**source.options))


def with_source(recipe: Recipe, data: Data) -> Recipe:
    """The recipe with what the user called the data, so that it trains on the same images again, from anywhere."""
    source = None
    if data.path is not None:
        named = data.path in KNOWN and data.options.source in (None, data.path)
        path = data.path if named else str(expand(data.path).absolute())
        source = SourceSettings(path=path, options=data.options.words())
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"source": source})})


def carry_out(job: Job, open_devices: processes.OpenDevices) -> Finished:
    """The whole training, as one process sees it.

    Args:
        job: what to train.
        open_devices: gives the devices, once all is ready for the first update.
    """
    run = RunFolder(job.out)
    check_first(job.recipe, run)
    prepared = prepare(job)
    with run.lock(job.say, "wait for it, or give another --out"), same_threads():
        earlier = read_earlier(run, prepared)
        if earlier and earlier["state"] == "finished":
            job.say(f"{job.out} is {run.in_words()}; {longer(run.read_recipe(), earlier['step'])}")
            return finished(run)
        # Chosen once per run: the run may go on later with more or less memory.
        order = Order.of_facts(earlier["data"]) if earlier else choose(prepared.recipe.data.order, prepared.store)
        if order.block:
            job.say(f"images are block-shuffled, {order.window:,} at a time, so that the disk is read in long pieces")
        devices = open_devices(prepared.recipe, prepared.store, order)
        model, before = prepared.objective, earlier.get("threads", torch.get_num_threads()) if earlier else None
        parts = (prepared.recipe, model, prepared.store, devices)
        trial = choose_threads(*parts, given=job.threads, before=before, say=job.say)
        training = assemble(prepared.recipe, run, model, prepared.store, devices, order)
        labels = conditions(prepared.recipe, prepared.store)
        begin(training, job, earlier, order, labels)
        run.write_facts(trial)
        subject = Subject(training.objective, prepared.recipe, labels, prepared.store)
        step = drive(training, subject)
        job.say("measuring and drawing")
        conclude(training, subject, step, job.say)
        if job.report:
            from simulacra.report import write_report  # it loads matplotlib

            write_report([run])
    return finished(run)


def longer(recipe: Recipe, step: int) -> str:
    """How a run that is finished at a step can train on."""
    if step < recipe.steps:
        return f"the same command with --minutes {2 * (recipe.minutes or 1):g} trains on, or give another --out"
    if recipe.falls:
        return "its learning rate has fallen to 0, so it cannot train on; give another --out"
    return f"the same command with --steps {2 * recipe.steps} trains on, or give another --out"


@contextmanager
def same_threads() -> Iterator[None]:
    """At its end, torch has as many threads as before: a notebook goes on with them."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_earlier(run: RunFolder, prepared: Prepared) -> dict[str, Any] | None:
    """The facts of this training, where it goes on or has finished; None where it has not begun.

    Raises:
        RunError: the folder holds a run of another recipe or of other data, or something else.
    """
    if not run.exists():
        strangers = [path.name for path in run.path.iterdir() if not any(map(path.match, LEFT_BY_A_KILL))]
        if strangers:
            raise RunError(f"{run.path} is not empty and holds no run (it has {strangers[0]}); give another --out")
        return None
    if not run.read_facts().get("step") and not run.checkpoints() and not run.rows("metrics"):
        return None  # it ended before its first update was kept, so nothing is lost where it begins again
    recipe, before = prepared.recipe, run.read_recipe()
    check_same_recipe(run, before, recipe)
    facts = run.read_facts()
    if missing := [key for key in NEEDED if key not in facts]:
        raise RunError(f"{run.path}/run.json is damaged (it has no {missing[0]}); train again into another folder")
    if facts["data"].get("fingerprint") != prepared.store.fingerprint:
        path = facts["data"].get("path")
        raise RunError(f"{run.path} was trained on other data ({path}); give that, or another --out")
    reached = max(run.checkpoints(), default=0)
    if reached > recipe.steps:
        raise RunError(f"{run.path} has come to step {reached:,} already, beyond --steps {recipe.steps:,}; give more")
    longer = (before.minutes, before.steps) != (recipe.minutes, recipe.steps)
    goes_on = longer or run.lacks_rows()
    return facts | ({"state": "running"} if goes_on else {})


def check_same_recipe(run: RunFolder, before: Recipe, now: Recipe) -> None:
    """Raises RunError where the recipes of a run differ in more than its length."""
    old, new = to_table(before), to_table(now)
    old["data"].pop("source", None), new["data"].pop("source", None)  # the data is known by its fingerprint
    old.pop("title"), new.pop("title")  # words for people, which a later version may have changed
    for key in EXTENSIBLE:
        if key != "steps" or not now.falls:
            old.pop(key, None), new.pop(key, None)
    if old != new:
        different = sorted(differing_keys(old, new))
        keys = ", ".join(different)
        if keys == "steps":
            keys += ", towards which its learning rate falls"
        if len(different) > MOST_KEYS:
            name = run.read_facts().get("recipe_name") or before.title
            first = "objective.family" if "objective.family" in different else different[0]
            keys = f"{len(different)} settings, like {first}; its recipe was {name}"
        raise RunError(f"{run.path} holds a run of another recipe (it differs in {keys}); give another --out")


def differing_keys(old: dict[str, Any], new: dict[str, Any], above: str = "") -> set[str]:
    """Dotted keys whose values differ."""
    keys = set()
    for key in old.keys() | new.keys():
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            keys |= differing_keys(before, now, f"{above}{key}.")
        elif before != now:
            keys.add(above + key)
    return keys


def begin(
    training: Training, job: Job, earlier: dict[str, Any] | None, order: Order, labels: NDArray[np.uint8] | None
) -> None:
    """Writes recipe, facts and conditions into the run folder, and says from which step the training goes on."""
    run, recipe, precision = training.run, training.recipe, training.devices.precision
    facts = facts_of_run(recipe, training.batches.store, training.devices)
    facts["data"] |= order.facts
    facts |= {"family": recipe.objective.family, "recipe_name": job.name, "state": "running"}
    if training.transferred:
        facts["start"] = training.transferred
    if earlier:  # first, so that a run killed between the two files does not count as finished
        facts["started"] = earlier["started"]
        run.write_facts({"state": "running"})
    run.write_recipe(recipe)
    run.write_facts(facts | how_far(training, training.start))
    if labels is not None:
        run.write("conditions.npy", to_npy(labels))
    if training.start:
        job.say(f"{job.out}: going on from step {training.start:,}")
        if earlier and (before := earlier.get("precision")) != precision:
            job.say(f"{job.out}: in {before} so far, from here on in {precision}, as this machine has it")


def finished(run: RunFolder) -> Finished:
    """How the run in a folder ended."""
    facts = run.read_facts()
    return Finished(run.path, facts["step"], facts["images_seen"], facts["seconds"])
