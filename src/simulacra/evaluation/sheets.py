"""Contact sheets: many small images as one PNG."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Images = NDArray[np.uint8]

GAP = 2  # pixels of white between images


def sheet(images: Images, columns: int | None = None) -> Images:
    """Images side by side on white.

    Args:
        images: (n, H, W, C) uint8, or (rows, columns, H, W, C), as they shall stand.
        columns: of the sheet, for a flat list; about a square by default.

    Returns:
        (height, width, C) uint8.
    """
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


def to_png(image: Images, scale: int = 1, **options: Any) -> bytes:
    """An image (H, W, C) as PNG, each pixel drawn as a square of `scale`; equal arguments give equal bytes."""
    enlarged = image.repeat(scale, 0).repeat(scale, 1)
    buffer = io.BytesIO()
    Image.fromarray(enlarged[..., 0] if enlarged.shape[-1] == 1 else enlarged).save(buffer, "PNG", **options)
    return buffer.getvalue()


def scale_for(height: int) -> int:
    """How much a small image is enlarged on a sheet, so that a person can see it."""
    return max(1, 64 // height)
