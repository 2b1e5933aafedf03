"""Nearest neighbours: of vectors, and of images among all training images. Blocks of rows keep memory small."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulacra.data.audit import thumbnails_of
from simulacra.evaluation.subject import Progress

BLOCK = 128  # queries at once
READ = 512  # images at once while thumbnails are made
CHUNKS = 64  # of the pool; each sends its nearest thumbnail to the next round
FINALISTS = 16  # images that a query is compared with in full
Rows = NDArray[np.int64]
Values = NDArray[np.float64]
Vectors = NDArray[np.float32]
Images = NDArray[np.uint8]


class Nearest(NamedTuple):
    """What lies nearest to each of n queries."""

    distances: Values  # (n, k) of vectors, ascending; (n,) of images
    rows: Rows  # indices in the pool, of the same shape


def nearest(queries: Vectors, pool: Vectors, k: int = 1, *, own: Rows | None = None) -> Nearest:
    """The k nearest vectors of a pool (N, d) of more than k, to queries (n, d), by Euclidean distance.

    `own` (n,) is each query's own index in the pool, which is left out.
    """
    scorer = _Scorer(pool)
    distances, rows = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), BLOCK):
        part = queries[start : start + BLOCK]
        scores = scorer.scores(part, None if own is None else own[start : start + BLOCK])
        near = np.argpartition(scores, k - 1, axis=1)[:, :k]
        # Products of float32 lose the digits of small distances; these few are computed again, as differences.
        exact = np.sqrt(np.square(part[:, None].astype(np.float64) - pool[near]).sum(2))
        order = exact.argsort(1, kind="stable")
        stop = start + len(part)
        distances[start:stop] = np.take_along_axis(exact, order, 1)
        rows[start:stop] = np.take_along_axis(near, order, 1)
    return Nearest(distances, rows)


class _Scorer:
    """Squared distances to a pool less the query's own length: one product of matrices, and enough to rank by.

    Args:
        pool: vectors (N, d).
        order: which of them, in which order; all as they are by default. The pool is never copied as a whole.
    """

    def __init__(self, pool: Vectors, order: Rows | None = None) -> None:
        order = np.arange(len(pool)) if order is None else order
        blocks = [order[start : start + READ] for start in range(0, len(order), READ)]
        total = np.zeros(pool.shape[1])
        for block in blocks:
            total += pool[block].sum(0, dtype=np.float64)
        self._centre = (total / len(order)).astype(np.float32)  # far from the origin squares lose digits
        right = np.empty((len(order), pool.shape[1] + 1), np.float32)
        for start, block in zip(range(0, len(order), READ), blocks, strict=True):
            moved = pool[block] - self._centre
            right[start : start + READ, :-1] = -2 * moved
            right[start : start + READ, -1] = np.square(moved).sum(1)
        self._right = right.T

    def scores(self, queries: Vectors, own: Rows | None) -> Vectors:
        """(n, N) float32, infinite at each query's own index."""
        moved = queries - self._centre
        scores: Vectors = np.concatenate([moved, np.ones((len(moved), 1), np.float32)], 1) @ self._right
        if own is not None:
            scores[np.arange(len(scores)), own] = np.inf
        return scores


@dataclass(frozen=True)
class Pool:
    """Images to search among."""

    pixels: Callable[[Rows], Images]  # (n,) indices in the pool -> (n, H, W, C) uint8 images
    thumbnails: Vectors  # (N, d) float32, their mean colours on a grid of 8x8 at most

    @classmethod
    def of(cls, pixels: Callable[[Rows], Images], count: int, progress: Progress | None = None) -> "Pool":
        """Shrinks each of `count` images once; `progress` gets (done, total)."""
        thumbnails = np.empty((count, 0), np.float32)
        for start in range(0, count, READ):
            stop = min(start + READ, count)
            part = thumbnails_of(pixels(np.arange(start, stop)))
            if not start:
                thumbnails = np.empty((count, part.shape[1]), np.float32)  # all at once: parts would be there twice
            thumbnails[start:stop] = part
            if progress:
                progress(stop, count)
        return cls(pixels, thumbnails)

    def nearest(self, images: Images, *, own: Rows | None = None, progress: Progress | None = None) -> Nearest:
        """The nearest image of the pool to each of (n, H, W, C) images, by root mean square difference of 0 to 255.

        The pool is dealt into chunks like cards. The nearest thumbnail of each chunk is a candidate, and the nearest
        candidates are compared in full. An image that is much nearer than all others is always found; among many images
        that are about equally near, a slightly farther one may be taken for the nearest. `own` (n,) is each image's own
        index in the pool, which is left out; `progress` gets (done, total).
        """
        count, chunks = len(self.thumbnails), min(CHUNKS, len(self.thumbnails))
        dealt = np.concatenate([np.arange(first, count, chunks) for first in range(chunks)])
        edges = np.searchsorted(dealt % chunks, np.arange(chunks + 1)).tolist()
        scorer, position = _Scorer(self.thumbnails, dealt), np.argsort(dealt)
        distances, rows = np.empty(len(images)), np.empty(len(images), np.int64)
        for start in range(0, len(images), BLOCK):
            part = images[start : start + BLOCK]
            mine = None if own is None else own[start : start + BLOCK]
            scores = scorer.scores(thumbnails_of(part), None if mine is None else position[mine])
            best = np.stack([low + scores[:, low:high].argmin(1) for low, high in pairwise(edges)], 1)
            order = np.take_along_axis(scores, best, 1).argsort(1, kind="stable")[:, :FINALISTS]
            finalists = dealt[np.take_along_axis(best, order, 1)]
            gaps = self._differences(part, finalists)
            if mine is not None:
                gaps[finalists == mine[:, None]] = np.inf
            first = gaps.argmin(1)[:, None]
            stop = start + len(part)
            distances[start:stop] = np.take_along_axis(gaps, first, 1)[:, 0]
            rows[start:stop] = np.take_along_axis(finalists, first, 1)[:, 0]
            if progress:
                progress(stop, len(images))
        return Nearest(distances, rows)

    def _differences(self, images: Images, rows: Rows) -> Values:
        """Root mean square differences (n, k) of n images from k images of the pool each."""
        differences, others = np.empty(rows.shape), self.pixels(rows.ravel()).reshape(*rows.shape, -1)
        for index, (image, candidates) in enumerate(zip(images, others, strict=True)):
            gaps = candidates.astype(np.float32) - image.ravel()
            differences[index] = np.sqrt(np.einsum("ij,ij->i", gaps, gaps) / gaps.shape[1])
        return differences
