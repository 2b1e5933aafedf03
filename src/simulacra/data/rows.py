"""Rows of a store's file read past its mapping: pages of a mapping count as the process's own memory, these do not."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulacra.errors import DataError

# Linux cuts a hint short that is longer than a disk's read-ahead, which is seldom less than this.
HINT = 2**17
CAN_READ, CAN_HINT = hasattr(os, "preadv"), hasattr(os, "posix_fadvise")


class RowFile:
    """A file of equal rows of bytes, open as long as this object lives.

    Args:
        path: the file.
        offset: where its first row begins, in bytes.
        shape: of a row.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...]) -> None:
        self.path, self.offset, self.shape = path, offset, shape
        self.size = int(np.prod(shape))
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """These rows, (n, *shape) uint8.

        Raises:
            DataError: the file ends before one of them.
        """
        out = np.empty((len(rows), self.size), np.uint8)
        starts = (self.offset + rows * self.size).tolist()
        got = sum(os.preadv(self.descriptor, [into.data], start) for start, into in zip(starts, out, strict=True))
        if got != out.nbytes:
            raise DataError(f"{self.path} is cut short; pack the data again")
        return out.reshape(-1, *self.shape)

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Has the system fetch these rows from disk meanwhile, in the order of the file; returns at once."""
        piece = max(HINT, self.size)
        starts = self.offset + rows * self.size
        for number in np.unique(np.concatenate([starts, starts + self.size - 1]) // piece).tolist():
            os.posix_fadvise(self.descriptor, number * piece, piece, os.POSIX_FADV_WILLNEED)
