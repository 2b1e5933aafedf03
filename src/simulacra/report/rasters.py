"""Arrays of images -> one picture: tiles with gaps, and PNG bytes."""

from base64 import b64encode
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Images = NDArray[np.uint8]


def gap_of(height: int) -> int:
    """How many pixels lie between two images of this height."""
    return max(1, height // 16)


def tile(images: Images) -> Images:
    """Images side by side, with see-through gaps.

    Args:
        images: (rows, columns, H, W, C) uint8, C is 1 or 3.

    Returns:
        (rows * (H + gap) - gap, columns * (W + gap) - gap, 4) uint8, RGBA.
    """
    rows, columns, height, width, channels = images.shape
    gap = gap_of(height)
    canvas = np.zeros((rows, height + gap, columns, width + gap, 4), dtype=np.uint8)
    colour = np.broadcast_to(images, (*images.shape[:-1], 3)) if channels == 1 else images
    canvas[:, :height, :, :width, :3] = colour.transpose(0, 2, 1, 3, 4)
    canvas[:, :height, :, :width, 3] = 255
    flat: Images = canvas.reshape(rows * (height + gap), columns * (width + gap), 4)
    return flat[:-gap, :-gap]


def fold(images: Images, columns: int) -> Images:
    """(N, H, W, C) -> (rows, columns, H, W, C); what does not fill the last row is left out, unless it is the first."""
    columns = min(columns, len(images))
    rows = len(images) // columns
    return images[: rows * columns].reshape(rows, columns, *images.shape[1:])


def data_uri(picture: Images) -> str:
    """(H, W, 4) uint8 -> a PNG that stands in the page itself."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
