"""Images that somebody already put into NumPy's files: .npy, or .npz with labels, factors and a split beside them.

The arrays are recognised by their names, mapped and not read, and never unpickled.
"""

import math
import re
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.colours import USUAL, Range, overshoots, parse_background, parse_values, to_bytes, usual_range
from simulacra.data.decode import Picture, convert_picture, fit, parse_crop
from simulacra.data.sources.array_files import PICKLED, Arrays, files_of, load_arrays
from simulacra.data.sources.base import (
    MEANING,
    Options,
    Pictures,
    Settled,
    Source,
    describe,
    evidence_of,
    identity_of,
    one_hot,
    some,
)
from simulacra.data.splits import TEST, TRAIN, VALID
from simulacra.data.workers import attempt
from simulacra.errors import DataError

Array = NDArray[Any]

# What an array is -> the names that say so, the likeliest first; in lower case and without what joins words.
NAMES = {
    "images": "images imgs image img x data pictures arr0",
    "labels": "labels label y targets target arr1",
    "factors": "factors factorvalues latentsvalues latentvalues latents latentsclasses latentclasses",
    "label_names": "labelnames labelsnames classnames classes attributes attributenames targetnames",
    "factor_names": "factornames factorsnames latentsnames latentnames",
}
PER_IMAGE = ("images", "labels", "factors")
BARE = 100  # the rank of an array that is called by its split alone
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("valid", "val", "validation", "dev"), VALID),
    **dict.fromkeys(("test", "testing", "eval"), TEST),
}


class Role(NamedTuple):
    """What an array's name says: a key of NAMES, of which split, and how likely among others (0 is the likeliest)."""

    what: str
    split: int | None
    rank: int


# The largest of all data sets with known factors, whose own list of their names is a pickled object.
DSPRITES = (737_280, 64, 64), ("color", "shape", "scale", "orientation", "posX", "posY")


Key = tuple[str, int | None]  # what an array is (a key of NAMES), and of which split


class Found(NamedTuple):
    """What the arrays of a file were taken for; labels and factors are there for all images or for none."""

    images: list[Array]  # (N, H, W, C) of any number type, for each split
    labels: list[Array]  # of each split, or empty
    factors: list[Array]  # of each split, or empty
    splits: list[int | None]  # an index into SPLITS, or a single None
    label_names: tuple[str, ...] | None
    factor_names: tuple[str, ...] | None
    used: set[str]  # names of the arrays that are in any of these


def open_arrays(path: Path, options: Options) -> Source:
    """Finds images, labels, factors and split in the file, and layout and range of the values unless they are given.

    Raises:
        DataError: no array that can be images, values out of range, labels that do not fit, or pickled objects.
    """
    background = options.background or "white"
    parse_background(background)
    arrays = load_arrays(path)
    found = _find(path, arrays)
    found = found._replace(images=[_channels_last(path, images, options) for images in found.images])
    values = _range(path, found.images, options)
    height, width, depth = found.images[0].shape[1:]
    if any(images.shape[1:] != (height, width, depth) for images in found.images):
        raise DataError(f"{path} holds images of several shapes; save them in one shape")
    form = options.settled((width, height), 1 if depth == 1 else 3)
    label_names, labels, exclusive = _labels(path, found)
    factor_names, factors = _factors(path, found)
    split = None
    said = describe(label_names, labels, exclusive, "the labels", factor_names)
    notes = [
        *([f"{path.name}: {said}"] if said else []),
        f"values taken as {values}, {'as stated' if options.values else 'found by their type and range'}",
    ]
    if found.splits[0] not in (None, TRAIN):
        notes.append("none of the images are called train, so the split follows their content")
    elif found.splits[0] is not None:
        split = np.repeat(np.array(found.splits, np.uint8), [len(images) for images in found.images])
        notes.append("split from the names of the arrays")
    if unused := [f"{name} {array.shape}" for name, array in arrays.held.items() if name not in found.used]:
        notes.append(f"arrays that were not used: {', '.join(unused)}")
    if arrays.pickled:
        notes.append(f"arrays that hold Python objects, which were not opened: {', '.join(arrays.pickled)}")
    return Source(
        kind="arrays",
        names=[f"row {row}" for row in range(len(labels))],
        shape=form.shape,
        pictures=partial(_pictures, found.images, values, form, background),
        labels=labels,
        identity=identity_of(
            "arrays", form, MEANING, options.layout, str(values), evidence_of(*files_of(path)), options.background
        ),
        label_names=label_names,
        exclusive=exclusive,
        split=split,
        factors=factors,
        factor_names=factor_names,
        card={"title": path.stem, "licence": None, "values": str(values), "background": background, "notes": notes},
    )


