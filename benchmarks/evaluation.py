"""Evaluation: how long a score card takes, stage by stage, and how much memory, in a process of its own.

    python benchmarks/evaluation.py [-n 5000] [--threads 2] [--features efficientnet-lite0] [--json]

Samples of an untrained avatars-dcgan, 64x64, are measured against as many real images, whose features are in the cache:
what fills it here are made-up vectors, since their values cost no time. The bars are 2 minutes for the whole score
card, 5 seconds for the Frechet distance from cached features, and 3 GB resident. Seconds are those of the clock;
beside another busy program look at the seconds of processor time, over the threads.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memory import write_store
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from simulacra.data.store import open_store
from simulacra.evaluation.context import Material, choose
from simulacra.evaluation.distances import kernel, neighbours
from simulacra.evaluation.features import FEATURES, Extractor
from simulacra.evaluation.frechet import Spread, frechet_pair
from simulacra.evaluation.metrics import GROUPS
from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.recipe import load
from simulacra.seeds import stream

BARS = {"score card": 120, "Frechet distance alone": 5, "memory_mb": 3000}  # seconds, seconds, MB
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class MadeUp:
    """Vectors in the place of an extractor's, under its name: correlated, and as many as asked for."""

    name: str
    width: int
    label: str

    def vectors(
        self, images: NDArray[np.uint8], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        scale = np.arange(1, self.width + 1) ** -0.5
        return (stream(len(images)).standard_normal((len(images), self.width)) * scale).astype(np.float32)


@contextmanager
def timed(rows: Rows, stage: str) -> Iterator[None]:
    """Adds a row of seconds by the clock and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    seconds = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    rows.append({"stage": stage} | {key: round(value, 2) for key, value in seconds.items()})


def material_of(folder: Path, count: int, extractor: Extractor) -> Material:
    """Black real images, an untrained model, and an empty cache or the one of an earlier material."""
    store, recipe = open_store(folder / "store"), load("avatars-dcgan", {})
    subject = Subject(build(recipe), recipe, None, store)
    return Material(subject, choose(store, count), extractor, {"seed": 0, "step": 0}, folder / "cache")


def measure(count: int, features: str) -> Rows:
    """Rows of stages, the whole of them, and what Frechet distances take alone."""
    rows: Rows = []
    extractor = FEATURES[features]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_store(folder / "store", 11 * count)
        with timed(rows, "once a data set: floors, sums and radii, without features"):
            made_up = MadeUp(extractor.name, extractor.width, extractor.label)
            GROUPS["quality"].measure(material_of(folder, count, made_up))
        material, stages = material_of(folder, count, extractor), len(rows)
        with timed(rows, "samples"):
            _ = material.samples
        with timed(rows, "features of samples"):
            _ = material.features
        for name, group in GROUPS.items():
            if reason := group.lacks(material):
                rows.append({"stage": f"{name}: {reason}", "seconds": 0.0, "processor": 0.0})
                continue
            with timed(rows, f"group {name}"):
                group.measure(material)
        rows.append({"stage": "score card"} | {key: total(rows[stages:], key) for key in ("seconds", "processor")})
        again = material_of(folder, count, extractor)
        with timed(rows, "Frechet distance alone"):
            frechet_pair(Spread(again.real_features("held_out")), Spread(material.features))
        with timed(rows, "kernel distance alone"):
            kernel(again.cloud("held_out"), material.features)
        with timed(rows, "precision to coverage alone"):
            neighbours(again.cloud("held_out"), material.features)
    return rows


def total(rows: Rows, key: str) -> float:
    return round(sum(row[key] for row in rows), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-n", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--features", default="efficientnet-lite0", choices=sorted(FEATURES))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with threadpool_limits(given.threads):
        rows = measure(given.n, given.features)
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    facts = {"n": given.n, "threads": given.threads, "features": given.features, "memory_mb": memory}
    if given.json:
        print(json.dumps(facts | {"stages": rows, "bars": BARS}))
    else:
        table = Table(f"{given.n:,} samples, {given.features}, {given.threads} threads", "s", "processor s", "bar")
        for row in rows:
            table.add_row(
                row["stage"], f"{row['seconds']:.1f}", f"{row['processor']:.1f}", str(BARS.get(row["stage"], ""))
            )
        table.add_row("memory at the peak (MB)", f"{memory:,}", "", f"{BARS['memory_mb']:,}")
        Console(width=120).print(table)
    found = {row["stage"]: row["seconds"] for row in rows} | {"memory_mb": memory}
    sys.exit(any(found[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    main()
