"""Two models, or two recipes: makes the tables of docs/compare.md from six small runs.

    python benchmarks/two_recipes.py [--folder DIR]

Runs the commands that the page shows, in a folder of their own (kept with --folder, and gone on with), and writes what
`compare` prints between the page's marks. Some minutes on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent

from sensitivity import filled

PAGE = Path(__file__).parents[1] / "docs" / "compare.md"
WEIGHTS, SEEDS, STEPS = ("1.0", "4.0"), ("0", "1", "2"), "300"


def simulacra(folder: Path, *words: str) -> str:
    """What a command prints; its progress goes where ours does."""
    command = [sys.executable, "-m", "simulacra", *words]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def runs(folder: Path) -> list[str]:
    """Trains and measures two recipes with three seeds each; their run folders."""
    simulacra(folder, "pack", "avatars", "--count", "3000", "--size", "32", "--out", "stores/avatars-32")
    found = []
    for weight in WEIGHTS:
        for seed in SEEDS:
            out = f"runs/kl-{weight}-seed-{seed}"
            length = ("--steps", STEPS, "--set", f"every.checkpoint={STEPS}")
            change = ("--set", f"objective.kl_weight={weight}", "--seed", seed)
            simulacra(folder, "train", "demo-vae", "--data", "stores/avatars-32", *length, *change, "--out", out)
            simulacra(folder, "evaluate", out, "-n", "500", "--features", "random-vgg")
            found.append(out)
    return found


def write(folder: Path) -> None:
    """Both tables into the page."""
    found = runs(folder)
    two = simulacra(folder, "compare", found[0], found[len(SEEDS)])
    groups = simulacra(folder, "compare", *found, "--group-by", "objective.kl_weight")
    text = PAGE.read_text("utf-8")
    for mark, printed in (("models", two), ("recipes", groups)):
        body = dedent("\n".join(line.rstrip() for line in printed.splitlines())).strip("\n")
        text = filled(text, mark, f"```\n{body}\n```\n", Path(__file__).name)
    PAGE.write_text(text, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="where data and runs are kept; else they are thrown away")
    options = parser.parse_args()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        write(options.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))


if __name__ == "__main__":
    main()
