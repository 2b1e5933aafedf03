"""A plain PNG of a picture's arrays, for whoever opens the run folder and not the report."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulacra.evaluation.sheets import scale_for, sheet, to_png

Arrays = dict[str, NDArray[Any]]

CELL = 24  # pixels a cell of a table of counts is drawn large


def preview(arrays: Arrays) -> bytes:
    """The images; of a map's points a density; of counts and shares a square the darker, the larger the share is."""
    if "points" in arrays:
        points = arrays["points"]
        counts = np.histogram2d(-points[:, 1], points[:, 0], bins=128)[0]
        return to_png(_shaded(counts / max(counts.max(), 1)), 3)
    if "counts" in arrays:
        counts = arrays["counts"].reshape(len(arrays["counts"]), -1)
        return to_png(_shaded(counts / np.maximum(counts.sum(1, keepdims=True), 1)), CELL)
    if "shares" in arrays:
        return to_png(_shaded(arrays["shares"]), CELL)
    images = [value for value in arrays.values() if value.dtype == np.uint8 and value.ndim >= 4]
    scale = scale_for(images[0].shape[-3])
    if len(images) == 1 and images[0].ndim == 4:
        return to_png(sheet(images[0], 8), scale)
    grids = [value.reshape(-1, *value.shape[-4:]) for value in images]
    widest = max(grid.shape[1] for grid in grids)
    white = [((0, 0), (0, widest - grid.shape[1]), (0, 0), (0, 0), (0, 0)) for grid in grids]
    padded = [np.pad(grid, missing, constant_values=255) for grid, missing in zip(grids, white, strict=True)]
    return to_png(sheet(np.concatenate(padded)), scale)


def _shaded(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Shares (H, W) in [0, 1] as grey values (H, W, 1), 1 being black."""
    return (255 - 255 * np.minimum(shares, 1)).astype(np.uint8)[..., None]
