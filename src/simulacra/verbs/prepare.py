"""From a recipe and what the user calls the data to all that is made once for a training; and the facts in run.json."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import simulacra
from simulacra.data.resolve import fit, resolve
from simulacra.data.sources import KNOWN, Options
from simulacra.data.splits import hold_out, require_valid, untrained, untrained_line
from simulacra.data.store import SPLITS, ImageStore, is_store
from simulacra.diagnosis.history import SET, describe_set
from simulacra.engine.checkpoints import source
from simulacra.engine.devices import Devices
from simulacra.errors import RecipeError, RunError
from simulacra.evaluation.context import FEWEST
from simulacra.evaluation.metrics.held_out import metric_of
from simulacra.files import expand
from simulacra.objectives import Objective, build, check, outline
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import Draw, choose_rows, stream

Say = Callable[[str], None]
MOST_CONDITIONS = 4096  # label rows that a run keeps


@dataclass(frozen=True)
class Data:
    """Where the images of a training come from.

    Attributes:
        path: a packed store, a known name or the path of a source; the recipe's own data set by default.
        options: what is asked of the source of pictures, apart from their size and channels.
        cache: the folder of packed stores; the user's cache folder by default.
        any_size: takes a packed store of another size than the recipe's, unless published counts hang on the size.
    """

    path: str | None = None
    options: Options = field(default_factory=Options)
    cache: Path | None = None
    any_size: bool = True


@dataclass(frozen=True)
class Job:
    """A training as it was asked for.

    Attributes:
        recipe: with all changes; what depends on the data is still open.
        name: what the recipe is called, for the record.
        out: the run folder.
        data: where its images come from.
        epochs: length in passes over the training images, instead of the recipe's steps.
        device: auto, cpu, cuda or mps.
        report: whether report.html is written at the end.
        threads: of the processor; chosen by a short trial by default.
        say: takes lines that a person should read.
    """

    recipe: Recipe
    name: str
    out: Path
    data: Data
    epochs: float | None
    device: str
    report: bool
    threads: int | None
    say: Say


@dataclass(frozen=True)
class Prepared:
    """What a training is made of, each made once.

    Attributes:
        recipe: resolved: it fits the data, and trains again as it stands.
        store: the images, those that the run holds out in the split "valid".
        objective: its networks have their first weights.
    """

    recipe: Recipe
    store: ImageStore
    objective: Objective


def prepare(job: Job) -> Prepared:
    """Opens the data, packing it first if necessary, and builds the networks. Mistakes are found before packing.

    Raises:
        RecipeError: the networks cannot be built or do not fit into memory, or the data does not fit the recipe.
        DataError: the data cannot be used.
    """
    recipe = job.recipe
    check(recipe)
    store = open_data(recipe, job.data, job.say)
    if (table := job.data.options.labels) and not recipe.objective.labelled:
        family = recipe.objective.family
        job.say(f"the training does not use the labels of {table}: family {family} takes none; measurements use them")
    if recipe.every.score:
        require_valid(store, FEWEST)
    fitted = fit(recipe, store, job.epochs)
    if fitted.data != recipe.data:
        check(fitted)
    return Prepared(fitted, store, build(fitted))


def check_first(recipe: Recipe, run: RunFolder) -> None:
    """Checks what needs neither data nor networks, before minutes of packing.

    Raises:
        RecipeError: the family lacks the metric that chooses checkpoints.
        RunError: the run folder cannot be written, or the run to start from does not exist.
    """
    if recipe.every.score or recipe.every.select:
        metric_of(recipe)
    if recipe.start and not run.checkpoints():  # a run that goes on does not read the other one again
        source(recipe.start)
    nearest = next(path for path in (run.path, *run.path.absolute().parents) if os.access(path, os.F_OK))
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        reason = f"{nearest} may not be written to" if nearest.is_dir() else f"{nearest} is a file"
        raise RunError(f"{run.path} cannot be written ({reason}); give another --out")


def open_data(recipe: Recipe, data: Data, say: Say | None = None) -> ImageStore:
    """The store that `--data` means, with the images that the run holds out in its split "valid".

    What is no store yet is packed into a cache first.

    Args:
        recipe: says size and channels, and how many images are held out.
        data: where the images come from.
        say: takes a line about the store; without it, no progress is shown either.

    Raises:
        RecipeError: no data was named, and the recipe's own cannot be had by name.
        DataError: the data cannot be used.
    """
    path = recipe.data.name if data.path is None else data.path
    if data.path is None and path not in KNOWN:
        raise RecipeError(f"this recipe is for the data set {path}, which Simulacra does not have; give --data PATH")
    # The recipe's own data set is meant, also where a folder here has its name.
    options = data.options if data.path else replace(data.options, source=path)
    height, width, channels = recipe.data.shape
    any_size = data.any_size and is_store(expand(path)) and not (recipe.expect.parameters or recipe.expect.layers)
    with Live("packing") as live:
        packed = resolve(
            path,
            replace(options, size=None if any_size else (width, height), channels=channels),
            labels=recipe.data.labels,
            cache=data.cache,
            progress=live.count if say else None,
            say=say or (lambda _: None),
        )
    if say:
        without = untrained(packed.store)
        for line in (packed.message, *packed.notes, *([untrained_line(without)] if without else [])):
            say(line)
        if packed.store.shape != recipe.data.shape:
            tall, wide, _ = packed.store.shape
            say(f"the recipe's images of {width}x{height} follow the data: {wide}x{tall}")
    return hold_out(packed.store, recipe.data.holdout, recipe.seed)


def conditions(recipe: Recipe, store: ImageStore) -> NDArray[np.uint8] | None:
    """Label rows (M, K) of training images in an order that the seed decides; None where no label conditions."""
    if not recipe.data.labels:
        return None
    rows = stream(recipe.seed, Draw.CONDITIONS).permutation(store.rows("train"))[:MOST_CONDITIONS]
    labels: NDArray[np.uint8] = store.labels[rows][:, store.columns(tuple(recipe.data.labels))]
    return labels


REAL_IMAGES = 4 * SET  # training images from which run.json describes real images


def facts_of_run(recipe: Recipe, store: ImageStore, devices: Devices) -> dict[str, Any]:
    """Versions, machine, data and counts, as JSON values."""
    return {
        "simulacra": simulacra.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "command": command_line(),
        "device": str(devices.device),
        "precision": devices.precision,
        "processes": devices.world,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": facts_of_data(store),
        **outline(recipe),
    }


def facts_of_data(store: ImageStore) -> dict[str, Any]:
    """The data card of a store, as JSON values."""
    train = store.rows("train")
    seen = choose_rows(train, REAL_IMAGES, Draw.REAL_SNAPSHOT)
    frequencies = store.labels[train].mean(0, dtype=np.float64).tolist() if store.label_names else []
    return {
        "path": str(store.path),
        "absolute": str(store.path.absolute()),
        "fingerprint": store.fingerprint,
        "fingerprints": store.fingerprints,
        "shape": list(store.shape),
        "counts": {split: len(store.rows(split)) for split in SPLITS},
        "label_names": list(store.label_names),
        "exclusive": store.exclusive,
        "label_frequencies": dict(zip(store.label_names, frequencies, strict=True)),
        "card": store.card,
        "snapshot": describe_set(store.pixels(seen)) if len(seen) > 1 else {},
    }


def command_line() -> str:
    """The command line of this process, as one would type it again."""
    return shlex.join(["simulacra", *sys.argv[1:]])


def _commit() -> str | None:
    """The commit of the source tree that this package is run from, or None for an installed one."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") or None
    except (OSError, subprocess.CalledProcessError):
        return None


def processor() -> str:
    """The processor's model, as the system names it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
