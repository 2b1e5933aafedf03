"""Memory that packing, training, measuring and exploring take, by the number of pictures.

python benchmarks/memory.py [--pictures 20000 50000 200000] [--write]

Each command is a process of its own. Two numbers are read from /proc/PID/status, of the process and of all processes
that it starts:

- resident: the largest VmHWM of a single process, the pages of mapped files included.
- own: the largest sum, over all processes at one time, of RssAnon and RssShmem, read every 50 ms. Pages of mapped
  files are not in it: the system takes such pages back where memory is short.

Pictures are 32x32 in colour: an array of mosaics, and JPEG files of 64x64 that are hard links to 500 files, with a
table of 40 attributes. The model and the network that computes features are small on purpose: their memory does not
depend on the number of pictures. The plan for 1,000,000 pictures is the line through the two largest counts.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- memory: written by benchmarks/memory.py -->\n", "<!-- end of memory -->"
DIFFERENT = 500  # files; the others are hard links to these, of which a disk allows a file some ten thousands
BLOCK = 10_000  # pictures that are written at once
ATTRIBUTES = 40  # as many as CelebA has
PLANNED = 1_000_000
SIDE, FILE_SIDE = 32, 64
SETTINGS = ("steps=40", "every.checkpoint=20", "every.log=10", "data.name=mosaics", "data.flip=true")


class Peak(NamedTuple):
    """Bytes."""

    resident: int  # of the largest process, mapped files included
    own: int  # of all processes at one time, mapped files not included


def write_arrays(path: Path, count: int) -> None:
    """A folder of images.npy and labels.npy: a mosaic of 4x4 colours in each picture, in ten classes."""
    path.mkdir()
    draw = np.random.default_rng(0)
    images = np.lib.format.open_memmap(path / "images.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    for start in range(0, count, BLOCK):
        colours = draw.integers(0, 256, (min(BLOCK, count - start), 4, 4, 3), np.uint8)
        images[start : start + BLOCK] = colours.repeat(SIDE // 4, 1).repeat(SIDE // 4, 2)
    np.save(path / "labels.npy", draw.integers(0, 10, count))


def write_files(path: Path, count: int) -> None:
    """A folder of JPEG files, a thousand in a folder of its own, and labels.csv beside it."""
    draw = np.random.default_rng(1)
    originals = path / "originals"
    originals.mkdir(parents=True)
    for number in range(DIFFERENT):
        pixels = draw.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((FILE_SIDE, FILE_SIDE)).save(originals / f"{number}.jpg")
    pictures = path / "pictures"
    with (path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", *(f"attribute {column}" for column in range(ATTRIBUTES))])
        for number in range(count):
            folder = pictures / f"{number // 1000:04}"
            if not number % 1000:
                folder.mkdir(parents=True)
            os.link(originals / f"{number % DIFFERENT}.jpg", folder / f"{number:07}.jpg")
            table.writerow([f"{folder.name}/{number:07}.jpg", *draw.integers(0, 2, ATTRIBUTES)])


def status(process: int) -> dict[str, int]:
    """The lines of /proc/PID/status that count memory, in bytes; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.startswith(("VmHWM", "RssAnon", "RssShmem")))
    return {name.rstrip(":"): int(value) * 1024 for name, value, _ in pairs}


def family_of(process: int) -> list[int]:
    """A process and all that it has started, directly or not."""
    found = [process]
    for member in found:
        for thread in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                found += map(int, thread.read_text().split())
            except OSError:  # it has ended
                continue
    return found


class Watched:
    """A command of simulacra that runs; its peaks are read until it ends."""

    def __init__(self, words: list[str], cache: Path) -> None:
        environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
        command = [sys.executable, "-m", "simulacra", *words]
        self.words = words
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
        )
        self.peak = Peak(0, 0)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while self.process.poll() is None:
            now = [status(member) for member in family_of(self.process.pid)]
            resident = max(member.get("VmHWM", 0) for member in now)
            own = sum(member.get("RssAnon", 0) + member.get("RssShmem", 0) for member in now)
            self.peak = Peak(max(self.peak.resident, resident), max(self.peak.own, own))
            time.sleep(0.05)

    def end(self) -> Peak:
        """Waits for the end, which must be a success."""
        _, said = self.process.communicate()
        self._reader.join()
        if self.process.returncode:
            raise SystemExit(f"simulacra {' '.join(self.words)} failed: {said[-2000:]}")
        return self.peak


