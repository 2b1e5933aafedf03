"""Pictures of codes: one, many, a strip along one part of the code, an interpolation. Each as PNG and as JSON."""

import re
import shlex
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from torch import Tensor

from simulacra.errors import RunError
from simulacra.evaluation.codes import Description, explicit, pack, read, to_json
from simulacra.explorer.library import (
    Animated,
    Answer,
    Format,
    LoadedRun,
    Requested,
    animation,
    as_numbers,
    described,
    png,
    there_and_back,
)
from simulacra.objectives.code import Code

FRAME, REST = 200, 1000  # milliseconds that each image of a training stays, and the last one
REACH = {"principal_directions": 4.0, "overrides": 3.0, "continuous": 2.0, "attributes": 2.0}  # of a strip to each side


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """A vector (n,) on the arc between two; Shoemake 1985, "Animating rotation with quaternion curves", section 3.3.

    Between codes from N(0, 1) it keeps their usual length, which the straight line cuts short (White 2016,
    arXiv:1609.04468, section 2.1).
    """
    lengths = first.norm() * second.norm()
    angle = torch.arccos((first @ second / lengths).clamp(-1, 1)) if lengths > 0 else torch.zeros(())
    if angle.sin() < 1e-4:  # the same or opposite directions: no arc is unique
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


def interpolate(code: Code, corners: Tensor, frames: int) -> Tensor:
    """Codes (frames, width) from one corner to another, or a square (frames * frames, width) row by row among four.

    Raises:
        RunError: neither two nor four corners.
    """
    if len(corners) not in (2, 4):
        raise RunError(f"{len(corners)} codes were given to interpolate between; give 2 or 4")
    shares = np.linspace(0, 1, frames).tolist()
    if len(corners) == 2:
        return torch.stack([between(code, corners[0], corners[1], share) for share in shares])
    return torch.stack([among(code, corners, across, down) for down in shares for across in shares])


def rim(side: int) -> list[int]:
    """Indices of the frames on the rim of a square of side * side, clockwise from the first one."""
    square = np.arange(side * side).reshape(side, side)
    return [*square[0, :-1], *square[:-1, -1], *square[-1, :0:-1], *square[:0:-1, 0]]


def strip(code: Code, shared: Description, along: str, count: int) -> tuple[list[float], list[Description]]:
    """Values of one part of a code, and descriptions that differ in this part alone, from what is `shared`.

    The part is `principal_directions:1`, `overrides:3`, `labels:Smiling`, `categories:1`, `continuous:2` or
    `attributes:Smiling`. There are `count` values; of categories, as many as there are.

    Raises:
        RunError: this model has no such part.
    """
    key, colon, name = along.partition(":")
    keys = (*REACH, "labels", "categories")
    named = key in ("labels", "attributes")
    if key not in keys or not colon or not (named or re.fullmatch(r"[0-9]{1,6}", name)):
        expected = f"one of {', '.join(keys)} and which, like principal_directions:1"
        raise RunError(f"along {along[:40]!r}: expected {expected}")
    if key == "categories":
        if not 1 <= int(name) <= len(code.categorical):
            raise RunError(f"along {along}: this model has {len(code.categorical)} categorical codes")
        values: list[float] = list(range(1, code.categorical[int(name) - 1] + 1))
    elif key == "labels":
        values = np.linspace(0, 1, count).tolist()
    else:
        values = np.linspace(-REACH[key], REACH[key], count).tolist()
    part = name if named else int(name)
    return values, [shared.model_copy(update={key: getattr(shared, key) | {part: value}}) for value in values]


router = APIRouter()

CodeText = Annotated[str, Query(description='JSON, like {"seed": 3}')]
MOST_SAMPLES, MOST_FRAMES = 64, 64


def one_description(text: str) -> Description:
    """The one description in a text; a RunError where there are several, or none that can be read."""
    descriptions = read(text)
    if len(descriptions) != 1:
        raise RunError(f"{len(descriptions)} codes were given where one is drawn; give one")
    return descriptions[0]


@router.get("/runs/{name}/picture.{form}", response_model=None)
async def picture(
    request: Requested, form: Format, code: CodeText = "{}", like: str | None = None, like_step: int | None = None
) -> Answer:
    """The picture of one code; with `like`, of a code that is described for another run, where its noise fits."""
    description = one_description(code)

    def work(loaded: LoadedRun) -> Answer:
        fitting = description
        if like is not None:
            fitting = translated(loaded, request.explorer.library.load(like, like_step), description)
        codes = loaded.codes([fitting])
        return png(loaded.subject.decode(codes)) if form == "png" else details(loaded, fitting, codes[0])

    return await request.with_model(work)


@router.get("/runs/{name}/samples.{form}", response_model=None)
async def samples(
    request: Requested,
    form: Format,
    seed: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    count: Annotated[int, Query(ge=1, le=MOST_SAMPLES)] = 24,
) -> Answer:
    """The pictures of consecutive seeds."""
    descriptions = [Description(seed=seed + index) for index in range(count)]
    if form == "json":
        return {"codes": described(descriptions)}
    return await request.with_model(lambda loaded: png(loaded.subject.decode(loaded.codes(descriptions))))