def _pictures(blocks: list[Array], values: Range, form: Settled, background: str, _workers: int | None) -> Pictures:
    crop = parse_crop(form.crop)

    def read(image: Array) -> Picture:
        pixels = np.asarray(image)
        if pixels.dtype != np.uint8 or values != (0, 255):
            pixels = to_bytes(pixels, values)
        if pixels.shape[2] != 4:
            return fit(pixels, form.size, crop, form.grey)
        whole = Image.fromarray(np.ascontiguousarray(pixels))
        return convert_picture(whole, form.size, form.crop, form.grey, background=background)

    for images in blocks:
        for image in images:
            yield attempt(read, image)


def _find(path: Path, arrays: Arrays) -> Found:
    """What each array is, by its name, or by its shape where no name says which are the images."""
    held, named = arrays.held, dict[Key, list[tuple[int, str]]]()
    for name, array in held.items():
        # An array called `test` alone may as well be a list of rows.
        if (role := role_of(name)) is not None and (role.rank < BARE or array.ndim in (3, 4)):
            if role.what == "label_names" and array.ndim == 2:  # the attributes of the images, not the names of such
                role = role._replace(what="labels", rank=role.rank + BARE)
            named.setdefault((role.what, role.split), []).append((role.rank, name))
    chosen = {key: min(entries)[1] for key, entries in named.items()}
    if ("images", TRAIN) not in chosen and {("images", VALID), ("images", TEST)} & chosen.keys():
        # Beside test_images, images are those to train on.
        chosen |= {(what, TRAIN): chosen.pop((what, None)) for what in PER_IMAGE if (what, None) in chosen}
    splits: list[int | None] = [split for split in (TRAIN, VALID, TEST) if ("images", split) in chosen]
    if not splits:
        splits = [None]
        if ("images", None) not in chosen:
            chosen |= _by_shape(path, arrays, set(chosen.values()))
    images = [chosen["images", split] for split in splits]
    either = chosen.get(("label_names", None))
    alone = splits == [None] and ("labels", None) not in chosen
    if either is not None and alone and held[either].shape == held[images[0]].shape[:1]:
        chosen["labels", None] = chosen.pop(("label_names", None))  # `classes` of the images, not the names of classes
    label_names, factor_names = (chosen.get((what, None)) for what in ("label_names", "factor_names"))
    labels, factors = ([chosen.get((what, split)) for split in splits] for what in ("labels", "factors"))
    _require_all(path, images, labels)
    if None in factors:
        factors = []
    return Found(
        [held[name] for name in images],
        [held[name] for name in labels if name is not None],
        [held[name] for name in factors if name is not None],
        splits,
        _names(path, label_names, held),
        _names(path, factor_names, held),
        {name for name in (*images, *labels, *factors, label_names, factor_names) if name is not None},
    )


def _require_all(path: Path, images: list[str], labels: list[str | None]) -> None:
    """Refuses labels of some splits and none of the others."""
    given = [label for label in labels if label is not None]
    for image, label in zip(images, labels, strict=True):
        if label is None and given:
            word, other = (re.search("|".join(SPLITS), name.lower()) for name in (image, given[0]))
            like = given[0].lower().replace(other[0], word[0]) if word and other else "labels"
            raise DataError(f"{path} has {image} without {like}, and labels for its other images; add {like}")


def _by_shape(path: Path, arrays: Arrays, named: set[str]) -> dict[Key, str]:
    """The images, where one array alone may be such; and the labels, where one other array may be such."""
    pictorial = [name for name, array in arrays.held.items() if array.ndim in (3, 4)]
    if any((role := role_of(name)) is not None and role.what == "images" for name in arrays.pickled):
        raise DataError(f"{path} {PICKLED}; save plain arrays of numbers")
    if len(pictorial) != 1:
        held = some([f"{name} {array.shape}" for name, array in arrays.held.items()]) or "nothing"
        raise DataError(f"{path} has no array named images (it holds: {held}); name it so, of shape (N, H, W, C)")
    count = len(arrays.held[pictorial[0]])
    rows = {name: array for name, array in arrays.held.items() if array.shape[:1] == (count,) and name not in named}
    vectors = [name for name, array in rows.items() if array.ndim == 1]
    tables = [name for name, array in rows.items() if array.ndim == 2 and array.dtype.kind in "buif"]
    others = vectors + [name for name in tables if np.isin(rows[name], (-1, 0, 1)).all()]
    return {("images", None): pictorial[0], **({("labels", None): others[0]} if len(others) == 1 else {})}