def explore(run: Path, cache: Path) -> Peak:
    """The peaks of an explorer that is asked for pictures, the map, and the code of a test picture."""
    watched = Watched(["explore", str(run), "--port", "0", "--no-browser"], cache)
    assert watched.process.stderr is not None
    address = watched.process.stderr.readline().split(" at ")[1].split(" ")[0].rstrip("/")
    name = run.name
    for path in (
        "index.json",
        f"runs/{name}.json",
        f"runs/{name}/picture.png",
        f"runs/{name}/samples.png?count=32",
        f"runs/{name}/map.json",
        f"runs/{name}/test-pictures/7.png",
        f"runs/{name}/test-pictures/7/code.json",
        f"runs/{name}/scores.json",
    ):
        with urllib.request.urlopen(f"{address}/{path}", timeout=300) as answer:  # our own server
            answer.read()
    watched.process.send_signal(signal.SIGINT)
    return watched.end()


def measure(folder: Path, count: int) -> dict[str, Peak]:
    """The peaks of each command with so many pictures."""
    arrays, files, run, cache = folder / "arrays", folder / "files", folder / "run", folder / "cache"
    write_arrays(arrays, count)
    write_files(files, count)
    labels = ["--labels", str(files / "labels.csv"), "--size", str(SIDE)]
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    store = str(folder / "store")
    commands = {
        "pack JPEG files with a table": ["pack", "folder", str(files / "pictures"), *labels, "--out", f"{store}-files"],
        "pack an array": ["pack", "arrays", str(arrays), "--out", store],
        "audit": ["audit", store],
        "train": ["train", "demo-vae", "--data", store, "--out", str(run), "--no-report", "--threads", "1", *settings],
        "evaluate": ["evaluate", str(run), "--features", "random-vgg", "-n", "1000"],
    }
    peaks = {}
    for name, words in commands.items():
        start = time.monotonic()
        peaks[name] = Watched(words, cache).end()
        print(f"{count:,} pictures, {name}: {shown(peaks[name])}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    peaks["explore"] = explore(run, cache)
    print(f"{count:,} pictures, explore: {shown(peaks['explore'])}", file=sys.stderr)
    return peaks


def shown(peak: Peak) -> str:
    """Both numbers in MB."""
    return f"{peak.resident / 1e6:,.0f} MB resident, {peak.own / 1e6:,.0f} MB own"


def planned(peaks: dict[int, int]) -> tuple[float, float]:
    """Bytes per picture, 0 at least, and bytes for PLANNED pictures, on the line through the two largest counts."""
    low, high = sorted(peaks)[-2:]
    slope = max(0, peaks[high] - peaks[low]) / (high - low)
    return slope, peaks[high] + slope * (PLANNED - high)


def table(found: dict[int, dict[str, Peak]]) -> str:
    """A table in Markdown."""
    counts = sorted(found)
    heads = ["command", *(f"{count:,} pictures" for count in counts), "per picture", f"{PLANNED:,}, planned"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for name in found[counts[0]]:
        cells = [f"{found[count][name].own / 1e6:,.0f} ({found[count][name].resident / 1e6:,.0f})" for count in counts]
        slope, plan = planned({count: found[count][name].own for count in counts})
        lines.append([name, *cells, f"{slope:,.0f} bytes", f"{plan / 1e6:,.0f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, nargs="+", default=[20_000, 50_000, 200_000], help="two counts or more")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    if len(set(options.pictures)) < 2:
        parser.error("a line needs two counts of pictures")
    found = {}
    for count in options.pictures:
        with tempfile.TemporaryDirectory() as folder:
            found[count] = measure(Path(folder), count)
    if options.json:
        print(
            json.dumps(
                {count: {name: peak._asdict() for name, peak in peaks.items()} for count, peaks in found.items()}
            )
        )
    else:
        print(table(found))
    if options.write:
        head, mark, rest = PAGE.read_text("utf-8").partition(BEGIN)
        if not mark:
            raise SystemExit(f"{PAGE} has no line {BEGIN.strip()}")
        PAGE.write_text(f"{head}{mark}\n{table(found)}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
