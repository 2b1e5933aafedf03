"""The images that a run was trained on: where they were, where they are seen from here, or packed once more."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulacra.data.resolve import resolve
from simulacra.data.sources import KNOWN, Options, read_options
from simulacra.data.splits import hold_out
from simulacra.data.store import ImageStore, is_store, open_store
from simulacra.errors import DataError, SimulacraError
from simulacra.files import expand
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

Say = Callable[[str], None]
OPTION = "say where it is, or give the pictures themselves, with --data PATH"


def store_of(
    run: RunFolder,
    data: str | Path | None = None,
    *,
    recipe: Recipe | None = None,
    say: Say | None = None,
    remedy: str = OPTION,
) -> ImageStore:
    """The store that a run was trained on, with the images that the run held out in its split "valid".

    Args:
        run: the run.
        data: where it is now, or what it was packed from; by default where the run says, seen from here or from the
            folders above the run, and else what the run says it was packed from.
        recipe: of the run, where the caller has read it already.
        say: takes a line about a store that is packed again; without it, nothing is packed.
        remedy: what a person can do where the data is not at hand.

    Raises:
        DataError: there is no store, or it is not the one trained on. Other labels make it no other one for a run that
            was trained without labels.
    """
    recipe, trained = recipe or run.read_recipe(), run.read_facts().get("data", {})
    if data is not None:
        store = _opened(str(data), recipe, trained, say)
        if not is_trained_on(store, recipe, trained):
            raise DataError(_difference(str(data), store, run, trained, recipe))
    else:
        store = _found(run, recipe, trained) or _packed_again(run, recipe, trained, say, remedy)
    return hold_out(store, recipe.data.holdout, recipe.seed)


def store_at_hand(run: RunFolder) -> ImageStore | None:
    """The store that a run was trained on, or None where it is not seen from here; nothing is packed."""
    try:
        return store_of(run)
    except SimulacraError:
        return None


def is_trained_on(store: ImageStore, recipe: Recipe, trained: dict[str, Any]) -> bool:
    """Whether a store is the one that a run was trained on, or has its pictures and splits where no label counts."""
    if store.fingerprint == trained.get("fingerprint"):
        return True
    return not recipe.data.labels and with_splits_of(store, recipe, trained) is not None


def with_splits_of(store: ImageStore, recipe: Recipe, trained: dict[str, Any]) -> ImageStore | None:
    """A store with the images that a run held out, if it has the run's pictures and splits, whatever its labels.

    None where it has other ones, or the run, of an earlier version, does not say which it has.
    """
    parts = trained.get("fingerprints", {})
    if store.fingerprint != trained.get("fingerprint") and store.fingerprints["pictures"] != parts.get("pictures"):
        return None
    held_out = hold_out(store, recipe.data.holdout, recipe.seed)
    same = store.fingerprint == trained.get("fingerprint") or held_out.fingerprints["split"] == parts.get("split")
    return held_out if same else None


def _found(run: RunFolder, recipe: Recipe, trained: dict[str, Any]) -> ImageStore | None:
    """The store at one of its places, or None; a DataError where there is another one or a damaged one alone."""
    problem: DataError | None = None
    for path in run.data_places():
        if not is_store(path):
            continue
        try:
            store = open_store(path)
        except DataError as error:
            problem = problem or error
            continue
        if is_trained_on(store, recipe, trained):
            return store
        problem = problem or DataError(_difference(str(path), store, run, trained, None))
    if problem is not None:
        raise problem
    return None


def _packed_again(run: RunFolder, recipe: Recipe, trained: dict[str, Any], say: Say | None, remedy: str) -> ImageStore:
    """The store of a cache that was cleared, from what the run was trained on, or a DataError where that is gone."""
    lost = f"the store of {run.path} is not at {trained.get('path')}, seen from here"
    source = recipe.data.source.path if recipe.data.source else recipe.data.name
    if say is None or not (source in KNOWN or Path(source).exists()):
        packed_from = f", nor is {source}, which it was packed from" if recipe.data.source else ""
        raise DataError(f"{lost}{packed_from}; {remedy}")
    say(f"{lost}; packing {source} again")
    try:
        store = _opened(source, recipe, trained, say)
    except DataError as error:
        raise DataError(f"{lost}, and {source} cannot be packed again ({error}); {remedy}") from error
    if not is_trained_on(store, recipe, trained):
        raise DataError(f"{lost}, and {source} has changed since {run.path} was trained on it; {remedy}")
    return store


def _opened(data: str, recipe: Recipe, trained: dict[str, Any], say: Say | None) -> ImageStore:
    """The store that `--data` names; what is none yet is packed as it was packed for the run."""
    if data not in KNOWN and is_store(expand(data)):
        return open_store(expand(data))
    packed = resolve(data, options_of(recipe, trained), say=say or (lambda _: None))
    if say:
        say(packed.message)
    return packed.store


def options_of(recipe: Recipe, trained: dict[str, Any]) -> Options:
    """How the images of a run were packed: as its recipe says, or, of earlier versions, as its data card says."""
    height, width, channels = recipe.data.shape
    if recipe.data.source:
        options = read_options(**recipe.data.source.options)
    else:
        crop = trained.get("card", {}).get("crop")
        options = Options(crop=crop if isinstance(crop, str) else None)
    return replace(options, size=(width, height), channels=channels)


def _difference(data: str, store: ImageStore, run: RunFolder, trained: dict[str, Any], recipe: Recipe | None) -> str:
    """How a store differs from the one of a run, and what to do."""
    against = f"measure against this one on purpose: --against {shlex.quote(data)}"
    shape = tuple(trained.get("shape") or store.shape)
    if store.shape == shape:
        return (
            f"{data} has fingerprint {store.fingerprint}, {run.path} was trained on {trained.get('fingerprint')}; "
            f"give that data with --data, or {against}"
        )
    (height, width, _), (high, wide, _) = store.shape, shape
    source = recipe.data.source.path if recipe and recipe.data.source else ""
    pictures = source if source and Path(source).exists() and not is_store(Path(source)) else "PICTURES"
    return (
        f"{data} has images of {width}x{height} where {run.path} was trained on {wide}x{high}; give the pictures "
        f"themselves, which are then packed so: --data {shlex.quote(pictures)}"
    )