def _check(path: Path, what: str, given: list[Array], images: list[Array], kinds: str, row: str) -> None:
    """Refuses labels or factors that are not one row per image, of one form and of these kinds of NumPy's types."""
    for array, pictures in zip(given, images, strict=bool(given)):
        if array.ndim not in (1, 2) or len(array) != len(pictures) or array.dtype.kind not in kinds:
            form = f"{what} of shape {array.shape} and type {array.dtype}"
            raise DataError(f"{path} has {form} for {len(pictures):,} images; save {row} per image")
    if len({array.shape[1:] for array in given}) > 1:
        shapes = " and ".join(str(array.shape) for array in given)
        raise DataError(f"{path} has {what} of shapes {shapes}; save them all in one form")


def _factors(path: Path, found: Found) -> tuple[tuple[str, ...], NDArray[np.float32] | None]:
    """Names and (N, F) values of what is known about each image."""
    if not found.factors:
        return (), None
    _check(path, "factors", found.factors, found.images, "buif", "one row of numbers")
    values = np.concatenate([factors.reshape(len(factors), -1) for factors in found.factors]).astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{path} has factors that are no numbers; save the file without such rows, or without factors")
    width, names = values.shape[1], found.factor_names
    if names is None:
        known = found.images[0].shape[:3] == DSPRITES[0] and width == len(DSPRITES[1])
        names = DSPRITES[1] if known else tuple(f"factor {column}" for column in range(width))
    if len(names) != width:
        raise DataError(f"{path} has {width} factors and {len(names)} names for them; save one name per factor")
    return names, values


def _channels_last(path: Path, images: Array, options: Options) -> Array:
    if images.ndim == 3 and images.shape[2] in (3, 4):
        remedy = "save (N, H, W, C), also of one image, and of grey ones (N, H, W, 1)"
        raise DataError(f"{path} has images of shape {images.shape}, which may be one image in colour; {remedy}")
    if images.ndim == 3:
        images = images[:, :, :, None]
    shape = f"images of shape {images.shape}"
    if not images.size:
        raise DataError(f"{path} has {shape}, which is no image at all; save some")
    if images.ndim != 4 or images.dtype.kind not in "buif":
        raise DataError(f"{path} has {shape} and type {images.dtype}; save numbers as (N, H, W, C)")
    fits = {"NHWC": images.shape[3] in (1, 3, 4), "NCHW": images.shape[1] in (1, 3, 4)}
    if options.layout is not None and options.layout not in fits:
        raise DataError(f"layout {options.layout!r} is not known; it is NHWC or NCHW")
    layouts = [layout for layout, fit_ in fits.items() if fit_ and options.layout in (None, layout)]
    if len(layouts) != 1:
        doubt = "may be NHWC or NCHW; state it with --layout" if layouts else "have no 1, 3 or 4 channels; save such"
        raise DataError(f"{path} has {shape}, which {doubt}")
    return images if layouts == ["NHWC"] else images.transpose(0, 2, 3, 1)


def _range(path: Path, blocks: list[Array], options: Options) -> Range:
    """The range that the values lie in: the one stated, else the narrowest usual one."""
    stated = None if options.values is None else parse_values(options.values)
    extents = [Range(float(images.min()), float(images.max())) for images in blocks]
    # np.min keeps a NaN, which no range then admits; min() would lose it.
    whole = Range(float(np.min(extents)), float(np.max(extents)))
    if not np.isfinite(whole).all():
        raise DataError(f"{path} has images with values that are no finite numbers; replace these values")
    scale = usual_range(whole, USUAL if stated is None else (stated,))
    if scale is None:
        due = stated or "0..255, 0..1 or -1..1, or state which is black and which is white, like --values 0..65535"
        raise DataError(f"{path} has values from {whole.low:g} to {whole.high:g}; scale the images to {due}")
    for images, extent in zip(blocks, extents, strict=True):
        if stated is None and images.dtype.kind == "f" and overshoots(extent, scale):
            nearer = f"has values from {extent.low:g} to {extent.high:g}, nearer 0..1 than {scale}"
            stated_so = f"{math.floor(100 * extent.low) / 100:g}..{math.ceil(100 * extent.high) / 100:g}"
            raise DataError(f"{path} {nearer}; clip the images to 0..1, or state black and white, --values {stated_so}")
    return scale


