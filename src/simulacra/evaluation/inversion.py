"""Inversion: the code whose image comes nearest to a given one, found by following the gradient to the code.

Zhu et al. 2016, arXiv:1609.03552, section 3.1; Lipton and Tripathi 2017, arXiv:1702.04782. What no code comes near to
is what the generator cannot make: Bau et al. 2019, arXiv:1910.11626.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from simulacra.data.batches import to_tensor
from simulacra.errors import RunError
from simulacra.evaluation.subject import Progress, Subject
from simulacra.objectives import Encodes, Generates
from simulacra.objectives.code import Code
from simulacra.seeds import Draw

AT_ONCE = 64  # codes followed at the same time
RATE = 0.1  # of Adam, at the beginning; it falls to a tenth of that along half a cosine
RACE = 1 / 3  # share of the steps in which all starts run; then the best one of each image goes on
SURE = 1.0  # the logit of a label or category at the start, in favour of the drawn one
MISSED = 0.05  # variance of a pixel value around the decoder's, for the weight of the prior


@dataclass(frozen=True)
class Inverted:
    """Codes found for images."""

    codes: Tensor  # (n, width) float32 on the CPU, labels and categories being 0 or 1
    errors: NDArray[np.float32]  # (n,) float32, mean squared error of each image in [-1, 1]


def invert(
    subject: Subject,
    images: NDArray[np.uint8],
    *,
    starts: int = 4,
    steps: int = 150,
    seed: int = 0,
    progress: Progress | None = None,
) -> Inverted:
    """The codes whose images are nearest to given ones, by mean squared error.

    Several random codes start for each image, the first one from the encoder where there is one. All run for a third
    of the steps, labels and categories being shares between 0 and 1; then these are rounded, and the best start goes on
    alone. Uniform noise stays in [-1, 1]; normal noise is drawn to the middle by the logarithm of its density, as it
    weighs beside an error of variance MISSED. The model is left as it was, and so is the global generator.

    Args:
        subject: whose generator it is; in eval mode meanwhile.
        images: (n, H, W, C) of the size that it makes.
        starts: codes tried for each image.
        steps: updates of the code that wins.
        seed: of the starts; the same arguments give the same codes.
        progress: called with (done, total) steps.

    Raises:
        RunError: the family makes no images, or those given have another shape.
    """
    model, device, count = subject.generates, subject.objective.device, len(images)
    if images.shape[1:] != (shape := subject.recipe.data.shape):
        raise RunError(
            f"images of shape {images.shape[1:]} cannot be inverted by a run that makes {shape}; resize them"
        )
    drawn = subject.codes(count * starts, Draw.INVERSION_STARTS, seed=seed).to(device)
    drawn = drawn.reshape(count, starts, -1)
    size = max(1, AT_ONCE // starts)
    chunks = range(0, count, size)
    nearest = []
    with subject.objective.evaluating():
        for index, start in enumerate(chunks):

            def report(step: int, before: int = index * steps) -> None:
                if progress:
                    progress(before + step, len(chunks) * steps)

            targets = to_tensor(images[start : start + size]).to(device)
            nearest.append(_nearest(model, targets, drawn[start : start + size], steps, report))
    codes, errors = (torch.cat(parts).cpu() for parts in zip(*nearest, strict=True))
    return Inverted(codes, errors.numpy())


def _nearest(
    model: Generates, targets: Tensor, drawn: Tensor, steps: int, report: Callable[[int], None]
) -> tuple[Tensor, Tensor]:
    """Codes (n, width) nearest to targets (n, C, H, W), from starts (n, starts, width), and their errors (n,)."""
    count, starts = drawn.shape[:2]
    encoded = [model.encode(targets).float()] if isinstance(model, Encodes) else []
    if encoded:
        drawn = torch.cat([encoded[0][:, None], drawn[:, 1:]], 1)
    each, race = targets.repeat_interleave(starts, 0), round(RACE * steps)
    codes = _descend(model, each, drawn.flatten(0, 1), np.arange(race) / max(1, steps), True, report)
    best = _errors(model, codes, each).reshape(count, starts).argmin(1)
    codes = codes.reshape(count, starts, -1)[torch.arange(count), best]
    times = np.arange(race, steps) / max(1, steps)
    codes = _descend(model, targets, codes, times, False, lambda step: report(race + step))
    ends = torch.stack([codes, *encoded])  # an encoder's own code may be the nearest
    least, which = torch.stack([_errors(model, end, targets) for end in ends]).min(0)
    return ends[which, torch.arange(count)], least


def _descend(
    model: Generates,
    targets: Tensor,
    codes: Tensor,
    times: NDArray[np.float64],
    relaxed: bool,
    report: Callable[[int], None],
) -> Tensor:
    """Codes (m, width), each with a target of its own, after a step for each of `times`, which are shares of the whole.

    Labels and categories move if they are relaxed; at the end they are 0 or 1.
    """
    code = model.code
    noise, labels, categories, continuous = (part.clone() for part in torch.split(codes, code.widths, 1))
    free = {"noise": noise, "continuous": continuous}
    if relaxed:
        free |= {"labels": SURE * (2 * code.labels_of(codes) - 1), "categories": SURE * categories}
    free = {name: part.requires_grad_() for name, part in free.items() if part.numel()}

    def joined() -> Tensor:
        on, ways = labels, categories
        if "labels" in free:
            on = code.label_columns(free["labels"].softmax(1) if code.exclusive else free["labels"].sigmoid())
        if "categories" in free:
            ways = torch.cat([part.softmax(1) for part in code.category_columns(free["categories"])], 1)
        return torch.cat([noise, on, ways, continuous], 1)

    adam = torch.optim.Adam(list(free.values()))
    weight = MISSED / targets[0].numel() if code.distribution == "normal" else 0.0
    for step, time in enumerate(times.tolist(), 1):
        adam.param_groups[0]["lr"] = RATE * (0.55 + 0.45 * cos(pi * time))
        with torch.enable_grad():
            error = (model.decode(joined()) - targets).square().flatten(1).mean(1)
            loss = (error + weight * noise.square().sum(1)).sum()
            slopes = torch.autograd.grad(loss, list(free.values()))  # none is computed for any weight
        for part, slope in zip(free.values(), slopes, strict=True):
            part.grad = slope
        adam.step()
        continuous.clamp_(-1, 1)
        if code.distribution == "uniform":
            noise.clamp_(-1, 1)
        report(step)
    return _rounded(code, joined().detach())


def _rounded(code: Code, codes: Tensor) -> Tensor:
    """The same codes (m, width) with labels and categories of 0 and 1."""
    labels = code.labels_of(codes)
    if code.exclusive and code.labels:
        labels = F.one_hot(labels.argmax(1), code.labels)
    parts = code.split(codes)
    return code.join(parts.noise, labels.round(), parts.categories, parts.continuous)


def _errors(model: Generates, codes: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error (m,) of each code's image in [-1, 1]."""
    return (model.decode(codes).clamp(-1, 1) - targets).square().flatten(1).mean(1)
