"""The verb `bench`: how fast a recipe trains on this machine, and how near that is to what the machine can do."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from math import ceil, lcm
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from simulacra.data.batches import Batch
from simulacra.data.resolve import fit
from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import freeze
from simulacra.engine.devices import Devices
from simulacra.engine.loop import Training, assemble, train
from simulacra.engine.threads import threads_in_words
from simulacra.objectives import Optimize, build, check
from simulacra.progress import Live, rough_duration
from simulacra.recipe import Changes, Recipe, load, read_changes
from simulacra.runs import RunFolder
from simulacra.seeds import Draw, stream
from simulacra.verbs.drive import mirror, mirror_row
from simulacra.verbs.prepare import Data, open_data, processor


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not annotated it
    """Adds up the work of all products that are computed while it is entered.

    By the formulas of torch.utils.flop_counter: a multiply-add is two operations, a border counts as if it were full,
    and of a backward pass only the gradients that are computed. Its own FlopCounterMode, which also tells modules
    apart, cannot follow `torch.autograd.grad`, which gradient penalties use.

    Attributes:
        flops: the sum so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operator as ever, and counts it."""
        result = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


SIDE = 1024  # of the square matrices whose product shows what the machine can do
LEAST = 3  # steps that are measured, however short the time
LOG = 5  # steps between two rows of metrics while speed is measured; their cost is reported apart
# Settings by which only every n-th update of a family does something, so that updates differ in time and work.
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
    """Replaces `update`: times each update, and counts the products of the first few.

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
    length = round_of(recipe)
    warm, least = ceil(2 / length) * length, ceil(LEAST / length) * length
    every = recipe.every.model_copy(update={"log": LOG, "checkpoint": sys.maxsize})
    training.recipe = recipe.model_copy(update={"steps": max(recipe.steps, warm + least), "every": every})
    watch = Watch(training.objective.update, training.devices.device, warm)
    training.objective.update = watch  # type: ignore[method-assign]  # the loop offers no other way to time updates
    plain: list[float] = []
    rows: list[float] = []
    saved = 0.0

    def over() -> bool:
        return len(watch.seconds) >= warm + least and time.perf_counter() >= end

    with Live(f"bench {name}") as live, mirror(training.run, 0) as board:
        before = time.perf_counter()
        for tick in train(training, over):
            done = max(0.0, min(1 - (end - time.perf_counter()) / seconds, tick.step / (warm + least)))
            mirror_row(board, tick)
            live.show(done, f"step {tick.step:,}")
            now = time.perf_counter()
            if tick.saved:
                saved = now - before - watch.seconds[-1]
            elif tick.step > warm:
                (rows if tick.row else plain).append(now - before - watch.seconds[-1])
            before = now
    measured = watch.seconds[warm:]
    each = statistics.median(plain)
    more = (recipe.every.log, statistics.median(rows or plain)), (recipe.every.checkpoint, saved)
    outside = each + sum(max(0.0, cost - each) / rhythm for rhythm, cost in more)
    update = statistics.mean(statistics.median(measured[offset::length]) for offset in range(length))
    return Times(update, outside, watch.flops / warm, len(measured))


def matrix_rate(devices: Devices, seconds: float) -> float:
    """FLOP per second of a product of two square matrices, in the precision of the devices."""
    left, right = (torch.rand(SIDE, SIDE, device=devices.device).to(devices.dtype) for _ in range(2))
    for _ in range(3):
        left @ right
    wait_for(devices.device)
    begin, count = time.perf_counter(), 0
    while not count or time.perf_counter() - begin < seconds:
        left @ right
        wait_for(devices.device)
        count += 1
    return 2 * SIDE**3 * count / (time.perf_counter() - begin)


