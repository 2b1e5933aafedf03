"""Images that somebody already put into NumPy's files: .npy, or .npz with labels and a split beside them."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.decode import Crop, Picture, fit, parse_crop
from simulacra.data.sources.base import (
    Options, Pictures, Source, channels_of, evidence_of, identity_of, no_labels, one_hot,
)  # fmt: skip
from simulacra.data.splits import TEST, TRAIN, VALID
from simulacra.errors import DataError

# Names under which images and labels are found, by split; None where the file leaves the split to us.
PAIRS: tuple[tuple[str, str, int | None], ...] = (
    ("x_train", "y_train", TRAIN), ("x_valid", "y_valid", VALID), ("x_val", "y_val", VALID), ("x_test", "y_test", TEST),
    ("train_images", "train_labels", TRAIN), ("val_images", "val_labels", VALID), ("test_images", "test_labels", TEST),
    ("images", "labels", None), ("x", "y", None), ("X", "Y", None), ("X", "y", None), ("data", "labels", None),
    ("data", "target", None), ("arr_0", "arr_1", None),
)  # fmt: skip
LABEL_NAMES = ("label_names", "class_names", "classes", "attributes")
# value range -> lowest, highest
RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
BLOCK = 1024
HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
Array = NDArray[Any]


class Part(NamedTuple):
    """Images that belong together: (N, H, W, C) of any number type, and the split they make, if any."""

    images: Array
    labels: Array | None
    split: int | None


def open_arrays(path: Path, options: Options) -> Source:
    """Finds images, labels and split in the file, and the layout and range of the values unless they are given.

    Raises:
        DataError: no array that can be images, values out of range, labels that do not fit, or pickled objects.
    """
    arrays = _load(path)
    parts = [part._replace(images=_channels_last(path, part.images, options)) for part in _parts(path, arrays)]
    values = _range(path, [part.images for part in parts], options)
    height, width, depth = parts[0].images.shape[1:]
    if any(part.images.shape[1:] != (height, width, depth) for part in parts):
        raise DataError(f"{path} holds images of several shapes; save them in one shape")
    size, channels = options.size or (width, height), channels_of(options, 1 if depth == 1 else 3)
    label_names, labels, exclusive = _labels(path, parts, arrays)
    count = len(labels)
    split = None
    if all(part.split is not None for part in parts):
        split = np.repeat(np.array([part.split for part in parts], dtype=np.uint8), [len(part.images) for part in parts])
    return Source(
        kind="arrays",
        names=[f"row {row}" for row in range(count)],
        shape=(size[1], size[0], channels),
        pictures=partial(_pictures, [part.images for part in parts], values, size, options.crop or "center", channels),
        labels=labels,
        identity=identity_of("arrays", options, evidence_of(path)),
        label_names=label_names,
        exclusive=exclusive,
        split=split,
        card={
            "title": path.stem,
            "licence": None,
            "values": values,
            "notes": [f"values taken as {values}, {'as stated' if options.values else 'found by their type and range'}"],
        },
    )


def _pictures(
    blocks: list[Array], values: str, size: tuple[int, int], crop: str, channels: int, _workers: int | None
) -> Pictures:
    low, high = RANGES[values]
    box: Crop = parse_crop(crop)
    for images in blocks:
        for image in images:
            pixels = np.asarray(image)
            if pixels.dtype != np.uint8:
                pixels = np.rint((pixels.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
            height, width, depth = pixels.shape
            whole = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if depth == 1 else pixels))
            yield Picture(fit(whole, size, box, grey=channels == 1), (width, height))


def _load(path: Path) -> dict[str, Array]:
    """The file's arrays, mapped rather than read; a .npy's is called images."""
    try:
        if path.suffix == ".npy":
            return {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
        with zipfile.ZipFile(path) as archive:
            return {Path(name).stem: _mapped(archive, name) for name in archive.namelist() if name.endswith(".npy")}
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no .npz file, or was cut short ({error}); save it again with numpy.savez") from error
    except (ValueError, EOFError, OSError, KeyError) as error:
        if "object" in str(error).lower():
            raise DataError(
                f"{path} holds pickled Python objects, which are never opened because that may run code; "
                "save plain arrays of numbers"
            ) from error
        raise DataError(f"{path} cannot be read ({error}); save it again with numpy.save or numpy.savez") from error


def _mapped(archive: zipfile.ZipFile, name: str) -> Array:
    # Unpacked into a file without a name, which goes when the mapping does; memory never holds the whole.
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
