"""From a recipe and what the user calls the data to a resolved recipe and an open store; and the facts in run.json."""

import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
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
from simulacra.data.store import SPLITS, ImageStore, is_store
from simulacra.diagnosis.history import SET, look_of
from simulacra.engine.checkpoints import source
from simulacra.engine.devices import Devices
from simulacra.errors import RecipeError, RunError
from simulacra.evaluation.metrics.held_out import metric_of
from simulacra.objectives import Objective, outline, summarize
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import Draw, choose_rows, stream

FLOAT = 4  # bytes of a number in a network
MOST_CONDITIONS = 4096  # label rows that a run keeps


def check_recipe(recipe: Recipe) -> None:
    """Refuses networks that cannot be and a metric that the family lacks, before minutes of packing.

    Raises:
        RecipeError: one of the two.
    """
    require_memory(recipe)
    if recipe.every.score or recipe.every.select:
        metric_of(recipe)


def check_folders(recipe: Recipe, run: RunFolder) -> None:
    """Refuses a run to start from that is not there and a place that cannot be written, before minutes of packing.

    Raises:
        RunError: one of the two.
    """
    if recipe.start and not run.checkpoints():  # a run that goes on never looks at the other again
        source(recipe.start)
    there = next(path for path in (run.path, *run.path.absolute().parents) if os.access(path, os.F_OK))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        found = f"{there} may not be written to" if there.is_dir() else f"{there} is a file"
        raise RunError(f"{run.path} cannot be written ({found}); give another --out")


def require_memory(recipe: Recipe) -> None:
    """Builds the networks on the meta device, so that those that cannot be are refused before anything is packed.

    Raises:
        RecipeError: a network cannot be built, or weights or a batch alone are larger than this machine's memory.
    """
    sizes = {f"data.batch = {recipe.data.batch}: a batch takes": recipe.data.batch * math.prod(recipe.data.shape)}
    if isinstance(recipe.data.labels, tuple):
        sizes["the networks take"] = sum(p.numel() for p in outline(recipe).networks.parameters())
    there = batches.memory()
    for what, numbers in sizes.items():
        if FLOAT * numbers > there:
            of = f"{FLOAT * numbers / 2**30:,.0f} GB of the {there / 2**30:,.0f} GB of memory that there are"
            raise RecipeError(f"{what} {of}; choose smaller numbers")


def open_data(
    recipe: Recipe,
    data: str | None,
    *,
    options: Options | None = None,
    cache: Path | None = None,
    follow: bool = False,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> ImageStore:
    """The store that `--data` means, packed into a cache first where it is not one yet.

    Args:
        recipe: says size and channels.
        data: a store, a known name or a source's path; the recipe's own data set by default.
        options: how pictures are read that are not packed yet; size and channels are the recipe's.
        cache: the folder of packed stores; the user's cache folder by default.
        follow: takes a packed store of another size than the recipe's, unless published counts hang on that.
        progress: told (done, total) while packing.
        say: told in one line what was packed or found.

    Raises:
        RecipeError: no data was named and the recipe's own cannot be had by name.
        DataError: the data cannot be used.
    """
    if data is None:
        if recipe.data.name not in KNOWN:
            raise RecipeError(
                f"this recipe is for {recipe.data.name}, which cannot be made on the spot; give --data PATH"
            )
        data = recipe.data.name
    height, width, channels = recipe.data.shape
    follows = follow and is_store(Path(data)) and not (recipe.expect.parameters or recipe.expect.layers)
    wanted = replace(options or Options(), size=None if follows else (width, height), channels=channels)
    packed = resolve(data, wanted, cache=cache, progress=progress, say=say)
    for line in (packed.said, *packed.notes):
        say(line)
    if packed.store.shape != recipe.data.shape:
        tall, wide, _ = packed.store.shape
        say(f"the recipe's images of {width}x{height} follow the data: {wide}x{tall}")
    return packed.store


def fit(recipe: Recipe, store: ImageStore, epochs: float | None = None) -> Recipe:
    """The recipe with what only the data can tell: size, labels where "all" are meant, and steps for epochs.

    Raises:
        RecipeError: labels and data do not go together.
        DataError: the store lacks a label.
    """
    labels, exclusive = recipe.data.labels, recipe.data.exclusive
    if labels == "all":
        labels, exclusive = store.label_names, store.exclusive
        if not labels:
            raise RecipeError(f'data.labels is "all", and {store.path} has none; pack the data with --labels table.csv')
    store.columns(tuple(labels))
    if exclusive and (not store.exclusive or set(labels) != set(store.label_names)):
        have = ", ".join(store.label_names) or "none"
        kind = "classes" if store.exclusive else "attributes, of which a picture may have several"
        raise RecipeError(
            f"data.exclusive is true, so data.labels must be all classes of {store.path}; it has {have} ({kind}); "
            'set data.labels="all"'
        )
    if labels and not exclusive and store.exclusive and set(labels) == set(store.label_names):
        raise RecipeError(
            f"data.exclusive is false, and data.labels are all classes of {store.path}, of which a picture has exactly "
            "one; set data.exclusive=true"
        )
    changes: dict[str, Any] = {"data.labels": list(labels), "data.exclusive": exclusive}
    if store.shape != recipe.data.shape:
        height, width, _ = store.shape
        changes["data.size"] = height if height == width else f"{width}x{height}"
    if epochs is not None:
        if not 0 < epochs < float("inf"):
            raise RecipeError(f"--epochs {epochs:g}: expected a number above 0")
        changes["steps"] = max(1, round(epochs * len(store.rows("train")) / recipe.data.batch))
    return recipe.with_changes(changes)


def conditions(recipe: Recipe, store: ImageStore) -> NDArray[np.uint8] | None:
    """Label rows (M, K) of training images in an order that the seed decides; None where no label conditions."""
    if not recipe.data.labels:
        return None
    rows = stream(recipe.seed, Draw.CONDITIONS).permutation(store.rows("train"))[:MOST_CONDITIONS]
    labels: NDArray[np.uint8] = store.labels[rows][:, store.columns(tuple(recipe.data.labels))]
    return labels


LOOKED = 4 * SET  # training images that show what real images look like


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
    frequencies = store.labels[train].mean(0, dtype=np.float64).tolist() if store.label_names else []
    return {
        "path": str(store.path),
        "fingerprint": store.fingerprint,
        "shape": list(store.shape),
        "counts": {split: len(store.rows(split)) for split in SPLITS},
        "label_names": list(store.label_names),
        "exclusive": store.exclusive,
        "label_frequencies": dict(zip(store.label_names, frequencies, strict=True)),
        "card": store.card,
        "look": look_of(store.pixels(choose_rows(train, LOOKED, Draw.REAL_SNAPSHOT))) if len(train) > 1 else {},
    }


def _commit() -> str | None:
    """The commit of the source tree that this package is run from, or None for an installed one."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            check=False,
        )
        if found.returncode:
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
