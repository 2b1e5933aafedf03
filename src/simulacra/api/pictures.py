"""Pictures: arrays of images that a notebook shows. And images of any kind, as the array that a model takes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias, cast, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simulacra.data.decode import Meaning, convert_picture, read_picture
from simulacra.errors import DataError
from simulacra.evaluation.preview import ENDINGS, scale_for, sheet, to_picture
from simulacra.files import expand, to_npy

Shape = tuple[int, int, int]
Given: TypeAlias = NDArray[np.uint8] | Image.Image | str | Path | Iterable[Any]
DIMENSIONS = {3: 1, 4: None, 5: None}  # of an array that can be shown: one image, many, rows of them


@final
class Pictures(np.ndarray[Any, np.dtype[np.uint8]]):
    """A uint8 array (..., H, W, C) of images, which a notebook shows as a sheet."""

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; None where the array, after some slicing, holds no images any more."""
        return self._drawn(".png")

    def _drawn(self, ending: str) -> bytes | None:
        """The sheet as the content of a file; None where the array holds no images."""
        if self.dtype != np.uint8 or self.ndim not in DIMENSIONS or self.shape[-1] not in (1, 3) or not self.size:
            return None
        images = np.asarray(self[None] if self.ndim == 3 else self)
        return to_picture(sheet(images), ending, scale_for(images.shape[-3]), marked=len(images) > 1)

    def save(self, path: str | Path) -> None:
        """Writes the sheet as a file of the kind that its ending says; as .npy, the array itself.

        Raises:
            DataError: the array holds no images, the ending is not known, or the file cannot be written.
        """
        target = expand(str(path))
        ending = target.suffix.lower()
        if ending not in (*ENDINGS, ".npy"):
            raise DataError(f"{path} was not written; give a name that ends in {', '.join(ENDINGS)} or .npy")
        content = to_npy(np.asarray(self)) if ending == ".npy" else self._drawn(ending)
        if content is None:
            raise DataError(f"an array of shape {self.shape} is not a sheet of images, so {path} was not written")
        try:
            target.write_bytes(content)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror}); choose another path") from error


def shown(images: NDArray[np.uint8]) -> Pictures:
    """The same array as one that a notebook shows; nothing is copied."""
    return cast(Pictures, images.view(Pictures))


def as_images(given: Given, shape: Shape, meaning: Meaning | None = None) -> tuple[NDArray[np.uint8], bool]:
    """Images as a model takes them.

    Args:
        given: an array (H, W, C), (n, H, W, C) or, of grey images, (n, H, W), uint8 and of the model's size; or a
            picture of Pillow, a file, or several of these, which are cut at their centre and resized.
        shape: (H, W, C) of the model's images.
        meaning: what the numbers of pictures and files mean, where the model's data say so.

    Returns:
        (n, H, W, C) uint8, and whether a single image was given.

    Raises:
        DataError: the array has another shape or type, or a picture cannot be read.
    """
    if isinstance(given, np.ndarray):
        return _from_array(given, shape)
    if isinstance(given, Image.Image | str | Path):
        return _from_picture(given, shape, meaning or {})[None], True
    images = [as_images(item, shape, meaning)[0] for item in given]
    if not images:
        raise DataError("no image was given; give at least one")
    return np.concatenate(images), False


def _from_array(given: NDArray[Any], shape: Shape) -> tuple[NDArray[np.uint8], bool]:
    array = given[..., None] if given.shape[-2:] == shape[:2] and shape[2] == 1 else given
    single = array.ndim == 3
    array = array[None] if single else array
    if array.dtype != np.uint8 or array.shape[1:] != shape:
        raise DataError(
            f"an array of shape {given.shape} and type {given.dtype} is not an image of this model; expected uint8 of "
            f"shape {shape} or (n, {', '.join(map(str, shape))}), or a picture of Pillow, which is resized"
        )
    return np.array(array, np.uint8), single


def _from_picture(given: Image.Image | str | Path, shape: Shape, meaning: Meaning) -> NDArray[np.uint8]:
    height, width, channels = shape
    size, grey = (width, height), channels == 1
    try:
        if isinstance(given, Image.Image):
            return convert_picture(given, size, grey=grey, **meaning).pixels.copy()
        return read_picture(expand(str(given)), size, grey=grey, **meaning).pixels.copy()
    except DataError as error:
        raise DataError(f"{given} {error}; give another picture") from error
