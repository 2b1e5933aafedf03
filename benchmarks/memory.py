"""Memory: trains on a packed store of 200,000 images 64x64 in a process of its own, and prints its peak.

    python benchmarks/memory.py [--images 200000] [--steps 20] [--recipe avatars-dcgan] [--json]

The bar is 1.5 GB resident. The store is a sparse file, so that it costs no disk: its pixels are zeros, but a mapped
page that was read counts as resident all the same. The peak counts the pages of the process itself (anonymous) and
those of mapped files, though the system takes the latter back whenever it needs the memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BAR = 1500  # MB
SIDE = 64
CHILD = """
import json, re, sys
from pathlib import Path
from simulacra.recipe import load
from simulacra.verbs.train import train

name, store, out, steps = sys.argv[1:]
recipe = load(name, {"steps": int(steps), "every.log": 5, "every.checkpoint": int(steps)})
train(recipe, store, Path(out), report=True)
lines = re.findall(r"(Vm\\w+|Rss\\w+):\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({key: int(kilobytes) / 1024 for key, kilobytes in lines}))
"""


def write_store(folder: Path, images: int) -> None:
    """A store of black images, whose pixels take no place on disk."""
    folder.mkdir()
    shape = (images, SIDE, SIDE, 3)
    np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=shape).flush()
    np.save(folder / "labels.npy", np.zeros((images, 0), np.uint8))
    split = np.zeros(images, np.uint8)
    split[::10], split[5::10] = 1, 2
    np.save(folder / "split.npy", split)
    (folder / "names.json").write_text(json.dumps([f"{row}" for row in range(images)]))
    head = {"format": 1, "fingerprint": f"black {shape}", "label_names": [], "exclusive": False, "factor_names": []}
    (folder / "store.json").write_text(json.dumps(head | {"card": {"title": "black"}}))


def measure(recipe: str, images: int, steps: int) -> dict[str, float]:
    """Trains, and gives megabytes at the end and at the peak."""
    with tempfile.TemporaryDirectory() as place:
        store, out = Path(place) / "store", Path(place) / "run"
        write_store(store, images)
        size = (store / "images.npy").stat().st_size / 2**20
        ended = subprocess.run(
            [sys.executable, "-c", CHILD, recipe, str(store), str(out), str(steps)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | {"COLUMNS": "120"},
        )
    found = json.loads(ended.stdout.splitlines()[-1])
    return {
        "images": images,
        "steps": steps,
        "store_mb": round(size),
        "peak_mb": round(found["VmHWM"]),
        "end_mb": round(found["VmRSS"]),
        "end_anonymous_mb": round(found["RssAnon"]),
        "end_mapped_files_mb": round(found["RssFile"]),
        "bar_mb": BAR,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--recipe", default="avatars-dcgan")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.recipe, given.images, given.steps)
    if given.json:
        print(json.dumps({"recipe": given.recipe} | found))
    else:
        for key, value in found.items():
            print(f"{key.replace('_mb', ' (MB)').replace('_', ' '):28}{value:>10,}")
    sys.exit(found["peak_mb"] > BAR)


if __name__ == "__main__":
    main()
