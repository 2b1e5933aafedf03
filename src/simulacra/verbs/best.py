"""The verb `best`: which checkpoint of a run is best on its valid images; and the same while a run trains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulacra.data.splits import require_valid
from simulacra.engine.checkpoints import chosen_checkpoint
from simulacra.engine.loop import Tick, Training
from simulacra.evaluation.context import FEWEST
from simulacra.evaluation.data_of_run import store_of
from simulacra.evaluation.features import extractor_for, untrained
from simulacra.evaluation.metrics.held_out import best_of, metric_of, score
from simulacra.evaluation.subject import Progress, Subject, open_model, weights_of
from simulacra.measurements import Measurement
from simulacra.progress import Live
from simulacra.runs import RunFolder
from simulacra.tabular import Table, Tabular
from simulacra.verbs.evaluate import keep, numbers

COLUMNS = ("step", "metric", "value", "low", "high", "baseline", "n", "best")  # of the printed table


@dataclass(frozen=True, repr=False)
class Scored(Tabular):
    """What `best` measured: one number per checkpoint, and the best of them."""

    run: Path
    measurements: list[Measurement]
    best: Measurement

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The measurements as rows of evaluations.jsonl, for scripts."""
        return [measurement.to_json() for measurement in self.measurements]

    def to_table(self) -> Table:
        """A checkpoint per row."""
        rows = [
            (f"{row.step:,}", row.metric, *numbers(row), f"{row.n:,}", "best" if row is self.best else "")
            for row in self.measurements
        ]
        return Table(str(self.run), COLUMNS, rows, [self.conclusion], ("n", "baseline"))

    @property
    def conclusion(self) -> str:
        """Which checkpoint is best, in one line."""
        best, estimate = self.best, self.best.estimate
        assert estimate is not None, "the best one has a value"
        extreme = "highest" if best.better == "higher" else "lowest"
        return f"step {best.step:,} is best: its {best.metric} on valid images is the {extreme}, {estimate.value:.4g}"


def best(
    path: Path,
    *,
    metric: str | None = None,
    data: Path | None = None,
    features: str | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Scored:
    """Scores every kept checkpoint of a run and marks the best, which is never deleted from then on.

    Args:
        path: the run folder.
        metric: the one that decides; the recipe's `every.select` or the family's own by default.
        data: the store that was trained on; the path in run.json by default.
        features: name of an extractor, for distances; chosen by the images' channels by default.
        cache: folder of features of real images; the user's cache folder by default.
        say: takes lines that a person should read.

    Raises:
        RunError: there is no run, or no checkpoint.
        RecipeError: the family has no such metric.
        DataError: the store is not the one trained on, or has no valid split.
    """
    run = RunFolder(path)
    chosen_checkpoint(run)
    recipe = run.read_recipe()
    name, store = metric_of(recipe, metric), store_of(run, data, recipe=recipe, say=say)
    extractor = extractor_for(features, store, cache) if features else untrained(recipe.data.shape[2])
    require_valid(store, FEWEST)
    steps, measurements = list(run.checkpoints()), []
    with run.lock_if_writable(say) as writable, Live("scoring") as live:
        for done, step in enumerate(steps):
            subject = open_model(run, step, store=store, recipe=recipe)
            live.show(done / len(steps), f"step {step:,}")
            scored = score(subject, name, extractor=extractor, cache=cache)
            measurements.append(replace(scored, seed=0))  # not of the training, which would write it again
        if writable:
            keep(run, measurements)
            mark(run, name, measurements, steps)
        else:
            say(f"{path} may not be written to: no checkpoint is marked best in it, and these numbers are not kept")
        best = best_of(measurements, name, steps)
    assert best is not None, "there is a checkpoint"
    return Scored(path, measurements, best)


def mark(run: RunFolder, metric: str, measurements: Sequence[Measurement], steps: Sequence[int]) -> Measurement | None:
    """Says in run.json which of these checkpoints is best."""
    best = best_of(measurements, metric, steps)
    if best is not None:
        row = best.to_json()
        keys = ("step", "metric", "value", "split", "n", "extractor", "weights")
        run.write_facts({"best": {key: row.get(key) for key in keys}})
    return best


def score_checkpoint(training: Training, subject: Subject, tick: Tick, progress: Progress | None = None) -> None:
    """Scores the state of a training that was just saved, and marks the best one so far."""
    run, recipe = training.run, training.recipe
    metric = metric_of(recipe)
    saved = replace(subject, step=tick.step, weights=weights_of(recipe))
    measurement = score(saved, metric, extractor=untrained(recipe.data.shape[2]), progress=progress)
    run.append("evaluations", measurement.to_json())
    steps = [step for step in run.checkpoints() if step % recipe.every.score == 0]
    mark(run, metric, run.measurements(), steps)
    run.drop_checkpoints(recipe.every.keep)  # the one that was best before
