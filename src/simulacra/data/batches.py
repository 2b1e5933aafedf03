"""Training batches and the order of an epoch: pure functions of seed and step, without a loader or a worker.

If a file is larger than memory, shuffled rows are short reads from all over the disk. The block-shuffled order shuffles
blocks of neighbouring rows, and then the rows within a window of many blocks. So the disk is read in long pieces, and
an image is still mixed with thousands of others from anywhere. Streaming loaders do the same with a buffer (WebDataset:
Aizman et al. 2019, arXiv:2001.01858); here the order depends on seed and epoch alone.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.errors import DataError
from simulacra.files import control_groups
from simulacra.seeds import Draw, stream

Name = Literal["auto", "shuffled", "block-shuffled"]

# Bytes of a block, long enough for a disk to read at full speed, and the number of blocks that are mixed.
BLOCK, BLOCKS = 2**20, 128
# The share of memory that training images may fill before "auto" block-shuffles; training needs the rest.
SHARE = 0.5


@dataclass(frozen=True)
class Order:
    """How an epoch is shuffled."""

    block: int = 0  # neighbouring training images that are read together; 0 shuffles the whole epoch
    window: int = 0  # images that are mixed, a multiple of `block`

    def draw(self, rows: NDArray[np.int64], draws: np.random.Generator) -> NDArray[np.int64]:
        """The rows in the order of one epoch: each once."""
        if not self.block:
            return draws.permutation(rows)
        blocks = [rows[start : start + self.block] for start in range(0, len(rows), self.block)]
        order = draws.permutation(len(blocks)).tolist()
        scattered = np.concatenate([blocks[index] for index in order])
        windows = [scattered[start : start + self.window] for start in range(0, len(rows), self.window)]
        return np.concatenate([draws.permutation(window) for window in windows])

    @property
    def facts(self) -> dict[str, Any]:
        """The order as run.json has it, under `data`."""
        if not self.block:
            return {"order": "shuffled"}
        return {"order": "block-shuffled", "block": self.block, "window": self.window}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> "Order":
        """The order of a run that has begun, from `data` in its run.json."""
        return cls(facts.get("block", 0), facts.get("window", 0))


SHUFFLED = Order()


def choose(name: Name, store: ImageStore) -> Order:
    """The order that a recipe names; "auto" block-shuffles training images that exceed half of the memory.

    Args:
        name: `data.order` of the recipe.
        store: the data set.
    """
    size = int(np.prod(store.shape))
    exceeds = size * len(store.rows("train")) > SHARE * memory()
    if name == "shuffled" or (name == "auto" and not exceeds):
        return SHUFFLED
    block = max(1, BLOCK // size)
    return Order(block, BLOCKS * block)


def memory() -> float:
    """Bytes of memory that this process may use: the machine's, or less in a control group (a container).

    Infinite if the system does not report it.
    """
    limits = [float("inf")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for folder, second in control_groups("memory"):
        with suppress(OSError, ValueError):  # no such group, seen from inside a container, or the word "max"
            limits.append(float((folder / ("memory.max" if second else "memory.limit_in_bytes")).read_text("utf-8")))
    return min(limits)


@dataclass(frozen=True)
class Batch:
    """Images and their labels."""

    images: Tensor  # (B, C, H, W) float32 in [-1, 1], channels-last in memory
    labels: Tensor  # (B, K) float32 in {0, 1}; K may be 0

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        # Only CUDA copies memory that is not pinned before the call returns, after which the memory may be freed.
        non_blocking = device.type == "cuda"
        images, labels = (part.to(device, non_blocking=non_blocking) for part in (self.images, self.labels))
        return Batch(images, labels)


def to_tensor(images: NDArray[np.uint8] | Tensor) -> Tensor:
    """uint8 images (B, H, W, C) as float32 (B, C, H, W) in [-1, 1], channels-last without a copy of the layout."""
    # Converted before the axes are permuted, because torch is faster on contiguous memory.
    return torch.as_tensor(images).to(torch.float32).div_(127.5).sub_(1).permute(0, 3, 1, 2)


def mirror(images: NDArray[np.uint8], which: NDArray[np.bool_]) -> None:
    """Mirrors the images (B, H, W, C) where `which` (B,) is true, in place."""
    chosen = np.flatnonzero(which)
    # torch has a vectorised flip for pixels of few bytes; NumPy would move them one at a time, ten times slower.
    images[chosen] = torch.from_numpy(images[chosen]).flip(2).numpy()


def to_images(tensor: Tensor) -> NDArray[np.uint8]:
    """Float images (B, C, H, W) in [-1, 1] as uint8 (B, H, W, C), rounded and clipped."""
    scaled = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


class Batches:
    """The training images in endless shuffled epochs: `batches[step]`.

    Every epoch is one permutation of the training rows, drawn from (seed, epoch): of all rows, or window by window. In
    the second case the next window is fetched from disk while a window is in use. A batch may contain the end of one
    epoch and the start of the next, so each image comes exactly once per epoch. Each process takes every world-th row
    of the common batch.

    Args:
        store: the data set; its split "train" is used.
        batch: images per step, over all processes.
        seed: decides order and flips.
        flip: whether an image is mirrored with probability 1/2, drawn from (seed, step).
        labels: names of the labels that a batch carries.
        order: how an epoch is shuffled.
        rank: index of this process.
        world: number of processes.

    Raises:
        DataError: no training image, or a label that the store lacks.
    """

    def __init__(
        self,
        store: ImageStore,
        *,
        batch: int,
        seed: int,
        flip: bool,
        labels: tuple[str, ...],
        order: Order = SHUFFLED,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.store, self.batch, self.seed, self.flip, self.rank, self.world = store, batch, seed, flip, rank, world
        self.rows = store.rows("train")
        self.count = len(self.rows)
        if not self.count:
            raise DataError(f"{store.path} has no training image; pack it again with more pictures")
        self.columns = store.columns(labels)
        self.mixed = order.window
        self.order = lru_cache(maxsize=2)(lambda epoch: order.draw(self.rows, stream(seed, Draw.ORDER, epoch)))
        self._expect = lru_cache(maxsize=4)(self._hint)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Store rows of the whole batch of a step, over all processes."""
        epoch, offset = np.divmod(np.arange(step * self.batch, (step + 1) * self.batch), self.count)
        return np.concatenate([self.order(e)[offset[epoch == e]] for e in np.unique(epoch).tolist()])

    def _hint(self, epoch: int, window: int) -> None:
        """Asks the system to fetch one window from disk, unless it was asked recently."""
        self.store.expect(self.order(epoch)[window * self.mixed : (window + 1) * self.mixed])

    def _read_ahead(self, step: int) -> None:
        """Asks the system to fetch the window where a batch begins, and the next window."""
        epoch, offset = divmod(step * self.batch, self.count)
        window = offset // self.mixed
        self._expect(epoch, window)
        last = (window + 1) * self.mixed >= self.count
        self._expect(*((epoch + 1, 0) if last else (epoch, window + 1)))

    def share(self, step: int) -> NDArray[np.int64]:
        """Store rows of this process's share of the batch of a step (counted from 0)."""
        return self.indices(step)[self.rank :: self.world]

    def mirrored(self, step: int) -> NDArray[np.bool_]:
        """Which images of this process's share are mirrored."""
        if not self.flip:
            return np.zeros(len(range(self.rank, self.batch, self.world)), np.bool_)
        return (stream(self.seed, Draw.FLIPS, step).random(self.batch) < 0.5)[self.rank :: self.world]

    def pixels(self, step: int) -> NDArray[np.uint8]:
        """The images of this process's share, (B, H, W, C) uint8, mirrored as `mirrored` says."""
        if self.mixed:
            self._read_ahead(step)
        images = self.store.pixels(self.share(step))
        if self.flip:
            mirror(images, self.mirrored(step))
        return images

    def labels(self, step: int) -> Tensor:
        """Their labels, (B, K) float32."""
        return torch.from_numpy(self.store.labels[self.share(step)][:, self.columns]).to(torch.float32)

    def __getitem__(self, step: int) -> Batch:
        """This process's share of the batch of a step."""
        return Batch(to_tensor(self.pixels(step)), self.labels(step))
