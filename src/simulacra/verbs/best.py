"""The verb `best`: scores checkpoints on the split "valid", and marks the best one in run.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.engine.checkpoints import chosen_checkpoint, restore
from simulacra.engine.loop import Tick, Training
from simulacra.evaluation.context import Progress
from simulacra.evaluation.features import extractor_for, untrained
from simulacra.evaluation.metrics.held_out import HIGHER, Row, best_of, metric_of, require_valid, score
from simulacra.evaluation.subject import Subject
from simulacra.progress import Live
from simulacra.runs import RunFolder
from simulacra.verbs.evaluate import keep, store_of, weights_of

COLUMNS = ("step", "metric", "value", "low", "high", "floor", "n", "best")


@dataclass(frozen=True)
class Scored:
    """What `best` found: a row a checkpoint, and the best of them."""

    rows: list[Row]
    best: Row


def best(
    path: Path,
    *,
    metric: str | None = None,
    data: Path | None = None,
    features: str | None = None,
    cache: Path | None = None,
) -> Scored:
    """Scores every kept checkpoint of a run and marks the best, which is then kept whatever comes.

    Args:
        path: the run folder.
        metric: the one that decides; the recipe's `every.select` or the family's own by default.
        data: the store that was trained on; the place that the run remembers by default.
        features: name of an extractor, for distances; chosen by the images' channels by default.
        cache: folder of what is kept of real images; the user's cache folder by default.

    Raises:
        RunError: there is no run, or no checkpoint.
        RecipeError: the family has no such metric.
        DataError: the store is not the one trained on, or has no valid split.
    """
    run = RunFolder(path)
    chosen_checkpoint(run)
    recipe = run.read_recipe()
    name, store = metric_of(recipe, metric), store_of(run, recipe, data)
    extractor = extractor_for(features, store, cache) if features else untrained(recipe.data.shape[2])
    require_valid(len(store.rows("valid")), store.path)
    steps, rows = list(run.checkpoints()), []
    with run.lock(), Live("scoring") as live:
        for place, step in enumerate(steps):
            objective, _ = restore(run, step, recipe=recipe)
            subject = Subject(objective, recipe, run.read_conditions(recipe), store)
            live.show(place / len(steps), f"step {step:,}")
            rows.append(score(subject, name, step, extractor=extractor, weights=weights_of(run, recipe), cache=cache))
        keep(run, rows)
        found = mark(run, name, rows, steps)
    assert found is not None, "there is a checkpoint"
    return Scored(rows, found)


def mark(run: RunFolder, metric: str, rows: list[Row], steps: list[int]) -> Row | None:
    """Says in run.json which of these checkpoints is best."""
    found = best_of(rows, metric, steps)
    if found is not None:
        keys = ("step", "metric", "value", "split", "n", "extractor", "weights")
        run.write_facts({"best": {key: found[key] for key in keys}})
    return found


def score_checkpoint(training: Training, subject: Subject, tick: Tick, progress: Progress | None = None) -> None:
    """Scores the state of a training that was just saved, and marks the best one so far."""
    run, recipe = training.run, training.recipe
    metric = metric_of(recipe)
    extractor = untrained(recipe.data.shape[2])
    row = score(subject, metric, tick.step, extractor=extractor, weights=weights_of(run, recipe), progress=progress)
    run.append("evaluations", row)
    steps = [step for step in run.checkpoints() if step % recipe.every.score == 0]
    mark(run, metric, run.rows("evaluations"), steps)
    run.drop_checkpoints(recipe.every.keep)  # the one that was best before


def cells(row: dict[str, Any], best: Row) -> tuple[str, ...]:
    """A row as the printed table shows it."""
    numbers = ("" if row[key] is None else f"{row[key]:.4g}" for key in ("value", "low", "high", "floor"))
    return (f"{row['step']:,}", row["metric"], *numbers, f"{row['n']:,}", "best" if row is best else "")


def said(best: Row) -> str:
    """Which checkpoint is best, in one line."""
    where = "highest" if best["metric"] in HIGHER else "lowest"
    return f"step {best['step']:,} is best: its {best['metric']} on valid images is the {where}, {best['value']:.4g}"
