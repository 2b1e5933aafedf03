"""Ways through codes: between two or four of them, and along one thing of a code."""

import re

import numpy as np
import torch
from torch import Tensor

from simulacra.errors import RunError
from simulacra.evaluation.described import Description
from simulacra.objectives.code import Code

REACH = {"turns": 4.0, "set": 3.0, "continuous": 2.0, "attributes": 2.0}  # how far a strip goes to either side


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """A vector (n,) on the arc between two; Shoemake 1985, "Animating rotation with quaternion curves", section 3.3.

    Between codes from N(0, 1) it keeps their usual length, which the straight line cuts short (White 2016,
    arXiv:1609.04468, section 2.1).
    """
    lengths = first.norm() * second.norm()
    angle = torch.arccos((first @ second / lengths).clamp(-1, 1)) if lengths > 0 else torch.zeros(())
    if angle.sin() < 1e-4:  # they point the same way, or opposite ways, where no arc is the one
        return torch.lerp(first, second, share)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


def between(code: Code, first: Tensor, second: Tensor, share: float) -> Tensor:
    """A code (width,) between two: on the arc where noise is normal, on the straight line in all else."""
    mixed = torch.lerp(first, second, share)
    if code.distribution == "normal" and code.noise:
        mixed[: code.noise] = slerp(first[: code.noise], second[: code.noise], share)
    return mixed


def among(code: Code, corners: Tensor, across: float, down: float) -> Tensor:
    """A code (width,) among corners (4, width): left and right above, left and right below."""
    above, below = between(code, corners[0], corners[1], across), between(code, corners[2], corners[3], across)
    return between(code, above, below, down)


def walk(code: Code, corners: Tensor, frames: int) -> Tensor:
    """Codes from the first of two corners to the second, or a square grid row by row among four.

    Returns:
        (frames, width) or (frames * frames, width).

    Raises:
        RunError: neither two nor four corners.
    """
    if len(corners) not in (2, 4):
        raise RunError(f"{len(corners)} codes were given to walk between; give 2 or 4")
    shares = np.linspace(0, 1, frames).tolist()
    if len(corners) == 2:
        return torch.stack([between(code, corners[0], corners[1], share) for share in shares])
    return torch.stack([among(code, corners, across, down) for down in shares for across in shares])


def strip(code: Code, one: Description, along: str, count: int) -> tuple[list[float], list[Description]]:
    """Values of one thing of a code, and descriptions that differ in it alone.

    Args:
        code: the layout.
        one: what they share.
        along: `turns:1`, `set:3`, `labels:Smiling`, `categories:1`, `continuous:2` or `attributes:Smiling`.
        count: how many; of categories, as many as there are.

    Raises:
        RunError: there is no such thing.
    """
    key, colon, name = along.partition(":")
    known = (*REACH, "labels", "categories")
    named = key in ("labels", "attributes")
    if key not in known or not colon or not (named or re.fullmatch(r"[0-9]{1,6}", name)):
        raise RunError(f"along {along[:40]!r}: expected one of {', '.join(known)} and which, like turns:1")
    if key == "categories":
        if not 1 <= int(name) <= len(code.categorical):
            raise RunError(f"along {along}: this model has {len(code.categorical)} categorical codes")
        values: list[float] = list(range(1, code.categorical[int(name) - 1] + 1))
    elif key == "labels":
        values = np.linspace(0, 1, count).tolist()
    else:
        values = np.linspace(-REACH[key], REACH[key], count).tolist()
    place = name if named else int(name)
    return values, [one.model_copy(update={key: getattr(one, key) | {place: value}}) for value in values]
