"""The Python API behind `import simulacra`: verbs, runs and models, arrays in and out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra import diagnosis
from simulacra.api.models import Model, Pictures, Run, load, open_run, show
from simulacra.api.studies import Study, study
from simulacra.data.sources import read_options
from simulacra.data.store import ImageStore
from simulacra.engine.checkpoints import Which
from simulacra.files import expand
from simulacra.progress import print_error
from simulacra.recipe import Recipe, overview
from simulacra.report.compare import Comparison
from simulacra.runs import RunFolder
from simulacra.tabular import Rows
from simulacra.verbs.best import Scored
from simulacra.verbs.best import best as best_of_run
from simulacra.verbs.data import audit as audit_store
from simulacra.verbs.data import pack as pack_source
from simulacra.verbs.evaluate import Evaluated
from simulacra.verbs.report import compare as compare_runs
from simulacra.verbs.report import report as report_runs
from simulacra.verbs.train import train as train_run

if TYPE_CHECKING:
    from simulacra.verbs.explore import Exploring


def pack(
    source: str,
    path: str | Path | None = None,
    *,
    out: str | Path,
    size: int | str | None = None,
    labels: str | Path | None = None,
    grey: bool = False,
    workers: int | None = None,
    **options: Any,
) -> ImageStore:
    """Packs pictures into a store, once, for all trainings.

    Args:
        source: folder, celeba, idx, arrays, avatars or fashion-mnist.
        path: of the source; avatars need none.
        out: the store's folder.
        size: 64, or "WIDTHxHEIGHT".
        labels: a table of attributes, for a folder of pictures.
        grey: makes grey images.
        workers: processes that read; 1 stays in this one, None takes one per core unless there are few pictures.
        options: further options of the source, named as on the command line: crop, columns, missing, unknown, factors,
            classes, split, count, seed, layout, values, background, max_pixels, keep_going.

    Raises:
        DataError: the data cannot be used.
    """
    asked = read_options(size=size, labels=labels, grey=grey, **options)
    packed = pack_source(source, None if path is None else expand(path), expand(out), asked, workers=workers)
    for line in packed.notes:
        print_error(line)
    return packed.store


def train(
    recipe: str | Path | Recipe,
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
    say: Callable[[str], None] = print_error,
    **options: Any,
) -> Run:
    """Trains a recipe into a run folder, or continues from its newest checkpoint.

    Args:
        recipe: name of a shipped recipe, a TOML file, or a Recipe.
        data: a packed store, avatars, fashion-mnist, or pictures as they are; the recipe's own by default.
        out: the run folder; runs/RECIPE by default.
        changes: dotted key of the recipe -> value, like {"objective.kl_weight": 0.25}.
        seed: of the weights, the order of images and all random draws.
        steps: length in updates.
        epochs: length in passes over the training images.
        minutes: of training, after which it stops.
        labels: a table of attributes, for a folder of pictures.
        device: auto, cpu, cuda or mps.
        report: whether report.html is written at the end.
        say: called with each line that a person should read.
        options: further options of pictures as they are, named as on the command line: crop, columns, missing,
            unknown, factors, classes, split, source, layout, values, background, max_pixels, keep_going.

    Raises:
        SimulacraError: recipe, data or folder cannot be used, or the training diverged.
        Stopped: a signal ended it; the state was saved, and the same call continues.
    """
    asked = read_options(labels=labels, **options)
    finished = train_run(
        recipe if isinstance(recipe, Recipe) else str(recipe),
        None if data is None else str(data),
        None if out is None else expand(out),
        changes=changes or {},
        seed=seed,
        steps=steps,
        minutes=minutes,
        epochs=epochs,
        options=asked,
        device=device,
        report=report,
        say=say,
    )
    return Run(finished.run)


def evaluate(run: str | Path | Run, **options: Any) -> Evaluated:
    """Measures a run against real images, and keeps the rows in its evaluations.jsonl.

    Args:
        run: a run or its folder.
        options: as the verb `evaluate` takes them: data, against, count, features, only, step, weights, seed; step and
            data are those of the run where one was opened with them. `only` may be one group of metrics or several.

    Raises:
        RunError: this run cannot be measured like this.
        DataError: the store is not at hand, not the one trained on, or too small.
    """
    return (run if isinstance(run, Run) else Run(run)).evaluate(**options)


def folder_of(run: str | Path | Run) -> Path:
    """The folder of a run that was given as such, or as its folder."""
    return run.folder if isinstance(run, Run) else expand(run)


def recipes() -> Rows:
    """The recipes that come with the package: name, family, data and title of each."""
    return Rows("recipes", overview())


def audit(store: str | Path | ImageStore) -> Rows:
    """What is wrong or odd in a packed store: a sentence per row.

    Raises:
        DataError: there is no store, or it is damaged.
    """
    _, _, sentences = audit_store(store.path if isinstance(store, ImageStore) else expand(store))
    return Rows("audit", [{"finding": sentence} for sentence in sentences])


def diagnose(run: str | Path | Run) -> Rows:
    """What went wrong in a run, the worst first, with the numbers that show it and what to try; no rows if nothing.

    Raises:
        RunError: the folder holds no run, or a file of it is damaged.
    """
    rows = [
        {
            "issue": finding.name,
            "severity": finding.severity,
            "evidence": [str(sign) for sign in finding.evidence],
            "meaning": finding.meaning,
            "try": finding.remedy,
            "more": finding.link,
        }
        for finding in diagnosis.diagnose(RunFolder(folder_of(run)))
    ]
    return Rows("issues", rows)


def best(run: str | Path | Run, **options: Any) -> Scored:
    """Scores the kept checkpoints of a run on its valid images, and marks the best for `step="best"`.

    Args:
        run: a run or its folder.
        options: as the verb `best` takes them: metric, data, features.

    Raises:
        RunError: there is no run, or no checkpoint.
        RecipeError: the family has no such metric.
        DataError: the store is not the one trained on, or has no valid split.
    """
    return best_of_run(folder_of(run), **{"say": print_error} | options)


def write_report(*runs: str | Path | Run, out: str | Path | None = None, step: Which = None, **options: Any) -> Path:
    """Writes one page about one run, or about several side by side; returns its path.

    Args:
        runs: one or more, or their folders.
        out: an HTML or a PDF file; RUN/report.html for one run, report.html for several by default.
        step: draws the pictures anew from the checkpoint of this step, or from the one marked "best".
        options: as the verb `report` takes them: title, author, sections, real.

    Raises:
        RunError: a folder holds no run, it has no such checkpoint or section, or the page cannot be written.
        DataError: pictures are to be drawn anew and the data set is not at hand.
    """
    return report_runs(list(map(folder_of, runs)), None if out is None else expand(out), step, print_error, **options)


def explore(*runs: str | Path | Run, port: int = 8000) -> "Exploring":
    """Serves the explorer beside this program, which goes on; a notebook shows a link to the page.

    Args:
        runs: runs, their folders, or folders that hold runs.
        port: the first to try.

    Raises:
        RunError: there is no run, or no free port.
    """
    from simulacra.verbs.explore import Exploring  # nothing else needs its server

    return Exploring(list(map(folder_of, runs)), port)


def compare(*runs: str | Path | Run, group_by: str | None = None, metrics: str | Sequence[str] = ()) -> Comparison:
    """Compares the measurements of several runs, from their files alone.

    Args:
        runs: two or more, or their folders.
        group_by: dotted key of the recipes, like "objective.kl_weight", whose values make the groups.
        metrics: one name or several; all by default.

    Raises:
        RunError: they cannot be compared.
    """
    wanted = (metrics,) if isinstance(metrics, str) else metrics
    return compare_runs(list(map(folder_of, runs)), group_by, wanted)


__all__ = [
    "Model",
    "Pictures",
    "Run",
    "Study",
    "audit",
    "best",
    "compare",
    "diagnose",
    "evaluate",
    "explore",
    "load",
    "open_run",
    "pack",
    "recipes",
    "show",
    "study",
    "train",
    "write_report",
]
