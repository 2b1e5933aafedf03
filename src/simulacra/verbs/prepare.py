"""From a recipe and what the user calls the data to all that is made once for a training; and the facts in run.json."""

import math
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
from simulacra.data import batches
from simulacra.data.resolve import resolve
from simulacra.data.sources import KNOWN, Options
from simulacra.data.splits import hold_out, untrained, untrained_line
from simulacra.data.store import SPLITS, ImageStore, is_store
from simulacra.diagnosis.history import SET, describe_set
from simulacra.engine.checkpoints import source
from simulacra.engine.devices import Devices
from simulacra.errors import RecipeError, RunError
from simulacra.evaluation.metrics.held_out import metric_of, require_valid
from simulacra.files import expand
from simulacra.objectives import Objective, build, outline, summarize
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import Draw, choose_rows, stream
from simulacra.settings import SourceSettings

Say = Callable[[str], None]
FLOAT_BYTES = 4  # of a number in a network
MOST_EPOCHS = 1e12
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
        say: takes lines that a person should read.
    """

    recipe: Recipe
    name: str
    out: Path
    data: Data
    epochs: float | None
    device: str
    report: bool
    say: Say


@dataclass(frozen=True)
class Prepared:
    """What a training is made of, each made once.

    Attributes:
        recipe: resolved: it fits the data, and trains again as it stands.
        store: the images, those that the run holds out in the split "valid".
        objective: its networks have their first weights.
        conditions: label rows (M, K) of training images, for samples without the data set; None without labels.
    """

    recipe: Recipe
    store: ImageStore
    objective: Objective
    conditions: NDArray[np.uint8] | None


def prepare(job: Job, run: RunFolder) -> Prepared:
    """Opens the data, packing it first if necessary, and builds the networks. Mistakes are found before packing.

    Raises:
        RecipeError: the networks cannot be built or do not fit into memory, the family lacks the metric that chooses
            checkpoints, or the data does not fit the recipe.
        DataError: the data cannot be used.
        RunError: the run folder cannot be written, or the run to start from does not exist.
    """
    recipe = job.recipe
    check_networks(recipe)
    check_batch_norm(recipe)
    if recipe.every.score or recipe.every.select:
        metric_of(recipe)  # refuses one that the family lacks
    check_folders(recipe, run)
    store = open_data(recipe, job.data, job.say)
    fitted = fit(with_source(recipe, job.data), store, job.epochs)
    if fitted.data != recipe.data:
        check_networks(fitted)
        check_batch_norm(fitted)
    if fitted.every.score:
        require_valid(store)
    return Prepared(fitted, store, build(fitted), conditions(fitted, store))


def with_source(recipe: Recipe, data: Data) -> Recipe:
    """The recipe with what the user called the data, so that it trains on the same images again, from anywhere."""
    source = None
    if data.path is not None:
        named = data.path in KNOWN and data.options.source in (None, data.path)
        path = data.path if named else str(expand(data.path).absolute())
        source = SourceSettings(path=path, options=data.options.words())
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"source": source})})


def check_networks(recipe: Recipe) -> None:
    """Checks that the networks can be built and fit into memory, by an outline that takes no memory itself.

    Raises:
        RecipeError: a network cannot be built, or weights or a batch alone are larger than this machine's memory.
    """
    numbers = {f"data.batch = {recipe.data.batch}: a batch takes": recipe.data.batch * math.prod(recipe.data.shape)}
    if isinstance(recipe.data.labels, tuple):
        numbers["the networks take"] = sum(p.numel() for p in outline(recipe).networks.parameters())
    memory = batches.memory()
    for what, count in numbers.items():
        if FLOAT_BYTES * count > memory:
            sizes = f"{FLOAT_BYTES * count / 2**30:,.0f} GB, and this machine has {memory / 2**30:,.0f} GB of memory"
            raise RecipeError(f"{what} {sizes}; choose smaller numbers")


def check_batch_norm(recipe: Recipe, world: int = 1) -> None:
    """Checks that batch norm has two values of each channel to take its statistics over.

    Args:
        recipe: with its batch.
        world: how many processes share a batch.

    Raises:
        RecipeError: a process has a single image, and a network a batch norm where maps are of 1x1.
    """
    if recipe.data.batch // world > 1 or (recipe.sync_batch_norm and recipe.data.batch > 1):
        return
    if not isinstance(recipe.data.labels, tuple):
        return
    for name, network in summarize(outline(recipe))["networks"].items():
        for row in network["layers"]:
            if row["layer"].startswith("BatchNorm") and math.prod(row["shape"][1:]) == 1:
                raise RecipeError(
                    f"data.batch = {recipe.data.batch}: the batch norm of {name} at 1x1 takes two images per process; "
                    f"set data.batch={2 * world}"
                )


def check_folders(recipe: Recipe, run: RunFolder) -> None:
    """Checks the folders of a training, before minutes of packing.

    Raises:
        RunError: the run folder cannot be written, or the run to start from does not exist.
    """
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
    any_size = data.any_size and is_store(Path(path)) and not (recipe.expect.parameters or recipe.expect.layers)
    with Live("packing") as live:
        packed = resolve(
            path,
            replace(options, size=None if any_size else (width, height), channels=channels),
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


def fit(recipe: Recipe, store: ImageStore, epochs: float | None = None) -> Recipe:
    """The recipe with what depends on the data: the size, the labels where "all" are asked for, and steps for epochs.

    Raises:
        RecipeError: labels and data do not go together.
        DataError: the store lacks a label.
    """
    labels, exclusive = recipe.data.labels, recipe.data.exclusive
    if labels == "all":
        labels, exclusive = store.label_names, store.exclusive
        if not labels:
            why = f" ({reason})" if (reason := store.card.get("no_classes")) else ""
            raise RecipeError(
                f'data.labels is "all", and {store.path} has no labels{why}; pack the data with --labels table.csv, '
                "or put the pictures of each class in a folder of its own"
            )
    check_labels(tuple(labels), exclusive, store)
    height, width, _ = store.shape
    size = recipe.data.size if store.shape == recipe.data.shape else height if height == width else f"{width}x{height}"
    data = recipe.data.model_copy(update={"labels": tuple(labels), "exclusive": exclusive, "size": size})
    steps = recipe.steps
    if epochs is not None:
        if not 0 < epochs < MOST_EPOCHS:
            raise RecipeError(f"--epochs {epochs:g}: expected a number above 0 and below {MOST_EPOCHS:g}")
        steps = max(1, round(epochs * len(store.rows("train")) / data.batch))
    return recipe.model_copy(update={"data": data, "steps": steps})


def check_labels(labels: tuple[str, ...], exclusive: bool, store: ImageStore) -> None:
    """Refuses labels that a store lacks, or that are classes on one side and attributes on the other.

    Raises:
        RecipeError: labels and data do not go together.
        DataError: the store lacks a label.
    """
    store.columns(labels)
    if exclusive and (not store.exclusive or set(labels) != set(store.label_names)):
        names = ", ".join(store.label_names) or "none"
        kind = "classes" if store.exclusive else "attributes, of which a picture may have several"
        raise RecipeError(
            f"data.exclusive is true, so data.labels must be all classes of {store.path}; it has {names} ({kind}); "
            'set data.labels="all"'
        )
    if labels and not exclusive and store.exclusive and set(labels) == set(store.label_names):
        raise RecipeError(
            f"data.exclusive is false, and data.labels are all classes of {store.path}, of which a picture has exactly "
            "one; set data.exclusive=true"
        )


def conditions(recipe: Recipe, store: ImageStore) -> NDArray[np.uint8] | None:
    """Label rows (M, K) of training images in an order that the seed decides; None where no label conditions."""
    if not recipe.data.labels:
        return None
    rows = stream(recipe.seed, Draw.CONDITIONS).permutation(store.rows("train"))[:MOST_CONDITIONS]
    labels: NDArray[np.uint8] = store.labels[rows][:, store.columns(tuple(recipe.data.labels))]
    return labels


REAL_IMAGES = 4 * SET  # training images from which run.json describes real images


def facts_of_run(objective: Objective, store: ImageStore, devices: Devices) -> dict[str, Any]:
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
        **summarize(objective),
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
    folder = Path(__file__).parent
    try:
        listed = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            check=False,
        )
        if listed.returncode:
            return None
        head = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return head.stdout.strip() or None


def processor() -> str:
    """The processor's model, as the system names it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