@router.get("/runs/{name}/strip.{form}", response_model=None)
async def strip_of_pictures(
    request: Requested,
    form: Format | Animated,
    along: str,
    code: CodeText = "{}",
    count: Annotated[int, Query(ge=2, le=MOST_FRAMES)] = 9,
    pixels: bool = False,
) -> Answer:
    """Pictures of codes that differ in one part: a direction, a latent dimension, a label, a category."""
    shared = one_description(code)

    def work(loaded: LoadedRun) -> Answer:
        values, descriptions = strip(loaded.subject.generates.code, shared, along, count)
        if form == "json":
            return {"along": along, "values": values, "codes": described(descriptions)}
        images = loaded.subject.decode(loaded.codes(descriptions))
        return png(images) if form == "png" else animation(images[there_and_back(len(images))], form, pixels=pixels)

    return await request.with_model(work)


@router.get("/runs/{name}/interpolation.{form}", response_model=None)
async def interpolation(
    request: Requested,
    form: Format | Animated,
    code: Annotated[list[str], Query(description="two or four, each JSON")],
    frames: Annotated[int, Query(ge=2, le=MOST_FRAMES)] = 16,
    pixels: bool = False,
) -> Answer:
    """Pictures from one code to another, or a square of frames * frames among four codes, animated along its rim."""
    corners = [one_description(text) for text in code[:5]]
    if len(corners) == 4 and frames > 12:
        raise RunError(f"{frames} frames on each side make too large a square; ask for 12 at most")

    def work(loaded: LoadedRun) -> Answer:
        ends = loaded.codes(corners)
        codes = interpolate(loaded.subject.generates.code, ends, frames)
        if form == "json":
            return {"codes": as_numbers(codes)}
        if form == "png":
            return png(loaded.subject.decode(codes))
        order = there_and_back(frames) if len(corners) == 2 else rim(frames)
        return animation(loaded.subject.decode(codes[order]), form, pixels=pixels)

    return await request.with_model(work)


@router.get("/runs/{name}/training.{form}", response_model=None)
async def training(
    request: Requested,
    form: Animated,
    at: Annotated[list[int], Query(min_length=2, max_length=MOST_FRAMES, description="steps of checkpoints")],
    code: CodeText = "{}",
    pixels: bool = False,
) -> Answer:
    """The picture of one code at several checkpoints, in the order of the steps that are given."""
    description = one_description(code)

    def work(loaded: LoadedRun) -> NDArray[np.uint8]:
        return loaded.subject.decode(loaded.codes([description]))

    images = [await replace(request, step=step).with_model(work) for step in at]
    return animation(np.concatenate(images), form, pixels=pixels, frame=FRAME, rest=REST)


def details(loaded: LoadedRun, description: Description, code: torch.Tensor) -> dict[str, Any]:
    """What there is to know of one code (width,): its parts, and the command that draws it."""
    layout = loaded.subject.generates.code
    parts = layout.split(code[None])
    labels = loaded.subject.recipe.data.labels if layout.labels else ()
    exact = to_json(explicit(loaded.subject, description, loaded.directions))
    words = ["simulacra", "sample", str(loaded.run.path), "--step", str(loaded.step), "--codes", exact]
    return {
        "step": loaded.step,
        "numbers": pack(code),
        "noise": [round(value, 4) for value in parts.noise[0].tolist()],
        "labels": {str(name): round(value, 4) for name, value in zip(labels, parts.labels[0].tolist(), strict=False)},
        "categories": {index: value + 1 for index, value in enumerate(parts.categories[0].tolist(), 1)},
        "continuous": {index: round(value, 4) for index, value in enumerate(parts.continuous[0].tolist(), 1)},
        "command": shlex.join([*words, "--out", "picture.png"]),
    }


def translated(loaded: LoadedRun, other: LoadedRun, description: Description) -> Description:
    """The description, for one run, of a code that is described for another: the same noise, labels by their names.

    A RunError where the noise of the two runs differs in size or distribution.
    """
    here, there = loaded.subject.generates.code, other.subject.generates.code
    if (here.noise, here.distribution) != (there.noise, there.distribution):
        raise RunError(
            f"the codes of the two runs do not fit: one has {there.noise} dimensions of {there.distribution} noise, "
            f"the other has {here.noise} of {here.distribution} noise"
        )
    parts = there.split(other.codes([description]))
    labels = zip(other.subject.recipe.data.labels, parts.labels[0].tolist(), strict=False)
    conditioning = loaded.subject.recipe.data.labels if here.labels else ()
    categories = zip(parts.categories[0].tolist(), here.categorical, strict=False)
    return Description(
        seed=description.seed or 0,
        noise=tuple(parts.noise[0].tolist()),
        labels={name: value for name, value in labels if name in conditioning},
        categories={index: value + 1 for index, (value, size) in enumerate(categories, 1) if value < size},
        continuous=dict(enumerate(parts.continuous[0].tolist()[: here.continuous], 1)),
    )
