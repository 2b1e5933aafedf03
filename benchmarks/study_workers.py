"""Two runs of one thread against one run of two: which way of carrying out a study gives more images per second.

    python benchmarks/study_workers.py --recipes fashion-vae-mlp-64 demo-dcgan --seconds 20

Each process trains for so many seconds, as `simulacra bench` does. Both ways take turns, so that a machine that gets
slower hits both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys


def speeds(recipe: str, processes: int, threads: int, seconds: float) -> float:
    """Images per second of so many trainings at once, all together."""
    words = [sys.executable, "-m", "simulacra", "bench", recipe, "--seconds", str(seconds), "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    started = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    return sum(json.loads(process.communicate()[0])["images_per_second"] for process in started)


def main() -> None:
    """Prints a row of a table per recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipes", nargs="+", default=["fashion-vae-mlp-64", "demo-dcgan"])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    print(f"| recipe | {asked.cores} runs of one thread | one run of {asked.cores} threads | ratio |")
    print("|---|---|---|---|")
    for recipe in asked.recipes:
        many, one = [], []
        for _ in range(asked.turns):
            many.append(speeds(recipe, asked.cores, 1, asked.seconds))
            one.append(speeds(recipe, 1, asked.cores, asked.seconds))
        ratios = [a / b for a, b in zip(many, one, strict=True)]
        row = f"{statistics.median(many):,.0f} | {statistics.median(one):,.0f} | {statistics.median(ratios):.2f}"
        print(f"| {recipe} | {row} ({min(ratios):.2f} to {max(ratios):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
