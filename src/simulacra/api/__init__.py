"""The Python API behind `import simulacra`: verbs, runs and models, arrays in and out."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulacra.api.models import Model, Run, load, open_run
from simulacra.api.pictures import Pictures
from simulacra.data.decode import parse_size
from simulacra.data.pack import pack as pack_source
from simulacra.data.sources import Options, open_source
from simulacra.data.store import ImageStore
from simulacra.errors import DataError, nearest
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.recipe import load as load_recipe
from simulacra.report.compare import Comparison
from simulacra.verbs.compare import compare as compare_runs
from simulacra.verbs.evaluate import Evaluated
from simulacra.verbs.train import train as train_run

# The options of sources that pack and train take by name, and their types.
KINDS = {
    "crop": str,
    "count": int,
    "seed": int,
    "layout": str,
    "values": str,
    "background": str,
    "max_pixels": int,
}


def tell(line: str) -> None:
    """Tells a person something, beside what a script prints."""
    print(line, file=sys.stderr)


def pack(
    source: str,
    path: str | Path | None = None,
    *,
    out: str | Path,
    size: int | str | None = None,
    labels: str | Path | None = None,
    grey: bool = False,
    **options: Any,
) -> ImageStore:
    """Packs pictures into a store, once, for all trainings.

    Args:
        source: folder, celeba, idx, arrays, avatars or fashion-mnist.
        path: where the source lies; avatars have no place.
        out: the store's folder.
        size: 64, or "WIDTHxHEIGHT".
        labels: a table of attributes, for a folder of pictures.
        grey: makes grey images.
        options: further ones of the source: crop, count, seed, layout, values, background, max_pixels.

    Raises:
        DataError: the data cannot be used.
    """
    _check_options(options)
    asked = Options(
        size=None if size is None else parse_size(str(size)),
        channels=1 if grey else None,
        labels=None if labels is None else Path(labels),
        **options,
    )
    opened = open_source(source, None if path is None else Path(path), asked)
    with Live("packing") as live:
        return pack_source(opened, Path(out), progress=live.count, say=live.tell).store


def train(
    recipe: str | Recipe,
    data: str | Path | None = None,
    out: str | Path | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    seed: int | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    labels: str | Path | None = None,
    device: str = "auto",
    report: bool = False,
    say: Callable[[str], None] = tell,
    **options: Any,
) -> Run:
    """Trains a recipe into a run folder, or goes on with it from its newest checkpoint.

    Args:
        recipe: name of a shipped one, a TOML file, or a Recipe.
        data: a packed store, avatars, fashion-mnist, or pictures as they are; the recipe's own by default.
        out: the run folder; runs/RECIPE by default.
        changes: dotted key of the recipe -> value, like {"objective.kl_weight": 0.25}.
        seed: decides weights, order and draws.
        steps: length in updates.
        epochs: length in passes over the training images.
        minutes: stops after so many minutes of training.
        labels: a table of attributes, for a folder of pictures.
        device: auto, cpu, cuda or mps.
        report: whether report.html is written at the end.
        say: told, in one line each, what a person should know.
        options: of the data's source, as `pack` takes them: crop, layout, values, background, max_pixels.

    Raises:
        SimulacraError: recipe, data or folder cannot be used, or the training diverged.
        Stopped: a signal came; the state was saved, and the same call goes on.
    """
    direct = {
        key: value for key, value in {"seed": seed, "steps": steps, "minutes": minutes}.items() if value is not None
    }
    wanted = dict(changes or {}) | direct
    _check_options(options)
    if isinstance(recipe, Recipe):
        settings, name = recipe.with_changes(wanted) if wanted else recipe, ""
    else:
        settings, name = load_recipe(recipe, wanted), recipe
    folder = Path("runs") / (Path(name).stem or "run") if out is None else Path(out)
    ended = train_run(
        settings,
        None if data is None else str(data),
        folder,
        name=name,
        epochs=epochs,
        options=Options(labels=None if labels is None else Path(labels), **options),
        follow="data.size" not in wanted,
        device=device,
        report=report,
        say=say,
    )
    return Run(ended.run)


def evaluate(run: str | Path | Run, **options: Any) -> Evaluated:
    """Measures a run beside real images, and keeps the rows in its evaluations.jsonl.

    Args:
        run: a run or its folder.
        options: as the verb `evaluate` takes them: data, against, count, features, only, step, weights, seed; step and
            data are those of the run where one was opened with them. `only` may be one group of metrics or several.

    Raises:
        RunError: the run cannot be measured so.
        DataError: the store is not at hand, not the one trained on, or too small.
    """
    return (run if isinstance(run, Run) else Run(run)).evaluate(**options)


def compare(*runs: str | Path | Run, group_by: str | None = None, metrics: str | Sequence[str] = ()) -> Comparison:
    """Holds what was measured of several runs against one another, from their files alone.

    Args:
        runs: two or more, or their folders.
        group_by: dotted key of the recipes, like "objective.kl_weight", whose values make the groups.
        metrics: one name or several; all by default.

    Raises:
        RunError: they cannot be compared.
    """
    wanted = (metrics,) if isinstance(metrics, str) else metrics
    return compare_runs([run.place if isinstance(run, Run) else Path(run) for run in runs], group_by, wanted)


def _check_options(given: Mapping[str, Any]) -> None:
    """Refuses options of a source that have another name or type than any source takes.

    Raises:
        DataError: one of them is such.
    """
    for name, value in given.items():
        if name not in KINDS:
            raise DataError(f"{name} is no option of a source; {nearest(name, KINDS)}")
        if value is not None and type(value) is not KINDS[name]:
            kind = "a whole number" if KINDS[name] is int else "words as on the command line, like crop='0,0,178,178'"
            raise DataError(f"{name} = {value!r}: expected {kind}")


__all__ = ["Model", "Pictures", "Run", "compare", "evaluate", "load", "open_run", "pack", "train"]
