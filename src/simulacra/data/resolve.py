"""Reads `--data`: a packed store, a known name, or any source, which is packed once and then found in the cache.

And fits a recipe to the store: its size, the labels where "all" are asked for, steps for epochs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from simulacra.data.pack import Packed, Progress, pack, summary
from simulacra.data.sources import KNOWN, Options, Source, open_source
from simulacra.data.sources.celeba import looks_like_celeba
from simulacra.data.sources.idx import looks_like_idx
from simulacra.data.store import ImageStore, is_store, open_store, remedy_for_label
from simulacra.errors import DataError, RecipeError, nearest
from simulacra.files import expand, user_cache
from simulacra.recipe import Recipe
from simulacra.runs import RunFolder

MOST_EPOCHS = 1e12
# Fewer training images get a warning: the usual split leaves ten images to test on then, and one of them is a tenth of
# every metric. Who tries something out with 300 pictures, as the first pages do, is left alone.
FEW = 200
LOOKED = 1000  # names beside one that does not exist, among which a near one is sought
NO_CACHE = (
    "train with --no-cache, which packs them beside the run, or set XDG_CACHE_HOME to a folder that you may write into"
)


def resolve(
    data: str,
    options: Options | None = None,
    *,
    labels: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Packed:
    """Finds or packs the store that `--data` names.

    Args:
        data: a packed store's folder, a key of KNOWN, or the path of any source.
        options: what was asked of the source. A packed store must have the size and channels, and takes no other.
        labels: those that a training needs, or "all"; pictures that lack one are refused before they are packed.
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
        return Packed(store, False, f"using {summary(store)}", warnings=_warnings(store))
    source = open_source(data, None, options) if known else open_source(options.source or kind_of(path), path, options)
    labels_from = data if options.labels is None else str(options.labels)
    _check_source(source, labels, labels_from)
    stores = cache or user_cache("stores")
    if stores is None:
        raise DataError(f"you have no home folder, and so no cache for packed pictures; {NO_CACHE}")
    place = stores / f"{source.kind}-{source.identity}"
    remedy = None if cache else NO_CACHE
    packed = pack(source, place, progress=progress, say=say, keep_going=options.keep_going, remedy=remedy)
    return packed._replace(store=replace(packed.store, labels_from=labels_from), warnings=_warnings(packed.store))


def _warnings(store: ImageStore) -> tuple[str, ...]:
    """A line where a training has hardly any images."""
    train, test = len(store.rows("train")), len(store.rows("test"))
    if not 0 < train < FEW:
        return ()
    images = f"{train} training image{'s' * (train > 1)}"
    tested = f"metrics on {test} test image{'s' * (test != 1)} say little"
    return (f"only {images}: a model learns so few by heart, and {tested}; for more than a trial, add pictures",)


def _check_source(source: Source, labels: Sequence[str], labels_from: str) -> None:
    """Refuses pictures that lack a label, before minutes of packing."""
    for name in () if isinstance(labels, str) else labels:
        if name not in source.label_names:
            remedy = remedy_for_label(source.label_names, packed=False)
            raise DataError(f"{labels_from} has no label {name!r} {remedy}")


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
    bare = path.name == str(path)
    if near := get_close_matches(path.name, [*_beside(path), *(KNOWN if bare else ())], n=1):
        hint = f"; did you mean {path.with_name(near[0])}?"
    else:
        hint = f"; {nearest(str(path), KNOWN)}" if bare else ""
    raise DataError(f"{path} does not exist; give a packed store, a folder, a .npz file or a known name{hint}")


def _beside(path: Path) -> Iterator[str]:
    """Names beside a path that may be data: folders and arrays."""
    with suppress(OSError):  # no such folder, or one that may not be read
        for entry in islice(path.parent.iterdir(), LOOKED):
            if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix in (".npy", ".npz")):
                yield entry.name


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
            place = store.labels_from or store.path
            raise RecipeError(
                f'data.labels is "all", and {place} has no labels{why}; pack the data with --labels table.csv, '
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
    place = store.labels_from or store.path
    if exclusive and (not store.exclusive or set(labels) != set(store.label_names)):
        names = ", ".join(store.label_names) or "none"
        kind = "classes" if store.exclusive else "attributes, of which a picture may have several"
        remedy = 'data.labels="all"' if store.exclusive else "data.exclusive=false"
        raise RecipeError(
            f"data.exclusive is true, so data.labels must be all classes of {place}; it has {names} ({kind}); "
            f"set {remedy}"
        )
    if labels and not exclusive and store.exclusive and set(labels) == set(store.label_names):
        raise RecipeError(
            f"data.exclusive is false, and data.labels are all classes of {place}, of which a picture has exactly "
            "one; set data.exclusive=true"
        )
