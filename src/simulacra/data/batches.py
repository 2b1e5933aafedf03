"""Training batches as a pure function of seed and step: no loader, no worker, no history."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulacra.data.order import SHUFFLED, Order
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
        # CUDA alone has taken what is not pinned before it lets us go on, and free the memory.
        waits_not = device.type == "cuda"
        return Batch(self.images.to(device, non_blocking=waits_not), self.labels.to(device, non_blocking=waits_not))


def to_tensor(images: NDArray[np.uint8] | Tensor) -> Tensor:
    """uint8 images (B, H, W, C) as float32 (B, C, H, W) in [-1, 1], channels-last without a copy of the layout."""
    # Converted before the axes are turned: torch walks memory that looks contiguous faster.
    return torch.as_tensor(images).to(torch.float32).div_(127.5).sub_(1).permute(0, 3, 1, 2)


def mirror(images: NDArray[np.uint8], which: NDArray[np.bool_]) -> None:
    """Mirrors the images (B, H, W, C) that `which` (B,) says, in place."""
    chosen = np.flatnonzero(which)
    # torch has a vectorised flip for pixels of few bytes; NumPy would move them one at a time, ten times slower.
    images[chosen] = torch.from_numpy(images[chosen]).flip(2).numpy()


def to_images(tensor: Tensor) -> NDArray[np.uint8]:
    """Float images (B, C, H, W) in [-1, 1] as uint8 (B, H, W, C), rounded; what lies outside is clipped."""
    scaled = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    array: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return array


class Batches:
    """The training images in endless shuffled epochs: `batches[step]`.

    Every epoch is one permutation of the training rows, drawn from (seed, epoch): any, or window by window (order.py),
    and then the next one is fetched from disk while one is used. A batch may straddle two epochs, so each image comes
    exactly once an epoch. Each process takes every world-th row of the common batch.

    Args:
        store: the data set; its split "train" is used.
        batch: images a step, over all processes.
        seed: decides order and flips.
        flip: whether an image is mirrored with probability 1/2, drawn from (seed, step).
        labels: names of the labels that a batch carries.
        order: how an epoch is drawn.
        rank: number of this process.
        world: how many processes there are.

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
        self.order = lru_cache(maxsize=2)(lambda epoch: order.draw(self.rows, stream(seed, ORDER, epoch)))
        self._expect = lru_cache(maxsize=4)(self._hint)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Store rows of the whole batch of a step, over all processes."""
        epoch, place = np.divmod(np.arange(step * self.batch, (step + 1) * self.batch), self.count)
        return np.concatenate([self.order(e)[place[epoch == e]] for e in np.unique(epoch).tolist()])

    def _hint(self, epoch: int, window: int) -> None:
        """Has the system fetch one window from disk; what was asked for lately is not asked for again."""
        self.store.expect(self.order(epoch)[window * self.mixed : (window + 1) * self.mixed])

    def _read_ahead(self, step: int) -> None:
        """Has the system fetch the window where a batch begins, and the one after it."""
        epoch, place = divmod(step * self.batch, self.count)
        window = place // self.mixed
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
        return (stream(self.seed, FLIP, step).random(self.batch) < 0.5)[self.rank :: self.world]

    def pixels(self, step: int) -> NDArray[np.uint8]:
        """The images of this process's share, (B, H, W, C) uint8, mirrored where `mirrored` says so."""
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
