"""Whether bfloat16 costs quality: the Fréchet distance after the same steps in bfloat16 and in float32, per seed.

    python benchmarks/precision.py faces-fast --data stores/avatars [--steps 1000] [--seeds 3] [--json]
    python benchmarks/precision.py garments-fast --data stores/fashion-mnist --rounded

For a machine with native bfloat16; without it the same computation is hundreds of times slower. There `--rounded`
trains in float32 and rounds the values that bfloat16 would round (benchmarks/rounding.py).
"""

import argparse
import json
import statistics
import sys
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import torch
from rounding import Rounding
from ten_minutes import Trial, measure, recipe_samples

from simulacra.data.store import open_store
from simulacra.engine.devices import multiplies_bfloat16

PRECISIONS = ("float32", "bfloat16")


def after(steps: int) -> "count[int]":
    """Counts the questions of the loop whether it is over."""
    return count(-steps)


def summed(found: list[dict[str, Any]], features: str) -> dict[str, float]:
    """Mean distance in each precision by these features, and the smallest and largest difference of a seed."""
    single, half = (
        [row["above"] for row in found if (row["precision"], row["features"]) == (name, features)]
        for name in PRECISIONS
    )
    gaps = [two - one for one, two in zip(single, half, strict=True)]
    means = {name: statistics.mean(values) for name, values in zip(PRECISIONS, (single, half), strict=True)}
    return means | {"low": min(gaps), "high": max(gaps)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe")
    parser.add_argument("--data", type=Path, required=True, help="a packed store")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounded", action="store_true", help="round in float32 what bfloat16 would round")
    parser.add_argument("-n", type=int, default=5000, help="samples")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    if not options.rounded and not multiplies_bfloat16(torch.device("cpu")):
        print("this processor has no native bfloat16: that half will be slow", file=sys.stderr)
    store, found = open_store(options.data), []
    for seed in range(options.seeds):
        for precision in PRECISIONS:  # turn by turn
            asks = after(options.steps)
            plays = options.rounded and precision != "float32"
            trial = Trial(options.recipe, {"precision": "float32" if plays else precision}, "")
            with Rounding() if plays else nullcontext():
                images, _ = recipe_samples(trial, store, seed, lambda asks=asks: next(asks) >= 0, options.n)
            for features, scores in measure(images, store).items():
                above = scores["frechet"] - scores["floor"]
                found.append({"seed": seed, "precision": precision, "features": features, "above": above})
                if not options.json:
                    print(f"seed {seed}, {precision}: {above:.4g} above real images by {features}", flush=True)
    summary = {features: summed(found, features) for features in dict.fromkeys(row["features"] for row in found)}
    if options.json:
        print(json.dumps({"recipe": options.recipe, "steps": options.steps, "rows": found, "summary": summary}))
        return
    for features, one in summary.items():
        means = " and ".join(f"{one[name]:.4g}" for name in PRECISIONS)
        print(f"{features}: mean {means}; bfloat16 adds {one['low']:.3g} to {one['high']:.3g}")


if __name__ == "__main__":
    main()
