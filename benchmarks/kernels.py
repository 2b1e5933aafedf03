"""Where the time of an update goes, operator by operator, and how near each product comes to a matrix product.

    python benchmarks/kernels.py celeba-dcgan [--batch 128] [--threads 1] [--updates 4] [--top 12] [--json]

Every operator below autograd is timed as it is called, forward and backward alike. Of equal calls the fastest counts,
as of matrix products; with one thread it is processor time that counts, so that other programs disturb little.
Products are counted by torch's own formulas, in which borders count as full. For a CPU only, where a call returns when
it is done.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from simulacra.data.resolve import fit
from simulacra.engine.devices import Devices
from simulacra.recipe import load
from simulacra.runs import RunFolder
from simulacra.verbs.bench import SIDE, made_up, round_of, set_up

WARM = 2


class Clock(TorchDispatchMode):
    """Keeps the seconds of every call, and the FLOP of one, by operator and shapes."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.now = now
        self.seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.flops: dict[tuple[str, str], int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, packet = kwargs or {}, func._overloadpacket
        begin = self.now()
        out = func(*args, **kwargs)
        seconds = self.now() - begin
        counts = flop_registry.get(packet)
        key = packet.__name__, described(packet.__name__, args, out)
        self.seconds[key].append(seconds)
        self.flops[key] = counts(*args, **kwargs, out_val=out) if counts else 0
        return out


def described(name: str, args: Any, out: Any) -> str:
    """The shapes of a product in short, like "3x64x64 -> 64x32x32, kernel 4"."""
    if name not in ("convolution", "convolution_backward"):
        return " and ".join("x".join(map(str, a.shape)) for a in args if hasattr(a, "shape") and a.dim() > 1)
    backward = name == "convolution_backward"
    images, weights = (args[1], args[2]) if backward else (args[0], args[1])
    made = args[0] if backward else out
    stride, transposed = (args[4], args[7]) if backward else (args[3], args[6])
    words = f"{'x'.join(map(str, images.shape[1:]))} -> {'x'.join(map(str, made.shape[1:]))}"
    words += f", kernel {weights.shape[-1]}, stride {stride[0]}{', transposed' if transposed else ''}"
    if backward:
        words += ": for " + " and ".join(
            what for what, needed in zip(("input", "weights"), args[10], strict=False) if needed
        )
    return words


def measure(name: str, changes: dict[str, Any], updates: int, threads: int) -> dict[str, Any]:
    """Milliseconds of an update's operators, beside the rate of a matrix product."""
    recipe, devices = load(name, changes), Devices("cpu")
    store = made_up(recipe)
    recipe = fit(recipe, store)
    turn = round_of(recipe)
    warm, count = -(-WARM // turn) * turn, -(-updates // turn) * turn
    torch.set_num_threads(threads)
    now = time.thread_time if threads == 1 else time.perf_counter
    products, clock = [], Clock(now)
    one, two = (torch.rand(SIDE, SIDE).to(devices.dtype) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        training = set_up(recipe, RunFolder(Path(folder) / "run"), store, devices)
        for step in range(warm + count):
            for _ in range(8):
                begin = now()
                one @ two
                products.append(now() - begin)
            batch = training.batches[step]
            training.optimize.at(step, recipe.steps)
            with devices.autocast(), clock if step >= warm else nullcontext():
                training.objective.update(batch, step, training.optimize)
    rows = []
    for (operator, shapes), seconds in clock.seconds.items():
        calls, best = len(seconds) / count, min(seconds)
        gflop = clock.flops[operator, shapes] / 1e9
        rows.append(
            {
                "operator": operator,
                "shapes": shapes,
                "calls": calls,
                "ms": 1e3 * calls * best,
                "gflop": calls * gflop,
                "gflops": gflop / best,
            }
        )
    whole = sum(row["ms"] for row in rows)
    rows = [row | {"share": row["ms"] / whole} for row in sorted(rows, key=lambda row: -row["ms"])]
    facts = {"recipe": name, "batch": recipe.data.batch, "precision": devices.precision}
    return facts | {
        "threads": threads,
        "matmul_gflops": 2e-9 * SIDE**3 / min(products),
        "operators_ms": whole,
        "rows": rows,
    }


def tables(found: dict[str, Any], top: int) -> list[Table]:
    """Operators by their share of the update; products by shape, with the rate that each reaches."""
    title = f"{found['recipe']}, batch {found['batch']}, {found['precision']}, {found['threads']} thread(s): "
    title += f"operators of {found['operators_ms']:,.0f} ms an update"
    operators = Table("operator", "calls", "ms", "share", title=title, title_justify="left", box=None)
    totals: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for row in found["rows"]:
        totals[row["operator"]] = [
            a + row[key] for a, key in zip(totals[row["operator"]], ("calls", "ms", "share"), strict=True)
        ]
    for name, (calls, ms, share) in sorted(totals.items(), key=lambda item: -item[1][1])[:top]:
        operators.add_row(name, f"{calls:,.0f}", f"{ms:,.1f}", f"{share:.1%}")
    products = Table(
        "product", "shapes", "calls", "ms", "share", "GFLOP/s", f"of matmul's {found['matmul_gflops']:,.0f}", box=None
    )
    for row in [row for row in found["rows"] if row["gflop"]][: 2 * top]:
        products.add_row(
            row["operator"].replace("convolution_backward", "backward"),
            row["shapes"],
            f"{row['calls']:,.0f}",
            f"{row['ms']:,.1f}",
            f"{row['share']:.1%}",
            f"{row['gflops']:,.0f}",
            f"{row['gflops'] / found['matmul_gflops']:.0%}",
        )
    work = [row for row in found["rows"] if row["gflop"]]
    gflop, ms = sum(row["gflop"] for row in work), sum(row["ms"] for row in work)
    products.add_row(
        "all",
        "",
        f"{sum(row['calls'] for row in work):,.0f}",
        f"{ms:,.1f}",
        f"{ms / found['operators_ms']:.1%}",
        f"{1e3 * gflop / ms:,.0f}",
        f"{1e3 * gflop / ms / found['matmul_gflops']:.0%}",
    )
    return [operators, products]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe")
    parser.add_argument("--batch", type=int, help="the recipe's own by default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--updates", type=int, default=4, help="that are measured")
    parser.add_argument("--top", type=int, default=12, help="rows of the first table; the second has twice as many")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    found = measure(
        options.recipe, {"data.batch": options.batch} if options.batch else {}, options.updates, options.threads
    )
    if options.json:
        print(json.dumps(found))
        return
    for table in tables(found, options.top):
        Console(width=150).print(table)


if __name__ == "__main__":
    main()
