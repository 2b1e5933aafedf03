"""Whether bfloat16 costs quality: the Frechet distance after equally many steps in it and in float32, seed by seed.

    python benchmarks/precision.py faces-fast --data stores/avatars [--steps 1000] [--seeds 3] [--json]
    python benchmarks/precision.py fashion-dcgan --data stores/fashion-mnist

Meant for a machine that multiplies bfloat16 natively; any other computes the same, hundreds of times slower.
"""

import argparse
import json
import statistics
import sys
from itertools import count
from pathlib import Path

import torch
from ten_minutes import Trial, by_recipe, measure

from simulacra.data.store import open_store
from simulacra.engine.devices import multiplies_bfloat16

PRECISIONS = ("float32", "bfloat16")


def after(steps: int) -> "count[int]":
    """Counts how often the loop has asked whether it is over."""
    return count(-steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe")
    parser.add_argument("--data", type=Path, required=True, help="a packed store")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-n", type=int, default=5000, help="samples")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    given = parser.parse_args()
    if not multiplies_bfloat16(torch.device("cpu")):
        print("this processor multiplies no bfloat16 natively: that half will be slow", file=sys.stderr)
    store, found = open_store(given.data), []
    for seed in range(given.seeds):
        for precision in PRECISIONS:  # turn by turn
            asked = after(given.steps)
            trial = Trial(given.recipe, {"precision": precision}, "")
            images, _ = by_recipe(trial, store, seed, lambda asked=asked: next(asked) >= 0, given.n)
            scores = measure(images, store)
            found.append({"seed": seed, "precision": precision, "above": scores["frechet"] - scores["floor"]})
            if not given.json:
                print(f"seed {seed}, {precision}: {found[-1]['above']:.4g} above the floor", flush=True)
    single, half = ([row["above"] for row in found if row["precision"] == name] for name in PRECISIONS)
    gaps = [two - one for one, two in zip(single, half, strict=True)]
    summary = {"float32": statistics.mean(single), "bfloat16": statistics.mean(half), "gap": statistics.mean(gaps)}
    if given.json:
        print(json.dumps({"recipe": given.recipe, "steps": given.steps, "rows": found, "summary": summary}))
    else:
        print(f"mean {summary['float32']:.4g} and {summary['bfloat16']:.4g}; gaps {min(gaps):.3g} to {max(gaps):.3g}")


if __name__ == "__main__":
    main()
