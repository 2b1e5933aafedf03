"""The speed of decoding JPEG files and of drawing avatars, with one process and with all cores.

python benchmarks/packing.py [--seconds 3] [--json]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from simulacra.data.decode import Picture
from simulacra.data.sources.avatars import Artist
from simulacra.data.sources.scan import FileReader
from simulacra.data.workers import read_all

FILES = 64
# Grain (of 255) and quality that make about 7.1 kB of a drawn face, as CelebA's files have on average: 1,443,490,838
# bytes of img_align_celeba.zip for 202,599.
NOISE, QUALITY = 2.7, 83


def write_faces(folder: Path) -> list[str]:
    """JPEG files with as many pixels and bytes as CelebA's: drawn faces with noise, like the grain of photos."""
    draw, artist = np.random.default_rng(0), Artist(0, (178, 178), grey=False)
    names = [f"{number:06}.jpg" for number in range(FILES)]
    for number, name in enumerate(names):
        face = np.asarray(Image.fromarray(artist(number).pixels).resize((178, 218)), np.float32)
        noisy = face + draw.normal(0, NOISE, (218, 178, 1))
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / name, quality=QUALITY)
    return names


def alone(read: Callable[[Any], Picture], items: Sequence[Any], seconds: float) -> float:
    """Pictures per second of processor time in this process, which other programs hardly change."""
    read(items[0])
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        read(items[done % len(items)])
        done += 1
    return done / (time.process_time() - start)


def together(read: Callable[[Any], Picture], items: Sequence[Any]) -> float:
    """Pictures per second of the clock with one process per core, including their start."""
    start = time.perf_counter()
    for _ in read_all(read, items, os.cpu_count()):
        pass
    return len(items) / (time.perf_counter() - start)


def measure(seconds: float) -> list[dict[str, float | str]]:
    rows: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory() as name:
        names = write_faces(Path(name))
        files = FileReader(Path(name), (64, 64), "center", grey=False)
        kinds: list[tuple[str, Callable[[Any], Picture], Sequence[Any]]] = [("JPEG 178x218 to 64x64", files, names)]
        kinds += [
            (f"avatar {side}x{side}", Artist(0, (side, side), grey=False), range(FILES)) for side in (32, 64, 128)
        ]
        for what, read, items in kinds:
            one = alone(read, items, seconds)
            many = [items[at % FILES] for at in range(round(seconds * one))]
            rows.append({"what": what, "per_core": round(one), "all_cores": round(together(read, many))})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    rows = measure(options.seconds)
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), "rates": rows}))
        return
    table = Table("pictures per second", "one core", f"{os.cpu_count()} cores, with start", box=None)
    for row in rows:
        table.add_row(str(row["what"]), f"{row['per_core']:,}", f"{row['all_cores']:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
