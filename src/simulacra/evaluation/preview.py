"""Previews: contact sheets of many small images, and a plain PNG for each picture of a run."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from simulacra.files import SHEET

Images = NDArray[np.uint8]

GAP = 2  # pixels of white between images


def sheet(images: Images, columns: int | None = None) -> Images:
    """Images (n, H, W, C), in about a square by default, or (rows, columns, H, W, C) side by side on white."""
    if images.ndim == 4:
        columns = columns or int(np.ceil(np.sqrt(len(images))))
        short = -len(images) % columns
        blank = np.full((short, *images.shape[1:]), 255, np.uint8)
        images = np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])
    rows, columns, height, width, channels = images.shape
    padded = np.full((rows, columns, height + GAP, width + GAP, channels), 255, np.uint8)
    padded[:, :, :height, :width] = images
    flat = padded.transpose(0, 2, 1, 3, 4).reshape(rows * (height + GAP), columns * (width + GAP), channels)
    return np.pad(flat, ((GAP, 0), (GAP, 0), (0, 0)), constant_values=255)


# Ending of a picture's file -> Pillow's name of the format, and how it is written: as it is, or, of JPEG, nearly so.
ENDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    **dict.fromkeys((".jpg", ".jpeg"), ("JPEG", {"quality": 95, "subsampling": 0})),
    ".webp": ("WEBP", {"lossless": True}),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF", {"compression": "tiff_lzw"})),
    ".bmp": ("BMP", {}),
}


def to_png(image: Images, scale: int = 1, marked: bool = False, **options: Any) -> bytes:
    """An image (H, W, C) uint8 as PNG, each pixel drawn as a square of `scale`; equal arguments give equal bytes.

    A marked file says that it is a sheet or a figure, which a scan of pictures then leaves out; further options are
    those of Pillow's writer.
    """
    if marked:
        options["pnginfo"] = naming(SHEET)
    return _encoded(image, scale, "PNG", options)


def naming(software: str) -> PngInfo:
    """The text of a PNG file that names its software."""
    text = PngInfo()
    text.add_text("Software", software)
    return text


def to_picture(image: Images, ending: str, scale: int = 1, marked: bool = False) -> bytes:
    """The same as the content of a file with one of ENDINGS, in which only a PNG can be marked."""
    if ending.lower() == ".png":
        return to_png(image, scale, marked)
    form, options = ENDINGS[ending.lower()]
    return _encoded(image, scale, form, options)


def _encoded(image: Images, scale: int, form: str, options: dict[str, Any]) -> bytes:
    enlarged = image.repeat(scale, 0).repeat(scale, 1)
    buffer = io.BytesIO()
    Image.fromarray(enlarged[..., 0] if enlarged.shape[-1] == 1 else enlarged).save(buffer, form, **options)
    return buffer.getvalue()


def scale_for(height: int) -> int:
    """How much a small image is enlarged on a sheet, so that a person can see it."""
    return max(1, 64 // height)


Arrays = dict[str, NDArray[Any]]

BAR = 64  # squares that the longest bar is drawn high
CELL = 24  # pixels a cell of a table of counts is drawn large


def preview(arrays: Arrays) -> bytes:
    """A PNG of the arrays of a picture, by the first of these that they hold.

    points (n, 2): the density of a map. counts (K, K) or (K, 2, 2), matrix (rows, columns) and shares (rows, columns):
    a square per value, the darker the larger. kl (dimensions,): bars. Else all images (..., H, W, C) uint8.
    """
    if "points" in arrays:
        points = arrays["points"]
        counts = np.histogram2d(-points[:, 1], points[:, 0], bins=128)[0]
        return to_png(_shaded(counts / max(counts.max(), 1)), 3, marked=True)
    if "counts" in arrays:
        counts = arrays["counts"].reshape(len(arrays["counts"]), -1)
        return to_png(_shaded(counts / np.maximum(counts.sum(1, keepdims=True), 1)), CELL, marked=True)
    if "matrix" in arrays:
        sizes = np.abs(arrays["matrix"])
        return to_png(_shaded(sizes / max(sizes.max(), 1e-9)), CELL, marked=True)
    if "shares" in arrays:
        return to_png(_shaded(arrays["shares"]), CELL, marked=True)
    if "kl" in arrays:  # bars, the longest first
        ordered = np.sort(arrays["kl"])[::-1]
        lengths = np.round(BAR * ordered / max(ordered.max(), 1e-9))
        return to_png(_shaded(np.arange(BAR)[::-1, None] < lengths), 4, marked=True)
    images = [value for value in arrays.values() if value.dtype == np.uint8 and value.ndim >= 4]
    scale = scale_for(images[0].shape[-3])
    if len(images) == 1 and images[0].ndim == 4:
        return to_png(sheet(images[0], 8), scale, marked=True)
    grids = [value.reshape(-1, *value.shape[-4:]) for value in images]
    widest = max(grid.shape[1] for grid in grids)
    white = [((0, 0), (0, widest - grid.shape[1]), (0, 0), (0, 0), (0, 0)) for grid in grids]
    padded = [np.pad(grid, missing, constant_values=255) for grid, missing in zip(grids, white, strict=True)]
    return to_png(sheet(np.concatenate(padded)), scale, marked=True)


def _shaded(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Shares (H, W) in [0, 1] as grey values (H, W, 1), 1 being black."""
    return np.asarray(255 - 255 * np.minimum(shares, 1)[..., None], np.uint8)