def _labels(path: Path, found: Found) -> tuple[tuple[str, ...], NDArray[np.uint8], bool]:
    """Names, (N, K) labels, and whether they exclude one another."""
    if not found.labels:
        return (), np.zeros((sum(map(len, found.images)), 0), np.uint8), False
    _check(path, "labels", found.labels, found.images, "buifSU", "one row")
    labels, names = np.concatenate([words_of(part) for part in found.labels]), found.label_names
    # A single column of 0 and 1 is two classes, as it is without its second axis, unless one name says what 1 means.
    column = labels.ndim == 2 and labels.shape[1] == 1 and len(names or ()) != 1 and np.isin(labels, (0, 1)).all()
    if labels.ndim == 2 and not column and np.isin(labels, (-1, 0, 1)).all():
        if ((labels == -1).any(axis=0) & (labels == 0).any(axis=0)).any():
            raise DataError(f"{path} has a label with both -1 and 0; write one of them for no")
        values = (labels == 1).astype(np.uint8)
        names = names or tuple(f"label {column}" for column in range(values.shape[1]))
        exclusive = values.shape[1] > 1 and bool((values.sum(axis=1) == 1).all())
    elif labels.ndim == 1 or labels.shape[1] == 1:
        names, values = _classes(path, labels.reshape(-1), names)
        exclusive = True
    else:
        form = f"labels of shape {labels.shape} and type {labels.dtype} that are not all 0 and 1"
        raise DataError(f"{path} has {form}; save (N,) classes or (N, K) of 0 and 1, or name the array factors")
    if len(names) != values.shape[1]:
        raise DataError(f"{path} has {values.shape[1]} labels and {len(names)} names for them; save one name a label")
    return names, values, exclusive


def _names(path: Path, key: str | None, held: dict[str, Array]) -> tuple[str, ...] | None:
    """Names of labels or factors out of an array; None without one."""
    if key is None:
        return None
    if held[key].ndim != 1:
        raise DataError(f"{path} has {key} of shape {held[key].shape}; save a list of names")
    names = tuple(map(str, words_of(held[key])))
    for index, name in enumerate(names):
        if name in names[:index]:
            raise DataError(f"{path} has {name!r} twice in {key}; give each a name of its own")
    return names


def _classes(path: Path, labels: Array, names: tuple[str, ...] | None) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Names and one-hot rows of (N,) classes: numbers that count the names, or any values, sorted."""
    if labels.dtype.kind == "f" and not (np.isfinite(labels) & (labels == np.rint(labels))).all():
        raise DataError(f"{path} has labels that are fractions or no numbers; save whole numbers or names as classes")
    kinds, classes = np.unique(labels, return_inverse=True)
    if names and labels.dtype.kind in "iu" and kinds[0] >= 0 and kinds[-1] < len(names):
        return names, one_hot(labels.astype(np.int64), len(names))
    if names and labels.dtype.kind == "U":
        index = {name: at for at, name in enumerate(names)}
        if unknown := [kind for kind in kinds.tolist() if kind not in index]:
            raise DataError(
                f"{path} has the label {unknown[0]!r}, which is none of the names of labels; add it to them"
            )
        return names, one_hot(np.array([index[kind] for kind in kinds.tolist()], np.int64)[classes], len(names))
    if names and len(names) != len(kinds):
        raise DataError(f"{path} has {len(kinds)} classes and {len(names)} names for them; save one name a class")
    return names or tuple(map(str, kinds)), one_hot(classes.astype(np.int64), len(kinds))


def role_of(name: str) -> Role | None:
    """What a name like `x_train`, `TestImages` or `latents_values` says; None where it says nothing."""
    plain = re.sub(r"[\W_]", "", name.rpartition("/")[2].lower())
    for what, names in NAMES.items():
        for rank, known in enumerate(names.split()):
            if plain == known:
                return Role(what, None, rank)
            for word, split in SPLITS.items():
                if plain in (known + word, word + known):
                    return Role(what, split, rank)
    return Role("images", SPLITS[plain], BARE) if plain in SPLITS else None


def words_of(array: Array) -> Array:
    """The array with bytes decoded to text, where it holds any."""
    if array.dtype.kind != "S":
        return array
    return np.array([entry.decode("utf-8", "replace") for entry in array.ravel()]).reshape(array.shape)
