"""Which images are the same, or nearly: found among tens of thousands in seconds."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

BLOCK = 512
# Sides of the thumbnails that are compared first.
SIDE = 8
# Root mean square differences, of 255: in thumbnails, which forgive noise and compression, and then in full.
THUMBNAIL_LIMIT, IMAGE_LIMIT = 5.0, 8.0
# The search tree sees this many principal components of the thumbnails; their distance never exceeds the true one.
COMPONENTS = 12
NEIGHBOURS = 4


class Scan(NamedTuple):
    """What one pass over all images gives.

    Attributes:
        first: (N,) the first row with the same pixels; its own row where there is none before it.
        constant: (N,) bool, one colour all over.
        thumbnails: (N, D) float32, mean colours of an 8x8 grid, 0 to 255.
    """

    first: NDArray[np.int64]
    constant: NDArray[np.bool_]
    thumbnails: NDArray[np.float32]


def scan(images: NDArray[np.uint8]) -> Scan:
    """One pass over (N, H, W, C) uint8 images, a block in memory at a time."""
    met: dict[bytes, int] = {}
    first = np.empty(len(images), dtype=np.int64)
    constant = np.empty(len(images), dtype=np.bool_)
    thumbnails = []
    for start in range(0, len(images), BLOCK):
        block = np.ascontiguousarray(images[start : start + BLOCK])
        for row, image in enumerate(block, start):
            first[row] = met.setdefault(hashlib.blake2b(image.data, digest_size=16).digest(), row)
        constant[start : start + BLOCK] = (block == block[:, :1, :1]).all(axis=(1, 2, 3))
        thumbnails.append(thumbnails_of(block))
    return Scan(first, constant, np.concatenate(thumbnails))


def near_pairs(images: NDArray[np.uint8], found: Scan) -> NDArray[np.int64]:
    """Pairs of images that differ, but hardly: recompressed, resized, or with a little noise.

    Args:
        images: (N, H, W, C) uint8.
        found: what `scan` gave for them.

    Returns:
        (P, 2) rows, the lower first, sorted; of each image only its few nearest. Exact copies and constant images are
        not among them.
    """
    rows = np.flatnonzero((found.first == np.arange(len(images))) & ~found.constant)
    if len(rows) < 2:
        return np.empty((0, 2), dtype=np.int64)
    points = _components(found.thumbnails[rows])
    reach = THUMBNAIL_LIMIT * np.sqrt(found.thumbnails.shape[1])
    _, near = cKDTree(points).query(points, k=min(NEIGHBOURS + 1, len(rows)), distance_upper_bound=reach)
    left, place = np.nonzero(near < len(rows))
    pairs = np.unique(np.sort(np.stack([rows[left], rows[near[left, place]]], axis=1), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    gap = found.thumbnails[pairs[:, 0]] - found.thumbnails[pairs[:, 1]]
    pairs = pairs[np.sqrt((gap**2).mean(axis=1)) <= THUMBNAIL_LIMIT]
    alike = [_difference(images[one], images[other]) <= IMAGE_LIMIT for one, other in pairs]
    return np.asarray(pairs[np.array(alike, dtype=np.bool_)], dtype=np.int64)


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Root mean square difference of two images, 0 to 255."""
    return float(np.sqrt(((one.astype(np.float32) - other) ** 2).mean()))


def thumbnails_of(block: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, D) mean colours, 0 to 255, of a grid of 8x8 (fewer in smaller images) over (B, H, W, C) images."""
    count, height, width, channels = block.shape
    rows = _averaging(height) @ block.reshape(count, height, width * channels).astype(np.float32)
    cells: NDArray[np.float32] = _averaging(width) @ rows.reshape(count, -1, width, channels)
    return cells.reshape(count, -1)


def _averaging(length: int) -> NDArray[np.float32]:
    """(cells, length): the matrix that takes means over as many cells of pixels as a thumbnail has."""
    edges = np.linspace(0, length, min(SIDE, length) + 1).astype(np.int64)
    pixels = np.arange(length)
    inside = (pixels >= edges[:-1, None]) & (pixels < edges[1:, None])
    return np.asarray(inside / inside.sum(1, keepdims=True), np.float32)


def _components(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) points seen along their main directions: an orthogonal projection, so no distance grows."""
    centred = points - points.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, -COMPONENTS:])
