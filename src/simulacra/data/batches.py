"""Training batches as a pure function of seed and step: no loader, no worker, no history."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.store import ImageStore
from simulacra.errors import DataError
from simulacra.seeds import stream

ORDER, FLIP = 1, 2  # keys that keep the two kinds of draw apart


@dataclass(frozen=True)
class Batch:
    """Images and their labels.

    Attributes:
        images: (B, C, H, W) float32 in [-1, 1], channels-last in memory.
        labels: (B, K) float32 in {0, 1}; K may be 0.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(self.images.to(device, non_blocking=True), self.labels.to(device, non_blocking=True))


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 images (B, H, W, C) as float32 (B, C, H, W) in [-1, 1], channels-last without a copy of the layout."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


def to_images(tensor: Tensor) -> NDArray[np.uint8]:
    """Float images (B, C, H, W) in [-1, 1] as uint8 (B, H, W, C), rounded; what lies outside is clipped."""
    scaled = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    array: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return array


class Batches:
    """The training images in endless shuffled epochs: `batches[step]`.

    Every epoch is one permutation of the training rows, drawn from (seed, epoch). A batch may straddle two epochs, so
    each image comes exactly once an epoch. Each process takes every world-th row of the common batch.

    Args:
        store: the data set; its split "train" is used.
        batch: images a step, over all processes.
        seed: decides order and flips.
        flip: whether an image is mirrored with probability 1/2, drawn from (seed, step).
        labels: names of the labels that a batch carries.
        rank: number of this process.
        world: how many processes there are.

    Raises:
        DataError: no training image, a label that the store lacks, or labels that are exclusive in one and not both.
    """

    def __init__(
        self,
        store: ImageStore,
        *,
        batch: int,
        seed: int,
        flip: bool,
        labels: tuple[str, ...],
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.store, self.batch, self.seed, self.flip, self.rank, self.world = store, batch, seed, flip, rank, world
        self.rows = store.rows("train")
        self.count = len(self.rows)
        if not self.count:
            raise DataError(f"{store.path} has no training image; pack it again with more pictures")
        self.columns = store.columns(labels)
        self.order = lru_cache(maxsize=2)(self._order)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return stream(self.seed, ORDER, epoch).permutation(self.rows)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Store rows of the whole batch of a step, over all processes."""
        epoch, place = np.divmod(np.arange(step * self.batch, (step + 1) * self.batch), self.count)
        return np.concatenate([self.order(e)[place[epoch == e]] for e in np.unique(epoch).tolist()])

    def __getitem__(self, step: int) -> Batch:
        """This process's share of the batch of a step (counted from 0)."""
        mine = slice(self.rank, None, self.world)
        rows = self.indices(step)[mine]
        images = self.store.pixels(rows)
        if self.flip:
            mirrored = (stream(self.seed, FLIP, step).random(self.batch) < 0.5)[mine]
            images[mirrored] = images[mirrored, :, ::-1]
        labels = self.store.labels[rows][:, self.columns]
        return Batch(to_tensor(images), torch.from_numpy(labels).to(torch.float32))
