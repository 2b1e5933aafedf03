"""Systems: writes the tables of docs/systems.md from the recipes and from what runs of them gave.

    python benchmarks/systems_table.py                # writes the tables anew
    python benchmarks/systems_table.py --add RUN ...  # first takes down the numbers and a figure of finished runs
    python benchmarks/systems_table.py --check        # leaves with 1 if the page is not what would be written

No measured number is typed by hand: `--add` reads a run folder into benchmarks/results/, one file a recipe, change and
seed, and the page shows what lies there. What the reports published stands in PUBLISHED, as their pages have it.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import torch
from observations import tables as observed
from observations import updates
from PIL import Image

from simulacra.objectives import build, summarize
from simulacra.recipe import Recipe, load, shipped
from simulacra.report.formatting import MISSING, duration, epochs, listed, number, slug
from simulacra.report.titles import changes_of
from simulacra.runs import RunFolder

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "systems.md"
RESULTS = ROOT / "benchmarks" / "results"
IMAGES = ROOT / "docs" / "images" / "systems"

REPORTS = {
    "A": "faces, PyTorch",
    "B": "faces, TensorFlow",
    "C": "faces, Keras",
    "D": "faces, PyTorch",
    "E": "garments, PyTorch",
}
SYSTEMS = {
    "A1": ["celeba-vae-512"],
    "A2": ["celeba-dcgan-bn"],
    "A3": ["celeba-acgan"],
    "B1": ["celeba-vae-1024"],
    "B2": ["celeba-dcgan-k5"],
    "B3": ["celeba-acgan-k5"],
    "C1": ["celeba-vae-256-flat"],
    "C2": ["celeba-gan-upsample"],
    "C3": ["celeba-wgan", "celeba-wgan-gp"],
    "C4": ["celeba-acgan-upsample"],
    "D1": ["celeba-vae-100"],
    "D2": ["celeba-dcgan"],
    "D3": ["celeba-acgan-onehot"],
    "D4": ["celeba-infogan", "celeba-infogan-2x10"],
    "E1": ["fashion-dcgan"],
    "E2": ["fashion-vae-mlp"],
    "E3": ["fashion-vae-mlp-64"],
    "E4": ["fashion-classifier-mlp"],
    "E5": ["fashion-vae-mlp-pretrained"],
}
PUBLISHED = {
    "celeba-vae-512": "KL near 40 nats in training",
    "celeba-vae-1024": "test MSE 0.028471",
    "celeba-vae-256-flat": "test MSE 0.0059",
    "celeba-acgan-upsample": "attribute accuracy in training 0.8 to 1.0",
    "celeba-vae-100": "test MSE 0.0197",
    "fashion-vae-mlp": "training loss 0.3374 after 50 epochs",
    "fashion-classifier-mlp": "test accuracy 0.886 (training 0.924), test loss 0.316, 30 epochs",
    "fashion-vae-mlp-pretrained": "training loss 0.3371 after 50 epochs",
}
FIGURES = {  # family -> beginnings of the names of figures, the best first; no reconstruction: it shows a real person
    "vae": ("samples",),
    "gan": ("samples",),
    "wgan": ("samples",),
    "acgan": ("classes", "pairs-"),
    "infogan": ("category-pairs", "categories-1"),
    "classifier": ("confusion", "accuracy"),
}
TRAINING = {  # curve -> its name on the page; shown is the mean over the last epoch
    "loss/total": "loss",
    "accuracy/train": "accuracy",
    "accuracy/real": "accuracy of D on real images",
    "accuracy/fake": "accuracy of D on fake images",
    "code_accuracy/categorical_1": "accuracy of the code",
}
SHOWN = (  # split and metric, in the order of the page
    "test mse",
    "test ssim",
    "test kl",
    "test loss",
    "test accuracy",
    "test label_accuracy",
    "condition_accuracy_corrected",
    "leakage",
    "test frechet_distance",
    "test kernel_distance",
    "test precision",
    "test recall",
    "test coverage",
)
WIDEST = 1000  # pixels of a figure's longer side on the page
LENGTH = ("seed", "steps", "minutes", "every", "start")  # keys whose change does not make it another recipe
HEAD = (
    "system",
    "recipe",
    "parameters",
    "figure",
    "measured here",
    "seeds, epochs, training time",
    "published",
    "command",
)

Result = dict[str, Any]


def main() -> None:
    """Reads the command line and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", nargs="+", type=Path, default=[], metavar="RUN", help="folders of finished runs")
    parser.add_argument("--check", action="store_true", help="writes nothing")
    options = parser.parse_args()
    for run in options.add:
        print(take_down(RunFolder(run)))
    text = PAGE.read_text("utf-8")
    fresh = filled(text, results())
    if options.check:
        sys.exit(f"{PAGE} is stale; run: python benchmarks/systems_table.py" if fresh != text else 0)
    PAGE.write_text(fresh, "utf-8")


