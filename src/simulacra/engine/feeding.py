"""How batches come to the device that trains: from its own memory if all images fit there, else copied as bytes."""

from collections.abc import Callable

import numpy as np
import torch

from simulacra.data.batches import Batch, Batches, to_tensor

Feed = Callable[[int], Batch]
SHARE = 0.5  # of a device's free memory, what images may fill; networks and their gradients need the rest


def feed(batches: Batches, device: torch.device) -> Feed:
    """A function from a step to this process's batch of it on a device; all ways give the same batches."""
    if device.type == "cpu":
        return batches.__getitem__
    if device.type == "cuda" and fits(batches, torch.cuda.mem_get_info(device)[0]):
        return resident(batches, device)
    return lambda step: copied(batches, step, device)


def fits(batches: Batches, free: int) -> bool:
    """Whether all training images fit into a device's memory, of which so many bytes are free."""
    return batches.count * int(np.prod(batches.store.shape)) <= SHARE * free


def resident(batches: Batches, device: torch.device) -> Feed:
    """Keeps all training images on a device; a step then sends nothing but numbers of rows, flips and labels."""
    images = torch.from_numpy(batches.store.pixels(batches.rows)).to(device)

    def batch(step: int) -> Batch:
        places = torch.from_numpy(np.searchsorted(batches.rows, batches.share(step))).to(device)
        chosen, mirrored = images[places], torch.from_numpy(batches.mirrored(step)).to(device)
        chosen = torch.where(mirrored[:, None, None, None], chosen.flip(2), chosen)
        return Batch(to_tensor(chosen), batches.labels(step).to(device))

    return batch


def copied(batches: Batches, step: int, device: torch.device) -> Batch:
    """Sends a batch as bytes, a quarter of what float32 takes, and from pinned memory where that lets us go on."""
    images, labels = torch.from_numpy(batches.pixels(step)), batches.labels(step)
    waits_not = device.type == "cuda"
    if waits_not:
        images, labels = images.pin_memory(), labels.pin_memory()
    return Batch(to_tensor(images.to(device, non_blocking=waits_not)), labels.to(device, non_blocking=waits_not))
