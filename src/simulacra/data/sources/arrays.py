"""Images in files of NumPy: .npy, or .npz with labels and a split."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.decode import Picture, fit, parse_crop
from simulacra.data.sources.base import (
    Options,
    Pictures,
    Settled,
    Source,
    evidence_of,
    identity_of,
    no_labels,
    one_hot,
)
from simulacra.data.splits import TEST, TRAIN, VALID
from simulacra.data.workers import attempt
from simulacra.errors import DataError

# Names of arrays with images and labels, and their split; None if the split is by content.
PAIRS: tuple[tuple[str, str, int | None], ...] = (
    ("x_train", "y_train", TRAIN),
    ("x_valid", "y_valid", VALID),
    ("x_val", "y_val", VALID),
    ("x_test", "y_test", TEST),
    ("train_images", "train_labels", TRAIN),
    ("val_images", "val_labels", VALID),
    ("test_images", "test_labels", TEST),
    ("images", "labels", None),
    ("x", "y", None),
    ("X", "Y", None),
    ("X", "y", None),
    ("data", "labels", None),
    ("data", "target", None),
    ("arr_0", "arr_1", None),
)
LABEL_NAMES = ("label_names", "class_names", "classes", "attributes")
# value range -> lowest, highest
RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
# Floats within these limits are probably of 0..1, because a resizing filter overshoots that range.
BELOW_ZERO, ABOVE_ONE = -0.25, 8.0
BLOCK = 1024
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
Array = NDArray[Any]


class Part(NamedTuple):
    """Images that belong together: (N, H, W, C) of any number type, and their split, if the file has one."""

    images: Array
    labels: Array | None
    split: int | None


def open_arrays(path: Path, options: Options) -> Source:
    """Finds images, labels and split in the file, and layout and range of the values if the options lack them.

    Raises:
        DataError: no array of images, values out of range, labels that do not fit, or pickled objects.
    """
    arrays = _load(path)
    parts = [part._replace(images=_channels_last(path, part.images, options)) for part in _parts(path, arrays)]
    values = _range(path, [part.images for part in parts], options)
    height, width, depth = parts[0].images.shape[1:]
    if any(part.images.shape[1:] != (height, width, depth) for part in parts):
        raise DataError(f"{path} holds images of several shapes; save them in one shape")
    form = options.settled((width, height), 1 if depth == 1 else 3)
    label_names, labels, exclusive = _labels(path, parts, arrays)
    count = len(labels)
    split = None
    if all(part.split is not None for part in parts):
        split = np.repeat(
            np.array([part.split for part in parts], dtype=np.uint8), [len(part.images) for part in parts]
        )
    return Source(
        kind="arrays",
        names=[f"row {row}" for row in range(count)],
        shape=form.shape,
        pictures=partial(_pictures, [part.images for part in parts], values, form),
        labels=labels,
        identity=identity_of("arrays", form, options.layout, values, evidence_of(path)),
        label_names=label_names,
        exclusive=exclusive,
        split=split,
        card={
            "title": path.stem,
            "licence": None,
            "values": values,
            "notes": [
                f"values taken as {values}, {'as stated' if options.values else 'found by their type and range'}"
            ],
        },
    )


def _pictures(blocks: list[Array], values: str, form: Settled, _workers: int | None) -> Pictures:
    low, high = RANGES[values]
    crop = parse_crop(form.crop)

    def read(image: Array) -> Picture:
        pixels = np.asarray(image)
        if pixels.dtype != np.uint8 or values != "0..255":
            scaled = (pixels.astype(np.float64) - low) * (255 / (high - low))
            pixels = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
        height, width, depth = pixels.shape
        whole = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if depth == 1 else pixels))
        return Picture(fit(whole, form.size, crop, form.grey), (width, height))

    for images in blocks:
        for image in images:
            yield attempt(read, image)


def _load(path: Path) -> dict[str, Array]:
    """The file's arrays by name, mapped and not read; that of a .npy file is called images."""
    try:
        if path.suffix == ".npy":
            return {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
        with zipfile.ZipFile(path) as archive:
            return {Path(name).stem: _mapped(archive, name) for name in archive.namelist() if name.endswith(".npy")}
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path} is no .npz file, or was cut short ({error}); save it again with numpy.savez"
        ) from error
    except (ValueError, EOFError, OSError, KeyError) as error:
        if "object" in str(error).lower():
            raise DataError(
                f"{path} holds pickled Python objects, which are never opened because that may run code; "
                "save plain arrays of numbers"
            ) from error
        raise DataError(f"{path} cannot be read ({error}); save it again with numpy.save or numpy.savez") from error


