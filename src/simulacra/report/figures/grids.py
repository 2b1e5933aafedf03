"""Rows of pictures, each row with its name, for papers and slides."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from simulacra.report.formats import plain
from simulacra.report.rasters import Images, gap_of, tile
from simulacra.report.style import NAME_LIMIT, blank, styled

TILE = 0.5  # inches that one picture is wide


@styled()
def picture_rows(
    rows: Sequence[tuple[str, Images]],
    *,
    title: str,
    columns: Sequence[str] = (),
    across: str = "",
    down: str = "",
) -> Figure:
    """A grid of pictures.

    Args:
        rows: name and (n, H, W, C) uint8 images of each row, all of one length; an empty name writes none.
        title: above the grid.
        columns: a name above each column, or none.
        across: what changes from column to column, or nothing.
        down: what changes from row to row, or nothing.
    """
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
