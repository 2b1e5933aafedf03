"""How long a thousand samples take, codes and pixels included, loading apart.

python benchmarks/sampling.py [celeba-dcgan] [-n 1000] [--repeats 5] [--json]
"""

import argparse
import json
import statistics
import time

import torch

from simulacra.evaluation.subject import Subject
from simulacra.objectives import build
from simulacra.recipe import load
from simulacra.seeds import Draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", nargs="?", default="celeba-dcgan", help="whose family takes no labels")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    recipe = load(options.recipe)
    objective = build(recipe)
    objective.networks.to(memory_format=torch.channels_last)
    subject = Subject(objective, recipe, None)
    times = []
    for repeat in range(1 + options.repeats):  # the first one warms up
        begin = time.perf_counter()
        subject.decode(subject.codes(options.n, Draw.SAMPLES, seed=repeat))
        times.append(time.perf_counter() - begin)
    seconds = {"median": statistics.median(times[1:]), "best": min(times[1:])}
    row = {"recipe": options.recipe, "n": options.n, "threads": torch.get_num_threads(), "seconds": seconds}
    if options.json:
        print(json.dumps(row))
    else:
        print(f"{options.n:,} samples of {options.recipe}: {seconds['median']:.2f} s (best {seconds['best']:.2f} s)")


if __name__ == "__main__":
    main()
