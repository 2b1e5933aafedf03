"""Rows of pictures, each row with its name, and the tiles that they are made of."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulacra.report.figures import NAME_LIMIT, blank, styled
from simulacra.report.formatting import plain

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
    return canvas.reshape(rows * (height + gap), columns * (width + gap), 4)[:-gap, :-gap]


def fold(images: Images, columns: int) -> Images:
    """(N, H, W, C) -> (rows, columns, H, W, C); what does not fill the last row is left out, unless it is the first."""
    columns = min(columns, len(images))
    rows = len(images) // columns
    return images[: rows * columns].reshape(rows, columns, *images.shape[1:])


TILE = 0.5  # inches that one picture is wide


@styled()
def picture_rows(
    rows: Sequence[tuple[str, Images]], *, title: str, columns: Sequence[str] = (), across: str = "", down: str = ""
) -> Figure:
    """A grid of pictures; arguments as for `page.Album.pictures`."""
    grid = tile(np.stack([images for _, images in rows]))
    count, height, width = rows[0][1].shape[:3]
    named = any(name for name, _ in rows)
    inches = TILE * count + (1.4 if named else 0.2)
    above = 0.5 + (0.25 if columns else 0) + (0.2 if across else 0)
    figure = blank(inches + (0.2 if down else 0), TILE * len(rows) * height / width + above)
    axes = figure.add_subplot()
    axes.imshow(grid, interpolation="nearest")
    axes.set_title(plain(title, max(30, int(13 * inches))))
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=4, top=False, labeltop=bool(columns), bottom=False, labelbottom=False)
    high, wide = height + gap_of(height), width + gap_of(height)
    axes.set_yticks([high * row + height / 2 for row in range(len(rows))] if named else [])
    if named:
        axes.set_yticklabels([plain(name, NAME_LIMIT) for name, _ in rows])
    axes.set_xticks([wide * column + width / 2 for column in range(len(columns))])
    axes.set_xticklabels([plain(name, 10) for name in columns])
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    return figure
