"""DiffAugment: differentiable random changes of every image that a discriminator sees.

Zhao et al. 2020, arXiv:2006.10738. Each image gets its own change, drawn on the CPU, so that all devices see the same.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from simulacra.seeds import draw_rows
from simulacra.settings.objectives import Augmentation


def augment(images: Tensor, names: Sequence[Augmentation]) -> Tensor:
    """Images (n, C, H, W) in [-1, 1], each changed at random by the named changes, in the order of AUGMENTATIONS."""
    for name, change in AUGMENTATIONS.items():
        if name in names:
            images = change(images)
    return images


def color(images: Tensor) -> Tensor:
    """Shifts brightness by up to 0.5, then scales saturation by 0 to 2 and contrast by 0.5 to 1.5."""
    images = images + _uniform(images) - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * 2 * _uniform(images)
    level = images.mean((1, 2, 3), keepdim=True)
    return level + (images - level) * (_uniform(images) + 0.5)


def translation(images: Tensor, share: float = 0.125) -> Tensor:
    """Moves by up to an eighth of each side.

    The border is repeated, where the paper fills with 0: in a picture with a black background 0 would be grey.
    """
    rows, columns = (_moved_indices(images, axis, share) for axis in (2, 3))
    image = torch.arange(len(images), device=images.device)[:, None, None]
    # Indices around a slice put the channels last: (n, H, W, C).
    return images[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(images: Tensor, share: float = 0.5) -> Tensor:
    """Sets a rectangle with sides of half the image's to 0; its centre lies anywhere, so part of it may be outside."""
    inside = []
    for axis in (2, 3):
        side = images.shape[axis]
        width = round(side * share)
        first = draw_rows(partial(torch.randint, side + 1 - width % 2), (len(images), 1)).to(images.device) - width // 2
        pixels = torch.arange(side, device=images.device)
        inside.append((pixels >= first) & (pixels < first + width))
    hole = inside[0][:, :, None] & inside[1][:, None, :]
    return images * ~hole[:, None]


AUGMENTATIONS: dict[Augmentation, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


def _uniform(images: Tensor) -> Tensor:
    """(n, 1, 1, 1) from U(0, 1)."""
    return draw_rows(torch.rand, (len(images), 1, 1, 1)).to(images.device)


def _moved_indices(images: Tensor, axis: int, share: float) -> Tensor:
    """(n, side): pixel indices along an axis after a random move of each image by up to a share of the side."""
    side = images.shape[axis]
    reach = round(side * share)
    moves = draw_rows(partial(torch.randint, -reach, reach + 1), (len(images), 1))
    return (moves + torch.arange(side)).clamp(0, side - 1).to(images.device)
