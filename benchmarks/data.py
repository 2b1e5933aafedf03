"""The speed of data: packing JPEG files, batches from a warm cache, and batches from a disk with a cold cache.

    python benchmarks/data.py [--gigabytes 2] [--seconds 3] [--folder /tmp] [--json]

Targets: 2,500 JPEG files of 178x218 per second and core to 64x64; 100,000 shuffled and mirrored images per second, as
bytes, with one thread. With a cold cache no image is read twice, as in a store that is larger than memory;
block-shuffled images are compared with reading the file from start to end in the same minute. Each value is the median
of interleaved turns. Needs Linux, which can drop the cache of a file.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from packing import alone, write_faces
from PIL import Image
from rich.console import Console
from rich.table import Table

from simulacra.data.batches import Batches, Order, choose
from simulacra.data.sources.scan import FileReader
from simulacra.data.store import ImageStore, open_store

BATCH, TURNS, PIECE = 128, 5, 2**22
BARS = {"packing": 2500, "bytes 64x64x3": 100_000, "bytes 28x28x1": 100_000}


def write_store(folder: Path, images: int, side: int, channels: int) -> ImageStore:
    """A store of noise on the disk."""
    folder.mkdir()
    draw, shape = np.random.default_rng(0), (images, side, side, channels)
    file = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, images, 4096):
        file[start : start + 4096] = draw.integers(0, 256, file[start : start + 4096].shape, dtype=np.uint8)
    file.flush()
    np.save(folder / "labels.npy", np.zeros((images, 0), np.uint8))
    np.save(folder / "split.npy", np.zeros(images, np.uint8))
    head = {"format": 1, "fingerprint": "noise", "label_names": [], "exclusive": False, "factor_names": [], "card": {}}
    (folder / "store.json").write_text(json.dumps(head))
    return open_store(folder)


def rate(steps: Iterable[int], work: Callable[[int], object], seconds: float) -> float:
    """Images per second in consecutive batches, for this time or until they end."""
    start, done = time.perf_counter(), 0
    for step in steps:
        work(step)
        done += BATCH
        if time.perf_counter() - start > seconds:
            break
    return done / (time.perf_counter() - start)


def packing(folder: Path, seconds: float) -> dict[str, list[float]]:
    """Files per second and core, beside Pillow's calls alone: open, decode at half the size, crop, resize."""
    names = write_faces(folder)

    def bare(name: str) -> object:
        with Image.open(folder / name) as image:
            image.draft(None, (89, 89))
            image.load()
            return np.asarray(image.crop((0, 10, 89, 99)).resize((64, 64), Image.Resampling.BICUBIC))

    read = FileReader(folder, (64, 64), "center", grey=False)
    found: dict[str, list[float]] = {"packing": [], "packing: Pillow alone": []}
    for _ in range(TURNS):
        found["packing"].append(alone(read, names, seconds / TURNS))
        found["packing: Pillow alone"].append(alone(bare, names, seconds / TURNS))
    return found


def warm(store: ImageStore, seconds: float) -> dict[str, list[float]]:
    """Shuffled and mirrored images per second as bytes and as floats, with the whole file in the cache."""
    batches = Batches(store, batch=BATCH, seed=0, flip=True, labels=())
    store.pixels(batches.rows)
    kinds: dict[str, Callable[[int], object]] = {"bytes": batches.pixels, "floats": batches.__getitem__}
    size = "x".join(map(str, store.shape))
    found: dict[str, list[float]] = {f"{kind} {size}": [] for kind in kinds}
    for turn in range(TURNS):
        for kind, work in kinds.items():
            found[f"{kind} {size}"].append(rate(range(turn * 1000, 2**60), work, seconds / TURNS))
    return found


def cold(store: ImageStore, seconds: float) -> dict[str, list[float]]:
    """Images per second from the disk: in both orders, and read from start to end."""
    file = os.open(store.path / "images.npy", os.O_RDONLY)
    size, buffer = int(np.prod(store.shape)), bytearray(PIECE)
    orders = {"shuffled": Order(), "block-shuffled": choose("block-shuffled", store)}
    found: dict[str, list[float]] = {f"disk: {kind}": [] for kind in ("end to end", *orders)}
    for turn in range(TURNS):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        count = len(store.images) * size // PIECE
        read = rate(range(count), lambda at: os.preadv(file, [buffer], at * PIECE), seconds)
        found["disk: end to end"].append(read / BATCH * PIECE / size)
        for name, order in orders.items():
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            batches = Batches(store, batch=BATCH, seed=turn, flip=False, labels=(), order=order)
            found[f"disk: {name}"].append(rate(range(batches.count // BATCH), batches.pixels, seconds))
    os.close(file)
    return found


def measure(gigabytes: float, seconds: float, folder: Path | None) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place, found = Path(name), {}
        (place / "faces").mkdir()
        found |= packing(place / "faces", seconds)
        for side, channels in ((64, 3), (28, 1)):
            found |= warm(write_store(place / str(side), 50_000, side, channels), seconds)
        return found | cold(write_store(place / "large", round(gigabytes * 2**30 / (64 * 64 * 3)), 64, 3), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the store that is read cold")
    parser.add_argument("--seconds", type=float, default=3.0, help="at most, for each turn or figure")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(options.gigabytes, options.seconds, options.folder)
    rows = [
        {"what": what, "rate": round(statistics.median(rates)), "best": round(max(rates)), "bar": BARS.get(what)}
        for what, rates in found.items()
    ]
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), "rates": rows}))
    else:
        table = Table("images per second", "median", "best turn", "bar", box=None)
        for row in rows:
            table.add_row(str(row["what"]), *(f"{row[key]:,}" if row[key] else "" for key in ("rate", "best", "bar")))
        Console().print(table)
    sys.exit(any(row["bar"] and row["rate"] < row["bar"] for row in rows))


if __name__ == "__main__":
    main()
