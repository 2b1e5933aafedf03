"""Reads `--data`: a packed store, a known name, or any source, which is packed once and then found in the cache.

And fits a recipe to the store: its size, the labels where "all" are asked for, steps for epochs.
"""

from collections.abc import Callable
from pathlib import Path

from simulacra.data.pack import Packed, Progress, pack, summary
from simulacra.data.sources import KNOWN, Options, open_source
from simulacra.data.sources.celeba import looks_like_celeba
from simulacra.data.sources.idx import looks_like_idx
from simulacra.data.store import ImageStore, is_store, open_store
from simulacra.errors import DataError, RecipeError, nearest
from simulacra.files import expand, user_cache
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

MOST_EPOCHS = 1e12
NO_CACHE = (
    "train with --no-cache, which packs them beside the run, or set XDG_CACHE_HOME to a folder that you may write into"
)


def resolve(
    data: str,
    options: Options | None = None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Packed:
    """Finds or packs the store that `--data` names.

    Args:
        data: a packed store's folder, a key of KNOWN, or the path of any source.
        options: what was asked of the source. A packed store must have the size and channels, and takes no other.
        cache: where packed sources are kept; None is the user's cache folder.
        progress: called with (pictures done, pictures in all) while packing.
        say: as for packing.

    Raises:
        DataError: there is nothing of that name, or it cannot be used as asked.
    """
    options = options or Options()
    if not data:
        raise DataError("the data's path is empty; give a packed store, a folder, a .npz file or a known name")
    path, known = expand(data), data in KNOWN and options.source in (None, data)
    if known and options.source is None and path.exists():
        choose = f"write ./{data} for the folder, or add --source {data} for the known data set"
        raise DataError(f"{data} is a known data set, and also a folder here; {choose}")
    if not known and options.source is None and is_store(path):
        store = open_store(path)
        _check(store, options)
        return Packed(store, False, f"using {summary(store)}")
    source = open_source(data, None, options) if known else open_source(options.source or kind_of(path), path, options)
    stores = cache or user_cache("stores")
    if stores is None:
        raise DataError(f"you have no home folder, and so no cache for packed pictures; {NO_CACHE}")
    place = stores / f"{source.kind}-{source.identity}"
    remedy = None if cache else NO_CACHE
    return pack(source, place, progress=progress, say=say, keep_going=options.keep_going, remedy=remedy)


def kind_of(path: Path) -> str:
    """The kind of source that can read a path.

    Raises:
        DataError: there is nothing, a run, or nothing that any source reads.
    """
    if (run := RunFolder(path)).exists():
        trained = run.read_facts().get("data", {}).get("path", "unknown")
        raise DataError(f"{path} is a run, not data (its data: {trained}); give a packed store or pictures")
    if looks_like_idx(path):
        return "idx"
    if path.is_dir():
        return "celeba" if looks_like_celeba(path) else "folder"
    if path.suffix in (".npy", ".npz") and path.exists():
        return "arrays"
    if path.exists():
        raise DataError(f"{path} is no data set; give a packed store, a folder of pictures, or a .npz or .npy file")
    hint = f"; {nearest(str(path), KNOWN)}" if path.name == str(path) else ""
    raise DataError(f"{path} does not exist; give a packed store, a folder, a .npz file or a known name{hint}")


def _check(store: ImageStore, options: Options) -> None:
    """Refuses a packed store that does not fit the options."""
    height, width, channels = store.shape
    for option in options.given().keys() - {"size", "channels"}:
        named = f"--{option.replace('_', '-')}"
        raise DataError(f"{store.path} is already packed, so {named} has no effect; pack again with it")
    wide, high = options.size or (width, height)
    if (wide, high) != (width, height):
        fault = f"has images of {width}x{height} where {wide}x{high} is wanted"
        raise DataError(f"{store.path} {fault}; pack them in that size")
    if options.channels not in (None, channels):
        raise DataError(f"{store.path} has {channels} channels where {options.channels} are wanted; pack it again so")


def fit(recipe: Recipe, store: ImageStore, epochs: float | None = None) -> Recipe:
    """The recipe with what depends on the data: the size, the labels where "all" are asked for, and steps for epochs.

    Raises:
        RecipeError: labels and data do not go together.
        DataError: the store lacks a label.
    """
    labels, exclusive = recipe.data.labels, recipe.data.exclusive
    if labels == "all":
        labels, exclusive = store.label_names, exclusive or store.exclusive
        if not labels:
            why = f" ({reason})" if (reason := store.card.get("no_classes")) else ""
            raise RecipeError(
                f'data.labels is "all", and {store.path} has no labels{why}; pack the data with --labels table.csv, '
                "or put the pictures of each class in a folder of its own"
            )
    check_labels(tuple(labels), exclusive, store)
    height, width, _ = store.shape
    size = recipe.data.size if store.shape == recipe.data.shape else height if height == width else f"{width}x{height}"
    data = recipe.data.model_copy(update={"labels": tuple(labels), "exclusive": exclusive, "size": size})
    steps = recipe.steps
    if epochs is not None:
        if not 0 < epochs < MOST_EPOCHS:
            raise RecipeError(f"--epochs {epochs:g}: expected a number above 0 and below {MOST_EPOCHS:g}")
        steps = max(1, round(epochs * len(store.rows("train")) / data.batch))
    return recipe.model_copy(update={"data": data, "steps": steps})


def check_labels(labels: tuple[str, ...], exclusive: bool, store: ImageStore) -> None:
    """Refuses labels that a store lacks, or that are classes on one side and attributes on the other.

    Raises:
        RecipeError: labels and data do not go together.
        DataError: the store lacks a label.
    """
    store.columns(labels)
    if exclusive and (not store.exclusive or set(labels) != set(store.label_names)):
        names = ", ".join(store.label_names) or "none"
        kind = "classes" if store.exclusive else "attributes, of which a picture may have several"
        remedy = 'data.labels="all"' if store.exclusive else "data.exclusive=false"
        raise RecipeError(
            f"data.exclusive is true, so data.labels must be all classes of {store.path}; it has {names} ({kind}); "
            f"set {remedy}"
        )
    if labels and not exclusive and store.exclusive and set(labels) == set(store.label_names):
        raise RecipeError(
            f"data.exclusive is false, and data.labels are all classes of {store.path}, of which a picture has exactly "
            "one; set data.exclusive=true"
        )