def take_down(run: RunFolder) -> str:
    """Keeps a finished run's numbers, and its figure if its recipe is as it is shipped; says where."""
    facts, recipe = run.read_facts(), run.read_recipe()
    if facts.get("state") != "finished" or facts.get("recipe_name") not in shipped():
        sys.exit(f"{run.path}: only finished runs of shipped recipes are taken down")
    name = facts["recipe_name"]
    rows = [row for row in run.rows("metrics") if row["epoch"] > facts["epochs"] - 1]
    keys = [key for key in rows[-1] if "/" in key] if rows else []
    means = {key: sum(values) / len(values) for key in keys if (values := [row[key] for row in rows if key in row])}
    changes, other = differences(recipe, facts), other_data(facts, recipe)
    kept = ("epochs", "images_seen", "seconds", "command", "processor", "threads", "device", "precision", "torch")
    result = {
        "recipe": name,
        "family": recipe.objective.family,
        "data": other,
        "changes": changes,
        "seed": recipe.seed,
        **{key: facts.get(key) for key in kept},
        "measured": [row for row in run.rows("evaluations") if row["step"] == facts["step"]],
        "last_epoch": means,
    }
    stem = stem_of(result)
    path = RESULTS / f"{stem}-seed-{recipe.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    figure = figure_of(run, recipe)
    if figure:
        IMAGES.mkdir(parents=True, exist_ok=True)
        with Image.open(figure) as image:
            image.thumbnail((WIDEST, WIDEST))
            image.save(IMAGES / f"{stem}.webp", quality=85, method=6)
    return f"{path.name}{' and its figure' if figure else ''}"


def stem_of(result: Result) -> str:
    """What files about such runs are called, whatever their seed."""
    words = [result["recipe"], *filter(None, [result.get("data")])]
    return "-".join([*words, *(slug(f"{key.split('.')[-1]}-{value}") for key, value in result["changes"].items())])


def other_data(facts: dict[str, Any], recipe: Recipe) -> str | None:
    """The data set that a run saw, where it is not the one that its recipe was written for."""
    title = facts.get("data", {}).get("card", {}).get("title")
    name = slug(title).lower() if title else recipe.data.name
    return None if name == recipe.data.name else name


def figure_of(run: RunFolder, recipe: Recipe) -> Path | None:
    """The figure that shows most of what the family can do, if the run's report has been written."""
    drawn = sorted((run.path / "figures").glob("*.png"))
    wanted = FIGURES.get(recipe.objective.family, ("samples",))
    return next((path for start in wanted for path in drawn if path.name.startswith(start)), None)


def differences(recipe: Recipe, facts: dict[str, Any]) -> dict[str, Any]:
    """Keys that a run changed, without those that only say how long it is, how it is watched or where it starts."""
    return {key: value for key, value, _ in changes_of(recipe, facts) if key.split(".")[0] not in LENGTH}


