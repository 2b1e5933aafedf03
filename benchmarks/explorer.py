"""How soon a slider of the explorer is followed by its picture: a 64x64 DCGAN, measured in the browser.

python benchmarks/explorer.py [--recipe celeba-dcgan] [--moves 100] [--json]

Time runs from a slider's event to the moment at which its picture is on the canvas, so it counts the request, the
network of the generator, PNG both ways, and the drawing. The weights are those before training: they cost as much.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from simulacra.engine.checkpoints import to_bytes
from simulacra.objectives import build
from simulacra.recipe import load
from simulacra.runs import RunFolder

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# One move after the other, each when the picture of the one before is there; then a drag, sixty moves a second.
TIMES = """async (moves) => {
  const slider = document.querySelector("#sliders input[type=range].signed");
  const picture = document.getElementById("picture");
  const drawn = (value) => new Promise((done) => {
    const watch = new MutationObserver(() => {
      const moved = JSON.parse(picture.dataset.drawn).principal_directions;
      if (moved && moved["1"] === value) { watch.disconnect(); done(performance.now()); }
    });
    watch.observe(picture, { attributes: true });
  });
  const move = (value) => { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); };
  const times = [];
  for (let place = 0; place < moves; place += 1) {
    const value = Math.round((-4 + (8 * place) / moves) * 20) / 20 || 0.05;
    if (Number(slider.value) === value) continue;
    const there = drawn(value), begun = performance.now();
    move(value);
    times.push((await there) - begun);
  }
  let shown = 0;
  const watch = new MutationObserver(() => { shown += 1; });
  watch.observe(picture, { attributes: true, attributeFilter: ["data-drawn"] });
  const begun = performance.now();
  for (let place = 0; place < 120; place += 1) {
    move(-4 + place / 20);
    await new Promise((done) => setTimeout(done, 1000 / 60));
  }
  return { times, drag: shown / ((performance.now() - begun) / 1000) };
}"""


def untrained(folder: Path, name: str) -> Path:
    """A run folder of a recipe, as it would be before its first step."""
    recipe, run = load(name), RunFolder(folder / name)
    run.write_recipe(recipe)
    run.write_facts({"family": recipe.objective.family, "state": "finished", "step": 0})
    networks = build(recipe).networks.state_dict()
    run.write_checkpoint(0, to_bytes({"step": 0, "networks": networks, "ema": {}}), keep=0)
    return run.path


def measure(run: Path, moves: int) -> dict[str, float]:
    """Milliseconds from slider to picture, and pictures per second while it is dragged."""
    words = [sys.executable, "-c", "from simulacra.cli import main; main()", "explore", str(run)]
    words += ["--port", "0", "--no-browser"]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        address = server.stderr.readline().split(" at ")[1].split(" ")[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            page = browser.new_page()
            page.goto(f'{address}#tab=sliders&code={{"seed":0,"principal_directions":{{"1":4}}}}')
            page.wait_for_selector("#picture[data-drawn]")
            found = page.evaluate(TIMES, moves)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    times = sorted(found["times"])
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(0.95 * len(times))], 1),
        "moves": len(times),
        "pictures_per_second_of_drag": round(found["drag"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="celeba-dcgan", help="whose networks are measured")
    parser.add_argument("--moves", type=int, default=100, help="of the slider")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(untrained(Path(folder), options.recipe), options.moves)
    if options.json:
        print(json.dumps({"recipe": options.recipe, "cores": os.cpu_count()} | found))
        return
    table = Table("from slider to picture", "", box=None)
    for name, value in found.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