def _mapped(archive: zipfile.ZipFile, name: str) -> Array:
    # Unpacked into a file without a name, which is deleted with the mapping; memory never holds the whole array.
    with tempfile.TemporaryFile() as spill, archive.open(name) as packed:
        shutil.copyfileobj(packed, spill)
        spill.seek(0)
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(spill)](spill)
        if dtype.hasobject:
            raise ValueError(f"objects in {name}")
        if 0 in shape:
            return np.zeros(shape, dtype)
        if shape == ():
            return np.frombuffer(spill.read(), dtype).reshape(shape)
        return np.memmap(spill, dtype, "r", spill.tell(), shape, "F" if fortran else "C")


def _parts(path: Path, arrays: dict[str, Array]) -> list[Part]:
    """The arrays of images with their labels; either all have labels or none."""
    named = [(images, labels, split) for images, labels, split in PAIRS if images in arrays]
    chosen = [pair for pair in named if pair[2] is not None] or named[:1]
    if not chosen:
        pictorial = [name for name, array in arrays.items() if array.ndim in (3, 4)]
        if len(pictorial) != 1:
            held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
            raise DataError(f"{path} has no array named images (it holds: {held}); name it so, of shape (N, H, W, C)")
        others = [name for name in arrays if name not in LABEL_NAMES and name not in pictorial]
        chosen = [(pictorial[0], others[0] if len(others) == 1 else "", None)]
    without = [(images, labels) for images, labels, _ in chosen if labels not in arrays]
    if 0 < len(without) < len(chosen):
        images, labels = without[0]
        raise DataError(f"{path} has {images} without {labels}, and labels for its other images; add {labels}")
    return [Part(arrays[images], arrays.get(labels), split) for images, labels, split in chosen]


def _channels_last(path: Path, images: Array, options: Options) -> Array:
    if images.ndim == 3:
        images = images[:, :, :, None]
    if images.ndim != 4 or not images.size or images.dtype.kind not in "buif":
        raise DataError(
            f"{path} has images of shape {images.shape} and type {images.dtype}; save numbers as (N, H, W, C)"
        )
    fits = {"NHWC": images.shape[3] in (1, 3, 4), "NCHW": images.shape[1] in (1, 3, 4)}
    if options.layout is not None and options.layout not in fits:
        raise DataError(f"layout {options.layout!r} is not known; it is NHWC or NCHW")
    layouts = [layout for layout, fit_ in fits.items() if fit_ and options.layout in (None, layout)]
    if len(layouts) != 1:
        raise DataError(
            f"{path} has images of shape {images.shape}, which "
            f"{'may be NHWC or NCHW; state it with --layout' if layouts else 'have no 1, 3 or 4 channels; save such'}"
        )
    return images if layouts == ["NHWC"] else images.transpose(0, 2, 3, 1)


def _range(path: Path, blocks: list[Array], options: Options) -> str:
    """The key of RANGES for the values: that of the options, else the narrowest that fits."""
    if options.values is not None and options.values not in RANGES:
        raise DataError(f"values {options.values!r} is not known; it is one of {', '.join(RANGES)}")
    extents = [_extent(images) for images in blocks]
    # np.min keeps a NaN, so that no range fits; min() would lose it.
    low, high = float(np.min([low for low, _ in extents])), float(np.max([high for _, high in extents]))
    for name in (options.values,) if options.values else ("0..1", "-1..1", "0..255"):
        bottom, top = RANGES[name]
        slack = 1e-3 * (top - bottom)  # floats that were scaled there and back
        if bottom - slack <= low and high <= top + slack:
            break
    else:
        raise DataError(
            f"{path} has values from {low:g} to {high:g}; "
            f"scale the images to {options.values or '0..255, 0..1 or -1..1'}"
        )
    for images, (low, high) in zip(blocks, extents, strict=True):
        beyond = {"0..1": False, "-1..1": low > BELOW_ZERO, "0..255": high < ABOVE_ONE}[name]
        if beyond and options.values is None and images.dtype.kind == "f":
            raise DataError(
                f"{path} has values from {low:g} to {high:g}, nearer 0..1 than {name}; clip the images to 0..1, "
                f"or state --values {name}"
            )
    return name