def results() -> list[Result]:
    """All that was taken down, by recipe, change and seed."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    return sorted(found, key=lambda result: (result["recipe"], len(result["changes"]), result["seed"]))


def filled(text: str, taken: list[Result]) -> str:
    """The page with its tables written anew between their marks."""
    ours = [name for name in shipped() if name not in {name for names in SYSTEMS.values() for name in names}]
    tables = {
        "published": [
            HEAD,
            *(row for system, names in SYSTEMS.items() for name in names for row in rows_of(system, name, taken)),
        ],
        "ours": [HEAD, *(row for name in ours for row in rows_of("ours", name, taken))],
        **observed(taken, [name for names in SYSTEMS.values() for name in names], PUBLISHED),
    }
    for mark, (head, *rows) in tables.items():
        begin, end = f"<!-- {mark}: written by benchmarks/systems_table.py -->\n", f"<!-- end of {mark} -->"
        before, _, rest = text.partition(begin)
        lines = [head, tuple("---" for _ in head), *rows]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        text = f"{before}{begin}{table}{end}{rest.partition(end)[2]}"
    return text


def rows_of(system: str, name: str, taken: list[Result]) -> list[tuple[str, ...]]:
    """A row for a recipe as it is shipped, and one for each change that was tried."""
    recipe = load(name)
    source = f"{system} ({REPORTS[system[0]]})" if system[0] in REPORTS else system
    tried = [result for result in taken if result["recipe"] == name]
    plain = [result for result in tried if not result["changes"] and not result.get("data")]
    figure, command = figure_cell(name), command_of(recipe, name, plain)
    rows = [(source, f"`{name}`", parameters(recipe), figure, *measured(plain), PUBLISHED.get(name, MISSING), command)]
    for stem in dict.fromkeys(stem_of(result) for result in tried if result not in plain):
        group = [result for result in tried if stem_of(result) == stem]
        data, changes = group[0].get("data"), group[0]["changes"]
        words = [*([f"on {data}"] if data else []), *(f"with {text}" for text in texts_of(changes))]
        command = command_of(recipe, name, group)
        rows.append(("", ", ".join(words), "", figure_cell(stem), *measured(group), MISSING, command))
    return rows


def figure_cell(stem: str) -> str:
    """The figure of runs of that name, if one was taken down."""
    return f"![{stem}](images/systems/{stem}.webp)" if (IMAGES / f"{stem}.webp").is_file() else MISSING


def texts_of(changes: dict[str, Any]) -> list[str]:
    """Changes as the command line takes them."""
    return [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in changes.items()]


def command_of(recipe: Recipe, name: str, group: list[Result]) -> str:
    """What makes such a run as these, which differ in their seeds, or the recipe's own where there is none."""
    one: Result = group[0] if group else {"changes": {}}
    sets = "".join(f" --set {shlex.quote(text)}" for text in texts_of(one["changes"]))
    steps = updates(one) if group else recipe.steps
    length = f" --steps {steps}" if steps != recipe.steps else ""
    return f"`simulacra train {name} --data stores/{one.get('data') or recipe.data.name}{length}{sets}`"


def parameters(recipe: Recipe) -> str:
    """How many numbers each player moves, counted without a weight in memory."""
    if recipe.data.labels == "all":
        return "depends on the labels"
    with torch.device("meta"):
        players = summarize(build(recipe))["players"]
    return ", ".join(f"{player} {number(numbers['parameters'])}" for player, numbers in players.items())


def measured(group: list[Result]) -> tuple[str, str]:
    """What runs gave, and which they were: one run's values with intervals, or means over seeds with their range."""
    if not group:
        return MISSING, MISSING
    found: dict[str, list[Result]] = {}
    for result in group:
        numbers = [row for row in result["measured"] if row["value"] is not None]
        named = [(" ".join(filter(None, (row["split"], row["metric"]))), row) for row in numbers]
        shown = sorted((pair for pair in named if pair[0] in SHOWN), key=lambda pair: SHOWN.index(pair[0]))
        for name, row in shown:
            found.setdefault(" ".join(filter(None, (name, row.get("label")))), []).append(row)
        for key, value in result["last_epoch"].items():
            if key in TRAINING:
                found.setdefault(f"training {TRAINING[key]}", []).append({"value": value})
    texts = []
    for name, rows in found.items():
        values = [row["value"] for row in rows]
        mean = sum(values) / len(values)
        low, high = (min(values), max(values)) if len(values) > 1 else (rows[0].get("low"), rows[0].get("high"))
        span = f" ({number(low)} to {number(high)})" if low is not None else ""
        texts.append(f"{name} {number(mean)}{span}")
    seeds = listed([str(result["seed"]) for result in group])
    spent = sum(result["seconds"] for result in group) / len(group)
    runs = f"seed{'s' if len(group) > 1 else ''} {seeds}, {epochs(group[0]['epochs'])} epochs, {duration(spent)} each"
    return "<br>".join(texts) or MISSING, runs.removesuffix(" each") if len(group) == 1 else runs


if __name__ == "__main__":
    main()