def wait_for(device: torch.device) -> None:
    """Returns once a device has done all its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


MADE_LABELS = 10  # where a recipe takes "all" labels and no data says which


@dataclass(frozen=True)
class Benched:
    """How fast a recipe trains; times are of training alone, as `train --minutes` counts them.

    Attributes:
        recipe: its name.
        batch: images per step.
        images_per_second: over whole steps, the update and all around it.
        step_ms: milliseconds of such a step.
        matmul_share: floating-point operations a second of a step, as a share of those of a square matrix product in
            the same precision, measured just before and after.
        peak_memory_mb: most memory that this process, or on a GPU its tensors, took; None where the system cannot tell.
        seconds_for_recipe: steps of the recipe times the time of a step, or its minutes if they are over earlier;
            snapshots and the last evaluation are not counted.
        outside_share: share of a step that is not the update: batch, flips, log, checkpoints, progress.
        gflop_per_image: products of a step, in 10^9 floating-point operations an image.
        matmul_gflops: of the matrix product, in 10^9 operations a second.
        steps: updates that the recipe asks for.
        minutes: that it allows itself, or None.
        measured_steps: on which all this stands.
        device: cpu, cuda or mps.
        processor: its name, as the system gives it.
        precision: bfloat16 or float32.
        threads: of torch.
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
        """All values for JSON, rounded to five digits."""
        return {
            key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in asdict(self).items()
        }


def bench(
    recipe: str | Recipe,
    data: str | None = None,
    seconds: float = 20.0,
    *,
    changes: Changes = (),
    device: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> Benched:
    """Trains for some seconds as `train` does, in a folder that is deleted afterwards, and says how fast that went.

    Args:
        recipe: name of a shipped recipe, a TOML file, or a recipe.
            Where it starts from another run, its networks begin with drawn weights here.
        data: as `train` takes it; made-up images of the recipe's shape by default.
        seconds: that the measurement takes, unless a few steps take longer.
        changes: keys of the recipe that are set anew, as `train` takes them.
        device: auto, cpu, cuda or mps.
        say: takes a line about which data is used.

    Raises:
        SimulacraError: the recipe or the data cannot be used, or the training diverged.
    """
    keys = read_changes(changes)
    asked = load(recipe, keys)
    name = recipe if isinstance(recipe, str) else recipe.title
    check(asked)
    any_size = "data.size" not in keys
    store = made_up(asked) if data is None else open_data(asked, Data(data, any_size=any_size), say)
    recipe, devices = fit(asked, store), Devices(device, asked.precision)
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
    count, random = 8 * recipe.data.batch, stream(0, Draw.BENCH_IMAGES)
    every = recipe.data.labels == "all"
    names = tuple(f"label-{number}" for number in range(MADE_LABELS)) if every else tuple(recipe.data.labels)
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
    objective = build(recipe)
    if recipe.start:
        freeze(objective, recipe.start.frozen)
    run.path.mkdir(parents=True)
    return assemble(recipe.model_copy(update={"start": None}), run, objective, store, devices)


def peak_memory(device: torch.device) -> float | None:
    """Megabytes that tensors on a GPU, or else this process, took at most; None where the system cannot tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, other systems kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def sentences(speed: Benched) -> list[str]:
    """The result in sentences."""
    setting = f"{speed.device}, {speed.precision}, {threads_in_words(speed.threads)}"
    memory = "" if speed.peak_memory_mb is None else f"; memory at most {speed.peak_memory_mb:,.0f} MB"
    whole = speed.steps * speed.step_ms / 1e3
    if speed.minutes and 60 * speed.minutes < whole:
        steps = 60 * speed.minutes / speed.step_ms * 1e3
        length = f"this recipe ends after {speed.minutes:g} minutes, which is about {steps:,.0f} steps of {speed.batch}"
    else:
        length = f"this recipe: {speed.steps:,} steps of {speed.batch} take about {rough_duration(whole)}"
    return [
        f"{speed.images_per_second:,.0f} images per second ({setting}): "
        f"{speed.step_ms:,.1f} ms per step of {speed.batch}",
        f"{speed.matmul_share:.0%} of what a matrix product reaches here ({speed.matmul_gflops:,.0f} GFLOP/s); "
        f"{speed.outside_share:.1%} of a step is not the update{memory}",
        f"{length} on this machine; snapshots at checkpoints and the evaluation at the end come on top",
        f"with --minutes 10 it would see {600 * speed.images_per_second:,.0f} images",
    ]
