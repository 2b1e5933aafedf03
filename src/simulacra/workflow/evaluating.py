"""The verb `evaluate`: how good and how varied the samples of a run are, beside real images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore, is_store, open_store
from simulacra.engine.restore import restore
from simulacra.errors import DataError, RunError
from simulacra.evaluation.features import Extractor, extractor_for
from simulacra.evaluation.reference import FEWEST, choose, features_of
from simulacra.evaluation.score import DIRECTIONS, caution, score
from simulacra.evaluation.subject import Subject
from simulacra.live import Live
from simulacra.objectives import Generates
from simulacra.runs import RunFolder

SAMPLES = 21  # the key of the draw
COLUMNS = ("metric", "value", "low", "high", "floor", "better", "split")  # of the printed table
SAME = ("metric", "split", "extractor", "n", "step", "against")  # what a new row replaces an old one by


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` found: rows, and sentences that a person should read beside them."""

    rows: list[dict[str, Any]]
    notes: list[str]

    @property
    def measured(self) -> bool:
        """Whether there is any number."""
        return any(row["value"] is not None for row in self.rows)

    @property
    def title(self) -> str:
        """What all rows have in common."""
        row = self.rows[0]
        return f"{row['n']:,} samples, {row['real']:,} real images; {row['extractor']}; step {row['step']:,}"


def evaluate(
    path: Path,
    *,
    data: Path | None = None,
    against: Path | None = None,
    count: int = 2000,
    features: str | None = None,
    step: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
) -> Evaluated:
    """Measures samples of a run against real images and keeps the rows in the run's evaluations.jsonl.

    Args:
        path: the run folder.
        data: the store that was trained on; the place that the run remembers by default.
        against: another store to measure against instead.
        count: how many samples.
        features: name of an extractor; chosen by the images' channels by default.
        step: of one of the run's checkpoints; the newest by default.
        seed: of the samples.
        cache: folder of features of real images; the user's cache folder by default.

    Raises:
        RunError: the run cannot be measured so.
        DataError: the store is not the one trained on, or too small.
    """
    if count < FEWEST:
        raise RunError(f"-n {count}: expected at least {FEWEST} samples")
    if seed < 0:
        raise RunError(f"--seed {seed}: expected 0 or more")
    run = RunFolder(path)
    objective, step = restore(run, step)
    recipe = run.recipe
    extractor = extractor_for(features, recipe.data.shape[2])
    if not isinstance(objective, Generates):
        return _not_applicable(recipe.objective.family, extractor, step)
    store = find_store(run, data, against)
    if against is None:
        store = hold_out(store, recipe.data.holdout, recipe.seed)
    facts = {"extractor": extractor.label, "step": step, "seed": seed}
    if against is not None:
        facts["against"] = store.fingerprint
    with run.lock():
        found = _measured(Subject(objective, recipe, run.conditions()), store, extractor, count, facts, cache)
        keep(run, found.rows)
    return found


def find_store(run: RunFolder, data: Path | None, against: Path | None) -> ImageStore:
    """The store to measure against: the one trained on, or the one that is given in its place.

    Raises:
        RunError: both are given.
        DataError: there is none, or it is not the one trained on.
    """
    if against is not None:
        if data is not None:
            raise RunError("--data and --against were both given; give the one store to measure against")
        store, wanted = open_store(against), run.recipe.data.shape
        if store.shape != wanted:
            raise DataError(f"{against} has images of shape {store.shape} where the run makes {wanted}; pack it so")
        return store
    trained = run.facts.get("data", {})
    place = data or Path(str(trained.get("path")))
    if data is None and not is_store(place):
        raise DataError(f"the store of {run.path} is not at {place} any more; say where it is with --data STORE")
    store = open_store(place)
    if store.fingerprint != trained.get("fingerprint"):
        raise DataError(
            f"{place} has fingerprint {store.fingerprint}, {run.path} was trained on {trained.get('fingerprint')}; "
            f"give that store with --data, or measure against this one on purpose: --against {place}"
        )
    return store


def keep(run: RunFolder, rows: Sequence[dict[str, Any]]) -> None:
    """Appends rows to evaluations.jsonl, in the place of earlier ones of the same thing."""

    def thing(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(key) for key in SAME)

    new = {thing(row) for row in rows}
    kept = [row for row in run.rows("evaluations") if thing(row) not in new]
    run.write("evaluations.jsonl", "".join(json.dumps(row) + "\n" for row in [*kept, *rows]).encode())


def _measured(
    subject: Subject,
    store: ImageStore,
    extractor: Extractor,
    count: int,
    facts: dict[str, Any],
    cache: Path | None,
) -> Evaluated:
    """Samples against held-out and against training images."""
    chosen, notes = choose(store, count), []
    n, m = len(chosen.stand_in), len(chosen.held_out)
    if n < count:
        notes.append(f"measured {n:,} samples, not {count:,}: no more training images are left to set the floor")
    if m < n:
        notes.append(f"the {chosen.split} split has {m:,} images, so {m:,} real ones stand against {n:,} samples")
    if chosen.split != "test":
        notes.append("there are no test images: the held-out ones are those of the valid split")
    with Live("features of samples") as live:
        images = subject.decode(subject.codes(n, SAMPLES, seed=facts["seed"]))
        made = extractor.vectors(images, live.count)
    with Live("features of real images") as live:
        stand_in, held_out, train = (
            features_of(store, split, rows, extractor, cache=cache, progress=live.count)
            for split, rows in (("train", chosen.stand_in), (chosen.split, chosen.held_out), ("train", chosen.train))
        )
    sets = {chosen.split: held_out, "train": train}
    rows = [row for split, known in sets.items() for row in score(known, made, stand_in, split=split, **facts)]
    if warning := caution(n, m, extractor.width):
        notes.append(warning)
    return Evaluated(rows, notes)


def _not_applicable(family: str, extractor: Extractor, step: int) -> Evaluated:
    """Every metric by its name without a value, for a run that makes no images; nothing is kept."""
    empty = dict.fromkeys(("value", "low", "high", "floor", "n", "split"))
    rows = [{"metric": name} | empty | {"extractor": extractor.label, "step": step} for name in DIRECTIONS]
    return Evaluated(rows, [f"{name}: not applicable, family {family} makes no images" for name in DIRECTIONS])


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row as the printed table shows it."""
    numbers = ("" if row[key] is None else f"{row[key]:.4g}" for key in ("value", "low", "high", "floor"))
    return (row["metric"], *numbers, DIRECTIONS[row["metric"]], row["split"])
