"""What a second process gives: images per second of one process with one thread, of two that train together, and of two
that train apart, which is what the machine has to give. Turn by turn; ratios of medians.

python benchmarks/scaling.py [celeba-dcgan] [--batch 64] [--seconds 10] [--turns 3] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

IMAGES, WARM = 2000, 2
Rows = dict[str, float]


def make_store(recipe: str, folder: Path) -> Path:
    """A store of noise in the recipe's size and with its labels."""
    from simulacra.data.pack import pack
    from simulacra.data.sources import Options, open_source
    from simulacra.recipe import load

    data = load(recipe).data
    draw = np.random.default_rng(0)
    labels = np.array(data.labels if isinstance(data.labels, tuple) else (), dtype=str)
    arrays = {"images": draw.integers(0, 256, (IMAGES, *data.shape), np.uint8)}
    if len(labels):
        arrays |= {"labels": draw.integers(0, 2, (IMAGES, len(labels)), np.uint8), "label_names": labels}
    np.savez(folder / "noise.npz", **arrays)  # type: ignore[arg-type]
    height, width, channels = data.shape
    options = Options(size=(width, height), channels=channels)
    pack(open_source("arrays", folder / "noise.npz", options), folder / "store")
    return folder / "store"


def work(recipe: str, store: Path, batch: int, seconds: float, devices: int) -> Rows | None:
    """The loop, as `simulacra train` runs it, with nothing written; what the first process measures of it."""
    import torch

    from simulacra.data.store import open_store
    from simulacra.engine.devices import Crew, Devices
    from simulacra.engine.loop import assemble, train
    from simulacra.objectives import build
    from simulacra.recipe import load
    from simulacra.runs import RunFolder

    torch.set_num_threads(1)
    here = Devices("cpu", "float32", Crew.of(devices))
    changes = {"data.batch": batch * here.world, "steps": 10**9, "every.checkpoint": 10**9, "every.log": 10**9}
    changed = load(recipe, changes)
    data = open_store(store)
    training = assemble(changed, RunFolder(store, writes=False), build(changed), data, here)
    begun: list[float] = []

    def over() -> bool:
        return any(here.highest(int(bool(begun) and time.perf_counter() - begun[0] > seconds)))

    for tick in train(training, over):
        if tick.step == WARM:
            begun.append(time.perf_counter())
        if begun and not tick.saved:  # the last state is saved, which is no part of a step
            steps, taken = tick.step - WARM, time.perf_counter() - begun[0]
    parameters = [p for p in training.objective.networks.parameters() if p.requires_grad]
    rows = {
        "images_per_second": steps * changed.data.batch / taken,
        "step_ms": 1000 * taken / steps,
        "gradient_bytes": 4 * sum(p.numel() for p in parameters),
        "average_ms": 1000 * median_of(lambda: here.average(parameters)),
        "agree_ms": 1000 * median_of(lambda: here.highest(0, 0)),
        "batches_per_second": changed.data.batch / here.world / median_of(lambda: training.batches[3]),
        "store_bytes_per_image": sum(f.stat().st_size for f in store.iterdir()) / len(data.images),
    }
    return None if here.rank else rows


def median_of(act: Any, turns: int = 15) -> float:
    """The median of how many seconds something takes."""
    taken = []
    for _ in range(turns):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def turn(options: argparse.Namespace, store: Path, devices: int, copies: int) -> list[Rows]:
    """Runs so many copies of a training at once, each in so many processes."""
    words = [
        options.recipe,
        "--batch",
        options.batch,
        "--seconds",
        options.seconds,
        "--store",
        store,
        "--devices",
        devices,
    ]
    command = [sys.executable, __file__, *map(str, words)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) for _ in range(copies)]
    return [json.loads(process.communicate(timeout=600)[0]) for process in started]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Medians over the turns, and the two ratios."""
    rates: dict[str, list[float]] = {"one": [], "together": [], "apart": []}
    with tempfile.TemporaryDirectory() as name:
        store = make_store(options.recipe, Path(name))
        for _ in range(options.turns):
            for kind, devices, copies in (("one", 1, 1), ("together", 2, 1), ("apart", 1, 2)):
                rows = turn(options, store, devices, copies)
                rates[kind].append(sum(row["images_per_second"] for row in rows))
                if kind == "together":
                    constants = rows[0]
    middle = {kind: statistics.median(values) for kind, values in rates.items()}
    return {
        "recipe": options.recipe,
        "batch_per_process": options.batch,
        "images_per_second": {kind: round(rate, 1) for kind, rate in middle.items()},
        "all_turns": {kind: [round(rate, 1) for rate in values] for kind, values in rates.items()},
        "weak_scaling": round(middle["together"] / middle["one"] / 2, 3),
        "machine_allows": round(middle["apart"] / middle["one"] / 2, 3),
        "together_over_apart": round(middle["together"] / middle["apart"], 3),
        "constants": {key: round(value, 3) for key, value in constants.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="celeba-dcgan")
    parser.add_argument("--batch", type=int, default=64, help="images a process")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--devices", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.store:
        if rows := work(options.recipe, options.store, options.batch, options.seconds, options.devices):
            print(json.dumps(rows))
            print(options.devices, json.dumps(rows), file=sys.stderr)
        return
    found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    table = Table(
        f"{options.recipe}, {options.batch} images per process", "images per second", "of twice one process", box=None
    )
    for kind, rate in found["images_per_second"].items():
        table.add_row(kind, f"{rate:,.1f}", f"{rate / found['images_per_second']['one'] / 2:.2f}")
    Console().print(table)
    for key, value in found["constants"].items():
        print(f"{key:24} {value:,.3f}")


if __name__ == "__main__":
    main()
