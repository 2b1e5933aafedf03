"""Training, exploring and evaluating side by side for a long time: does anything grow?

python benchmarks/soak.py [--minutes 60] [--write]

Three loops run at once: one process trains `demo-vae` on, ever further; an explorer shows that run and a finished one,
while pictures are asked of both; `evaluate` and `report` measure the finished run again and again. Every five seconds
memory, open files and threads of the two processes that last are sampled. Each is flat where a line through the second
half of its samples rises by less than 1 MB, or by less than a tenth of a file or thread, in a minute. `--write` puts
the table into docs/reliability.md. Linux alone: the numbers are those of /proc.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
from sensitivity import filled

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
SIMULACRA = [sys.executable, "-m", "simulacra"]
EVERY = 20  # steps between checkpoints; two are kept, so the explorer meets models whose files are gone
VIEWS = ("picture.png?code=%7B%22seed%22:{n}%7D", "samples.png?seed={n}", "curves.json", "scores.json")


@dataclass
class Usage:
    """What a process uses, sampled."""

    process: int
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)  # resident
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def sample(self) -> None:
        """Adds what it uses now; nothing where it has ended."""
        place = Path(f"/proc/{self.process}")
        try:
            status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
            files = len(list((place / "fd").iterdir()))
            resident = int(status["VmRSS"].split()[0]) / 1024
        except (OSError, KeyError):
            return
        self.seconds.append(time.monotonic())
        self.megabytes.append(resident)
        self.files.append(files)
        self.threads.append(int(status["Threads"]))


def slope(seconds: list[float], values: list[float] | list[int]) -> float:
    """Growth a minute, by a line through the second half of the samples."""
    half = len(values) // 2
    if len(values) - half < 3:
        return 0.0
    return float(np.polyfit(np.array(seconds[half:]) / 60, np.array(values[half:], float), 1)[0])


class Soak:
    """The three loops, until `stop` is set."""

    def __init__(self, folder: Path) -> None:
        self.run, self.finished = folder / "run", folder / "finished"
        self.stop, self.counts = threading.Event(), dict.fromkeys(("views", "measured"), 0)
        self.problems: list[str] = []

    def explore(self, address: str) -> None:
        number = 0
        while not self.stop.wait(0.1):
            number += 1
            try:
                run, view = ("run", "finished")[number % 2], VIEWS[number // 2 % len(VIEWS)].format(n=number)
                with urlopen(f"{address}runs/{run}/{view}", timeout=60) as answer:
                    answer.read()
                    self.counts["views"] += 1
            except (HTTPError, OSError) as error:
                self.problems.append(f"explore: {error}")

    def evaluate(self) -> None:
        number, run = 0, str(self.finished)
        while not self.stop.wait(1):
            number += 1
            for words in (["evaluate", run, "--count", "100", "--seed", str(number)], ["report", run]):
                ended = subprocess.run([*SIMULACRA, *words], capture_output=True, text=True, check=False)
                if ended.returncode:
                    self.problems.append(f"{words[0]}: {ended.stderr.strip().splitlines()[-1:]}")
                else:
                    self.counts["measured"] += 1


def soak(folder: Path, minutes: float) -> tuple[Soak, dict[str, Usage], int]:
    """The loops, what the two processes used, and the step at which the training stood in the end."""
    one = Soak(folder)
    train = [*SIMULACRA, "train", "demo-vae", "--data", "avatars"]
    subprocess.run([*train, "--out", str(one.finished), "--steps", "200"], stderr=subprocess.DEVNULL, check=True)
    words = ["--out", str(one.run), "--steps", "10000000", "--threads", "1"]
    words += ["--set", "every.keep=2", "--set", f"every.checkpoint={EVERY}"]
    training = subprocess.Popen([*train, *words], stderr=subprocess.DEVNULL)
    while not list(one.run.glob("checkpoints/*.pt")):
        time.sleep(1)
        assert training.poll() is None, "the training ended"
    explorer = subprocess.Popen(
        [*SIMULACRA, "explore", str(folder), "--port", "0", "--no-browser"], stderr=subprocess.PIPE, text=True
    )
    assert explorer.stderr is not None
    address = explorer.stderr.readline().split(" at ")[1].split(" ")[0]
    loops = [threading.Thread(target=one.explore, args=(address,)), threading.Thread(target=one.evaluate)]
    for loop in loops:
        loop.start()
    used = {"training": Usage(training.pid), "explorer": Usage(explorer.pid)}
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        for usage in used.values():
            usage.sample()
        time.sleep(5)
    one.stop.set()
    for loop in loops:
        loop.join()
    for process in (explorer, training):
        process.terminate()
        process.wait()
    return one, used, json.loads((one.run / "run.json").read_text())["step"]


def table(one: Soak, used: dict[str, Usage], step: int, minutes: float) -> str:
    """The figures as Markdown."""
    lines = [f"| {minutes:g} minutes | memory, MB | a minute | open files | a minute | threads | a minute | |"]
    lines.append("|---|" + "---|" * 7)
    for name, usage in used.items():
        cells, flat = [], True
        for values, most in ((usage.megabytes, 1), (usage.files, 0.1), (usage.threads, 0.1)):
            growth = slope(usage.seconds, values)
            flat &= growth < most
            cells += [f"{values[len(values) // 2]:,.0f} to {values[-1]:,.0f}", f"{growth:+.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {'flat' if flat else 'NOT flat'} |")
    counts = f"{step:,} steps, {step // EVERY:,} checkpoints, {one.counts['views']:,} views"
    counts += f", {one.counts['measured']:,} evaluations and reports"
    return "\n".join(lines) + f"\n\nDone meanwhile: {counts}; {len(one.problems)} failed.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one, used, step = soak(Path(folder), options.minutes)
    text = table(one, used, step, options.minutes)
    print(text)
    for problem in one.problems[:20]:
        print(problem)
    if options.write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), "soak", text, Path(__file__).name), "utf-8")


if __name__ == "__main__":
    main()
