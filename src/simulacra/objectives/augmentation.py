"""DiffAugment: random changes of all that a discriminator sees, through which the generator can be taught.

Zhao et al. 2020, arXiv:2006.10738. Every image draws its own change, on the CPU, so that every device sees the same.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from simulacra.seeds import draw_rows
from simulacra.settings.objectives import Augmentation


def augment(images: Tensor, names: Sequence[Augmentation]) -> Tensor:
    """Images (n, C, H, W) in [-1, 1], each changed at random by what is named, in the order of AUGMENTATIONS."""
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

    The border is repeated where the paper lets 0 come in, which is a grey that black grounds never have.
    """
    rows, columns = (_places(images, axis, share) for axis in (2, 3))
    image = torch.arange(len(images), device=images.device)[:, None, None]
    # Indices around a slice put the channels last: (n, H, W, C).
    return images[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(images: Tensor, share: float = 0.5) -> Tensor:
    """Sets a rectangle of half of each side to 0; its centre lies anywhere, so that part of it may be outside."""
    inside = []
    for axis in (2, 3):
        side = images.shape[axis]
        width = round(side * share)
        first = draw_rows(partial(torch.randint, side + 1 - width % 2), (len(images), 1)).to(images.device) - width // 2
        places = torch.arange(side, device=images.device)
        inside.append((places >= first) & (places < first + width))
    hole = inside[0][:, :, None] & inside[1][:, None, :]
    return images * ~hole[:, None]


AUGMENTATIONS: dict[Augmentation, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


def mixed_up(images: Tensor, labels: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Every image and its labels, mixed with another of the batch by one share from Beta(alpha, alpha).

    Zhang et al. 2018, arXiv:1710.09412, section 2; one share a batch, as in the authors' code.

    Args:
        images: (n, C, H, W).
        labels: (n, K) in {0, 1}.
        alpha: above 0; the larger, the nearer the share to one half.

    Returns:
        Images, and labels in [0, 1].
    """
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    others = torch.randperm(len(images)).to(images.device)
    return torch.lerp(images[others], images, share), torch.lerp(labels[others], labels, share)


def _uniform(images: Tensor) -> Tensor:
    """(n, 1, 1, 1) from U(0, 1)."""
    return draw_rows(torch.rand, (len(images), 1, 1, 1)).to(images.device)


def _places(images: Tensor, axis: int, share: float) -> Tensor:
    """(n, side): the places along an axis that images are read at after a random move by up to a share of the side."""
    side = images.shape[axis]
    reach = round(side * share)
    moves = draw_rows(partial(torch.randint, -reach, reach + 1), (len(images), 1))
    return (moves + torch.arange(side)).clamp(0, side - 1).to(images.device)
