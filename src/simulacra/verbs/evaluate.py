"""The verb `evaluate`: what a trained run is worth, in numbers that say what they mean."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore, is_store, open_store
from simulacra.engine.checkpoints import Which, restore
from simulacra.errors import DataError, RunError, nearest
from simulacra.evaluation.context import FEWEST, Chosen, Material, choose
from simulacra.evaluation.features import extractor_for
from simulacra.evaluation.metrics import DIRECTIONS, GROUPS, Found, missing
from simulacra.evaluation.pictures import preview
from simulacra.evaluation.subject import Subject
from simulacra.progress import Live
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

Weights = Literal["ema", "raw"]
COLUMNS = ("metric", "of", "value", "low", "high", "floor", "better", "n", "split")  # of the printed table
# What a new row and the old one that it replaces have in common.
SAME = ("metric", "code", "label", "split", "extractor", "n", "step", "against", "weights")

ORIGIN = ("step", "weights", "against")  # what a picture keeps of where it comes from


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` found: rows, and sentences that a person should read beside them."""

    title: str
    rows: list[dict[str, Any]]
    notes: list[str]

    @property
    def measured(self) -> bool:
        """Whether there is any number."""
        return any(row["value"] is not None for row in self.rows)


def evaluate(
    path: Path,
    *,
    data: Path | None = None,
    against: Path | None = None,
    count: int = 2000,
    features: str | None = None,
    only: Sequence[str] = (),
    step: Which = None,
    weights: Weights | None = None,
    seed: int = 0,
    cache: Path | None = None,
) -> Evaluated:
    """Measures a run beside real images and keeps the rows in the run's evaluations.jsonl.

    Args:
        path: the run folder.
        data: the store that was trained on; the place that the run remembers by default.
        against: another store to measure against instead.
        count: how many samples.
        features: name of an extractor; the one that suits the data by default.
        only: names of groups of metrics; all by default.
        step: of one of the run's checkpoints, or the one marked best; the newest by default.
        weights: "ema", the EMA of the weights, by default where the recipe keeps one; or "raw", the last weights.
        seed: of the samples.
        cache: folder of what is kept of real images; the user's cache folder by default.

    Raises:
        RunError: the run cannot be measured so.
        DataError: the store is not the one trained on, or too small.
    """
    if count < FEWEST:
        raise RunError(f"-n {count}: expected at least {FEWEST} samples")
    if seed < 0:
        raise RunError(f"--seed {seed}: expected 0 or more")
    for name in only:
        if name not in GROUPS:
            raise RunError(f"--only {name}: there is no such group of metrics; {nearest(name, GROUPS)}")
    run = RunFolder(path)
    recipe = run.read_recipe()
    kind = weights_of(run, recipe, weights)
    objective, step = restore(run, step, recipe=recipe, ema=kind == "ema")
    store = store_of(run, recipe, data) if against is None else find_store(run, recipe, data, against)
    chosen = choose(store, count)
    with run.lock(), Live("measuring") as live:

        def show(what: str, done: int, total: int) -> None:
            live.show(done / max(1, total), f"{what} {done:,}/{total:,}")

        extractor = extractor_for(features, store, cache, partial(show, "training a judge of the labels"))
        facts: dict[str, Any] = {"extractor": extractor.label, "step": step, "seed": seed, "weights": kind}
        if against is not None:
            facts["against"] = store.fingerprint
        subject = Subject(objective, recipe, run.read_conditions(recipe), store)
        material = Material(subject, chosen, extractor, facts, cache, show)
        found = _measured(material, only or tuple(GROUPS))
        keep(run, [row for row in found.rows if row["n"] is not None])
        origin = {key: np.array(facts[key]) for key in ORIGIN if key in facts}
        for name, arrays in found.pictures.items():
            run.write_picture(name, arrays | origin, preview(arrays))
    title = f"{material.count:,} samples, {len(chosen.held_out):,} real images; {extractor.label}; step {step:,}"
    said = remarks(chosen, count, best=against is None and run.read_best() == step)
    return Evaluated(title, found.rows, [*said, *found.notes, *reasons(found.rows)])


def store_of(run: RunFolder, recipe: Recipe, data: Path | None) -> ImageStore:
    """The store that a run was trained on, with the images that the run kept aside in its split "valid".

    Raises:
        DataError: there is none, or it is not the one trained on.
    """
    return hold_out(find_store(run, recipe, data, None), recipe.data.holdout, recipe.seed)


def weights_of(run: RunFolder, recipe: Recipe, wanted: Weights | None = None) -> Weights:
    """Which weights are used: the EMA where the recipe keeps one, unless others are wanted.

    Raises:
        RunError: the EMA is wanted and there is none.
    """
    kept = bool(recipe.ema)
    if wanted == "ema" and not kept:
        raise RunError(f"--weights ema: {run.path} keeps no EMA of its weights (ema = 0); give raw")
    return wanted or ("ema" if kept else "raw")


def find_store(run: RunFolder, recipe: Recipe, data: Path | None, against: Path | None) -> ImageStore:
    """The store to measure against: the one trained on, or the one that is given in its place.

    Raises:
        RunError: both are given.
        DataError: there is none, or it is not the one trained on.
    """
    if against is not None:
        if data is not None:
            raise RunError("--data and --against were both given; give the one store to measure against")
        store, wanted = open_store(against), recipe.data.shape
        if store.shape != wanted:
            raise DataError(f"{against} has images of shape {store.shape} where the run makes {wanted}; pack it so")
        return store
    trained = run.read_facts().get("data", {})
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


def _measured(material: Material, names: Sequence[str]) -> Found:
    """What every group finds; metrics that a run cannot have are named, without a value, and not kept."""
    whole = Found()
    for name in names:
        if reason := GROUPS[name].lacks(material):
            metrics = GROUPS[name].metrics.items()
            whole.rows += [missing(material, metric, reason) | {"better": better} for metric, better in metrics]
            continue
        found = GROUPS[name].measure(material)
        for row in found.rows:
            row.setdefault("better", GROUPS[name].metrics[row["metric"]])  # readers of the rows know no groups
        whole.rows += found.rows
        whole.notes += found.notes
        whole.pictures |= found.pictures
    return whole


def remarks(chosen: Chosen, count: int, *, best: bool) -> list[str]:
    """What to say of the images that were to be had; `best`: of the checkpoint that was chosen by valid images."""
    n, m, notes = len(chosen.stand_in), len(chosen.held_out), []
    if n < count:
        notes.append(f"measured {n:,} samples, not {count:,}: no more training images are left to set the floor")
    if m < n:
        notes.append(f"the {chosen.split} split has {m:,} images, so {m:,} real ones stand against {n:,} samples")
    if chosen.split != "test":
        notes.append("there are no test images: the held-out ones are those of the valid split")
        if best:
            notes.append("this checkpoint was chosen by the valid images, so what they say of it flatters it a little")
    return notes


def reasons(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Why metrics have no number at all, those of one reason in one sentence."""
    whys = {row["metric"]: row["why"] for row in rows if row["n"] is None}
    return [
        f"{', '.join(metric for metric, other in whys.items() if other == why)}: {why}"
        for why in dict.fromkeys(whys.values())
    ]


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row as the printed table shows it."""
    numbers = ("" if row[key] is None else f"{row[key]:.4g}" for key in ("value", "low", "high", "floor"))
    others = ("" if row["n"] is None else f"{row['n']:,}", row["split"] or "")
    return (
        row["metric"],
        " ".join(filter(None, (row.get("code"), row.get("label")))),
        *numbers,
        DIRECTIONS[row["metric"]],
        *others,
    )