def _extent(images: Array) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        low, high = np.minimum(low, block.min()), np.maximum(high, block.max())
    return float(low), float(high)


def _labels(path: Path, parts: list[Part], arrays: dict[str, Array]) -> tuple[tuple[str, ...], NDArray[np.uint8], bool]:
    """Names, (N, K) labels, and whether labels are exclusive."""
    arrays_of_labels = [_checked(path, part.labels, len(part.images)) for part in parts if part.labels is not None]
    if not arrays_of_labels:
        return (), no_labels(sum(len(part.images) for part in parts)), False
    if len({labels.shape[1:] for labels in arrays_of_labels}) > 1:
        shapes = " and ".join(str(labels.shape) for labels in arrays_of_labels)
        raise DataError(f"{path} has labels of shapes {shapes}; save them all in one form")
    labels = np.concatenate(arrays_of_labels)
    names = _names(path, arrays)
    if labels.ndim == 2 and np.isin(labels, (-1, 0, 1)).all():
        if ((labels == -1).any(axis=0) & (labels == 0).any(axis=0)).any():
            raise DataError(f"{path} has a label with both -1 and 0; write one of them for no")
        values = (labels == 1).astype(np.uint8)
        names = names or tuple(f"label {column}" for column in range(values.shape[1]))
        labelled = names, values, values.shape[1] > 1 and bool((values.sum(axis=1) == 1).all())
    elif labels.ndim == 1 or labels.shape[1] == 1:
        labelled = _classes(path, labels.reshape(-1), names)
    else:
        raise DataError(
            f"{path} has labels of shape {labels.shape} and type {labels.dtype} that are not all 0 and 1; "
            "save (N,) classes or (N, K) of 0 and 1"
        )
    if len(labelled[0]) != labelled[1].shape[1]:
        raise DataError(
            f"{path} has {labelled[1].shape[1]} labels and {len(labelled[0])} names for them; save one name per label"
        )
    return labelled


def _checked(path: Path, labels: Array, count: int) -> Array:
    """The labels of one part, with one row per image."""
    if labels.ndim not in (1, 2) or len(labels) != count or labels.dtype.kind not in "buifSU":
        raise DataError(
            f"{path} has labels of shape {labels.shape} and type {labels.dtype} for {count:,} images; "
            "save one row per image"
        )
    return labels


def _names(path: Path, arrays: dict[str, Array]) -> tuple[str, ...] | None:
    """The names of labels, if the file has any."""
    key = next((name for name in LABEL_NAMES if name in arrays), None)
    if key is None:
        return None
    if arrays[key].ndim != 1:
        raise DataError(f"{path} has {key} of shape {arrays[key].shape}; save a list of names, one per label")
    names = tuple(map(str, arrays[key]))
    for at, name in enumerate(names):
        if name in names[:at]:
            raise DataError(f"{path} has {name!r} twice in {key}; give each label its own name")
    return names


def _classes(
    path: Path, labels: Array, names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.uint8], bool]:
    """Names and one-hot rows of (N,) classes: indices of the names, or any values in sorted order."""
    if labels.dtype.kind == "f" and not (np.isfinite(labels) & (labels == np.rint(labels))).all():
        raise DataError(f"{path} has labels that are fractions or no numbers; save whole numbers or names as classes")
    kinds, classes = np.unique(labels, return_inverse=True)
    if names and labels.dtype.kind in "iu" and kinds[0] >= 0 and kinds[-1] < len(names):
        return names, one_hot(labels.astype(np.int64), len(names)), True
    if names and len(names) != len(kinds):
        raise DataError(f"{path} has {len(kinds)} classes and {len(names)} names for them; save one name per class")
    return names or tuple(map(str, kinds)), one_hot(classes.astype(np.int64), len(kinds)), True
