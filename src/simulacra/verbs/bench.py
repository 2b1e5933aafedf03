"""The verb `bench`: how fast a recipe trains on this machine, and how near that is to what the machine can do."""

import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from simulacra.data.batches import Batches
from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, assemble
from simulacra.engine.transfer import freeze
from simulacra.live import Live
from simulacra.objectives import build
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder
from simulacra.seeds import stream
from simulacra.workflow.clocking import clock, matrix_rate
from simulacra.workflow.facts import processor
from simulacra.workflow.preparing import fit, open_data, require_memory

MADE_LABELS = 10  # where a recipe takes "all" labels and no data says which
MADE = 8  # key of the draw of made-up images


@dataclass(frozen=True)
class Benched:
    """How fast a recipe trains; times are of training alone, as `train --minutes` counts them.

    Attributes:
        recipe: its name.
        batch: images a step.
        images_per_second: over whole steps, the update and all around it.
        step_ms: milliseconds of such a step.
        matmul_share: floating-point operations a second of a step, as a share of those of a square matrix product in
            the same precision, measured just before and after.
        peak_memory_mb: most memory that this process, or on a GPU its tensors, took; None where the system cannot tell.
        seconds_for_recipe: steps of the recipe times the time of one, or its minutes if they are over earlier; looks at
            checkpoints and the last evaluation are not counted.
        outside_share: share of a step that is not the update: batch, flips, log, checkpoints, progress.
        gflop_per_image: products of a step, in 10^9 floating-point operations an image.
        matmul_gflops: of the matrix product, in 10^9 operations a second.
        steps: updates that the recipe asks for.
        minutes: that it allows itself, or None.
        measured_steps: on which all this stands.
    """

    recipe: str
    batch: int
    images_per_second: float
    step_ms: float
    matmul_share: float
    peak_memory_mb: float | None
    seconds_for_recipe: float
    outside_share: float
    gflop_per_image: float
    matmul_gflops: float
    steps: int
    minutes: float | None
    measured_steps: int
    device: str
    processor: str
    precision: str
    threads: int

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values, rounded to what is worth reading."""
        return {
            key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in asdict(self).items()
        }


def bench(
    recipe: Recipe,
    data: str | None = None,
    seconds: float = 20.0,
    *,
    name: str = "",
    device: str = "auto",
    follow: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Benched:
    """Trains for some seconds as `train` does, in a folder that is deleted afterwards, and says how fast that went.

    Args:
        recipe: what would be trained. Where it starts from another run, its networks begin with drawn weights here.
        data: as `train` takes it; made-up images of the recipe's shape by default.
        seconds: that the measurement takes, unless a few steps take longer.
        name: what the recipe is called.
        device: auto, cpu, cuda or mps.
        follow: takes a packed store of another size, as `train` does.
        say: told in one line which data is used.

    Raises:
        SimulacraError: the recipe or the data cannot be used, or the training diverged.
    """
    require_memory(recipe)
    if data is None:
        store = made_up(recipe)
    else:
        with Live("packing") as packing:
            store = open_data(recipe, data, follow=follow, progress=packing.count, say=say)
        store = hold_out(store, recipe.data.holdout, recipe.seed)
    recipe, devices = fit(recipe, store), Devices(device, recipe.precision)
    with tempfile.TemporaryDirectory(prefix="simulacra-bench-") as folder:
        training = set_up(recipe, RunFolder(Path(folder) / "run"), store, devices)
        burst = min(1.0, seconds / 10)
        rates = [matrix_rate(devices, burst)]
        times = clock(training, seconds - 2 * burst, name)
        rates.append(matrix_rate(devices, burst))
    step, rate = times.update + times.outside, statistics.mean(rates)
    whole = recipe.steps * step
    return Benched(
        recipe=name,
        batch=recipe.data.batch,
        images_per_second=recipe.data.batch / step,
        step_ms=1e3 * step,
        matmul_share=times.flops / step / rate,
        peak_memory_mb=peak_memory(devices.device),
        seconds_for_recipe=min(whole, 60 * recipe.minutes) if recipe.minutes else whole,
        outside_share=times.outside / step,
        gflop_per_image=times.flops / recipe.data.batch / 1e9,
        matmul_gflops=rate / 1e9,
        steps=recipe.steps,
        minutes=recipe.minutes,
        measured_steps=times.steps,
        device=str(devices.device),
        processor=processor(),
        precision=devices.precision,
        threads=torch.get_num_threads(),
    )


def made_up(recipe: Recipe) -> ImageStore:
    """Random pixels in memory of a recipe's shape, with the labels that it takes: enough for eight batches."""
    count, random = 8 * recipe.data.batch, stream(0, MADE)
    every = recipe.data.labels == "all"
    names = tuple(f"label-{place}" for place in range(MADE_LABELS)) if every else tuple(recipe.data.labels)
    labels = random.integers(0, 2, (count, len(names)), np.uint8)
    if recipe.data.exclusive:
        labels = np.eye(len(names), dtype=np.uint8)[random.integers(0, len(names), count)]
    return ImageStore(
        path=Path("made-up images"),
        images=random.integers(0, 256, (count, *recipe.data.shape), np.uint8),
        labels=labels,
        label_names=names,
        exclusive=recipe.data.exclusive,
        split=np.zeros(count, np.uint8),
        fingerprint="made up",
    )


def set_up(recipe: Recipe, run: RunFolder, store: ImageStore, devices: Devices) -> Training:
    """A training that starts from no other run, though what would be frozen then is."""
    data, objective = recipe.data, build(recipe)
    batches = Batches(store, batch=data.batch, seed=recipe.seed, flip=data.flip, labels=tuple(data.labels))
    if recipe.start:
        freeze(objective, recipe.start.frozen)
    run.path.mkdir(parents=True)
    return assemble(recipe.model_copy(update={"start": None}), run, objective, batches, devices)


def peak_memory(device: torch.device) -> float | None:
    """Megabytes that tensors on a GPU, or else this process, took at most; None where the system cannot tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10  # the one counts bytes, the others kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def sentences(found: Benched) -> list[str]:
    """What a person can decide by."""
    where = f"{found.device}, {found.precision}, {found.threads} threads"
    memory = "" if found.peak_memory_mb is None else f"; memory at most {found.peak_memory_mb:,.0f} MB"
    length = f"this recipe: {found.steps:,} steps of {found.batch}, {duration(found.steps * found.step_ms / 1e3)}"
    if found.minutes:
        length += f", of which it takes {duration(found.seconds_for_recipe)}"
    return [
        f"{found.images_per_second:,.0f} images a second ({where}): {found.step_ms:,.1f} ms a step of {found.batch}",
        f"{found.matmul_share:.0%} of what a matrix product reaches here ({found.matmul_gflops:,.0f} GFLOP/s); "
        f"{found.outside_share:.1%} of a step is not the update{memory}",
        f"{length} on this machine; looks at checkpoints and the evaluation at the end come on top",
        f"with --minutes 10 it would see {600 * found.images_per_second:,.0f} images",
    ]


def duration(seconds: float) -> str:
    """A time in words, like "about 21 h"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return f"about {max(1, seconds):.0f} s"
