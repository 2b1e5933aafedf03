"""Many runs: ten thousand run folders in one explorer, and a study of 200 finished runs.

python benchmarks/many.py [--runs 10000] [--seeds 100] [--write]

The folders are written as a training leaves them, without weights. Measured are processor seconds, so that other work
of the machine does not count: the list of the explorer when it is opened, and again; planning the study, reading the
values of its runs, and writing its page. `--write` puts the table into docs/reliability.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from sensitivity import filled
from starlette.testclient import TestClient

from simulacra.estimates import Estimate
from simulacra.explorer import make_app
from simulacra.explorer.library import Library
from simulacra.measurements import Measurement
from simulacra.recipe import load, to_toml
from simulacra.runs import RunFolder
from simulacra.studies.answer import Outcome, answer
from simulacra.studies.file import load_study
from simulacra.studies.page import write_page
from simulacra.studies.plan import plan

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
STUDY: dict[str, Any] = {
    "claim": "A larger KL weight makes reconstructions worse.",
    "source": "a benchmark",
    "data": "made",
    "recipe": "demo-vae",
    "cases": {"light": {"objective": {"kl_weight": 0.01}}, "heavy": {"objective": {"kl_weight": 5.0}}},
    "question": {"kind": "better"},
    "measures": [{"metric": "reconstruction_mse", "direction": "higher"}],
    "full": {"images": 4000, "seeds": 5},
    "quick": {"images": 4000, "seeds": 2, "samples": 10},
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of some work, and what it gives."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def explorer(folder: Path, count: int) -> dict[str, str]:
    """The list of so many runs."""
    recipe = to_toml(load("demo-vae"))
    facts = {"family": "vae", "state": "finished", "step": 400, "seconds": 30.5, "data": {"path": "x"}}
    for number in range(count):
        path = folder / f"run-{number:05d}"
        (path / "checkpoints").mkdir(parents=True)
        (path / "recipe.toml").write_text(recipe.replace("seed = 0", f"seed = {number}"), "utf-8")
        (path / "run.json").write_text(json.dumps(facts, indent=1), "utf-8")
        (path / "checkpoints" / "step-00000400.pt").write_bytes(b"")
    opened, library = timed(lambda: Library([folder]))
    with TestClient(make_app(library), "http://127.0.0.1:8000") as client:
        first, answer_of = timed(lambda: client.get("/index.json"))
        again, _ = timed(lambda: client.get("/index.json"))
    assert len(answer_of.json()["runs"]) == count
    return {
        f"the explorer opens a folder of {count:,} runs": f"{opened:.2f} s",
        "its list, the first time": f"{first:.2f} s",
        "its list, again": f"{again:.2f} s",
        "size of the list": f"{len(answer_of.content) / 1e6:.1f} MB",
    }


def study(folder: Path, seeds: int) -> dict[str, str]:
    """A finished study of two cases and so many seeds."""
    path = folder / "weights.toml"
    path.write_text(tomli_w.dumps(STUDY), "utf-8")
    asked = load_study(str(path))
    planning, made = timed(
        lambda: plan("weights", asked, "quick", seeds, "made", folder / "studies", lambda recipe: (recipe, "x"))
    )
    random = np.random.default_rng(0)
    for run in made.runs:
        files, value = RunFolder(run.folder), float(random.normal(1 + (run.case == "heavy"), 0.1))
        files.path.mkdir(parents=True)
        files.write_recipe(run.recipe)
        files.write_facts({"state": "finished", "step": run.recipe.steps, "family": "vae"})
        about: dict[str, Any] = {"metric": "reconstruction_mse", "split": "test", "n": 9, "step": run.recipe.steps}
        rows = [
            json.dumps({"step": step, "images": 64 * step, "loss/total": value + 1 / step}) for step in range(1, 200)
        ]
        (files.path / "metrics.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
        files.append("evaluations", Measurement(estimate=Estimate(value), **about).to_json())
        images = random.integers(0, 256, (16, 32, 32, 3), np.uint8)
        files.write_picture(f"fixed-{run.recipe.steps:08d}", {"images": images}, b"")
    outcomes = [Outcome(run, "finished", seconds=60.0) for run in made.runs]
    reading, findings = timed(lambda: answer(made, outcomes))
    writing, page = timed(lambda: write_page(made, findings, "simulacra study weights.toml"))
    return {
        f"planning a study of {len(made.runs)} runs": f"{planning:.2f} s",
        "reading its finished runs": f"{reading:.2f} s",
        "writing its page": f"{writing:.2f} s",
        "size of the page": f"{page.stat().st_size / 1e6:.2f} MB",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=100, help="of each of two cases")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = explorer(Path(folder) / "runs", options.runs) | study(Path(folder), options.seeds)
    text = "| processor time | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    print(text)
    if options.write:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), "many runs", text, Path(__file__).name), "utf-8")


if __name__ == "__main__":
    main()
