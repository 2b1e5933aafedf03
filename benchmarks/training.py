"""The speed of three recipes, relative to a plain training loop for the same networks on the same machine.

    python benchmarks/training.py [--only dcgan-64] [--repeats 3] [--seconds 10] [--json] [--add] [--quick]

Turns are interleaved: plain, ours, plain, ours, each in its own process. Ours is `simulacra bench` on random images. A
ratio is a ratio of medians over the repeats; the table also has the lowest and highest ratio of single turns. Only
ratios can be compared between machines and days.

`--add` appends a row to benchmarks/history.jsonl, one per change that should alter the speed. `--quick` runs the same
with small batches in under a minute: a check that the script works, whose ratios are not those of the recipes.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RECIPES = {"dcgan-64": "celeba-dcgan", "vae-512": "celeba-vae-512", "fashion-dcgan": "fashion-dcgan"}
BARS = "bars: 3.0 times plain; dcgan-64 at 75% of the matrix product in bfloat16; at most 3% of a step not the update"
KEPT = ("ratio", "matmul_share", "outside_share")  # what still means something on another day
ABOUT = ("processor", "device", "precision", "threads")


def run(*words: object) -> dict[str, Any]:
    """The JSON that a process of Python prints."""
    ended = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def turn(name: str, batch: int, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plain, then ours."""
    plain = run(HERE / "plain.py", name, "--batch", batch, "--seconds", seconds, "--json")
    ours = ["bench", RECIPES[name], "--seconds", seconds, "--set", f"data.batch={batch}", "--json"]
    return plain, run("-c", "from simulacra.cli import main; main()", *ours)


def summed(name: str, batch: int, turns: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """One row of the table."""
    plain, ours = ([one["images_per_second"] for one in side] for side in zip(*turns, strict=True))
    ratios = [one / other for one, other in zip(ours, plain, strict=True)]
    shares = {key: statistics.median(found[key] for _, found in turns) for key in KEPT[1:]}
    medians = statistics.median(plain), statistics.median(ours)
    row = {"name": name, "recipe": RECIPES[name], "batch": batch, "plain": medians[0], "ours": medians[1]}
    return row | {"ratio": medians[1] / medians[0], "lowest": min(ratios), "highest": max(ratios)} | shares


def measure(names: list[str], batch: int, repeats: int, seconds: float) -> dict[str, Any]:
    """All rows, and the machine."""
    turns: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            turns[name].append(turn(name, batch, seconds))
    described = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    commit = subprocess.run(described, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    about = {key: turns[names[0]][0][1][key] for key in ABOUT}
    return {"commit": commit} | about | {"rows": [summed(name, batch, turns[name]) for name in names]}


def remembered(found: dict[str, Any]) -> str:
    """A line for the history, without values that depend on the machine alone."""
    rows = {row["name"]: {key: round(row[key], 4) for key in KEPT} for row in found["rows"]}
    return json.dumps({key: found[key] for key in ("commit", *ABOUT)} | {"rows": rows}) + "\n"


def table(found: dict[str, Any]) -> Table:
    """The rows for a person."""
    columns = ("", "batch", "plain, images/s", "ours", "ratio", "single turns", "of matmul", "not the update")
    title = f"{found['processor']}, {found['precision']}, {found['threads']} threads"
    drawn = Table(*columns, title=title, title_justify="left", caption=BARS, caption_justify="left", box=None)
    for row in found["rows"]:
        drawn.add_row(
            row["name"],
            str(row["batch"]),
            f"{row['plain']:,.1f}",
            f"{row['ours']:,.1f}",
            f"{row['ratio']:.2f}",
            f"{row['lowest']:.2f} to {row['highest']:.2f}",
            f"{row['matmul_share']:.0%}",
            f"{row['outside_share']:.1%}",
        )
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=RECIPES, action="append", help="one of the three; all by default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn, its start not counted")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument("--add", action="store_true", help="append a row to benchmarks/history.jsonl")
    parser.add_argument("--quick", action="store_true", help="batch 8, one repeat, a second each: does it work at all")
    options = parser.parse_args()
    if options.quick and options.add:
        parser.error("--quick measures no recipe as it is, so its ratios are not kept; leave out --add")
    if options.quick:
        options.batch, options.repeats, options.seconds = 8, 1, 1.0
    found = measure(options.only or list(RECIPES), options.batch, options.repeats, options.seconds)
    print(json.dumps(found)) if options.json else Console(width=120).print(table(found))
    if options.add:
        with (HERE / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(remembered(found))


if __name__ == "__main__":
    main()
