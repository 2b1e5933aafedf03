"""Whether bfloat16 costs quality: the Frechet distance after equally many steps in it and in float32, seed by seed.

    python benchmarks/precision.py faces-fast --data stores/avatars [--steps 1000] [--seeds 3] [--json]
    python benchmarks/precision.py garments-fast --data stores/fashion-mnist --rounded

Meant for a machine that multiplies bfloat16 natively; any other computes the same, hundreds of times slower. There
`--rounded` trains in float32 and rounds what bfloat16 would (benchmarks/rounding.py): what the rounding costs.
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
from ten_minutes import Trial, by_recipe, measure

from simulacra.data.store import open_store
from simulacra.engine.devices import multiplies_bfloat16

PRECISIONS = ("float32", "bfloat16")


def after(steps: int) -> "count[int]":
    """Counts how often the loop has asked whether it is over."""
    return count(-steps)


def summed(found: list[dict[str, Any]], features: str) -> dict[str, float]:
    """Mean distance in either precision by these features, and the least and the most that bfloat16 adds to a seed."""
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
    given = parser.parse_args()
    if not given.rounded and not multiplies_bfloat16(torch.device("cpu")):
        print("this processor multiplies no bfloat16 natively: that half will be slow", file=sys.stderr)
    store, found = open_store(given.data), []
    for seed in range(given.seeds):
        for precision in PRECISIONS:  # turn by turn
            asked = after(given.steps)
            plays = given.rounded and precision != "float32"
            trial = Trial(given.recipe, {"precision": "float32" if plays else precision}, "")
            with Rounding() if plays else nullcontext():
                images, _ = by_recipe(trial, store, seed, lambda asked=asked: next(asked) >= 0, given.n)
            for features, scores in measure(images, store).items():
                above = scores["frechet"] - scores["floor"]
                found.append({"seed": seed, "precision": precision, "features": features, "above": above})
                if not given.json:
                    print(f"seed {seed}, {precision}: {above:.4g} above the floor by {features}", flush=True)
    summary = {features: summed(found, features) for features in dict.fromkeys(row["features"] for row in found)}
    if given.json:
        print(json.dumps({"recipe": given.recipe, "steps": given.steps, "rows": found, "summary": summary}))
        return
    for features, one in summary.items():
        means = " and ".join(f"{one[name]:.4g}" for name in PRECISIONS)
        print(f"{features}: mean {means}; bfloat16 adds {one['low']:.3g} to {one['high']:.3g}")


if __name__ == "__main__":
    main()
