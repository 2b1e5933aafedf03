"""Pictures of codes: one, many, a strip along one thing, a walk among corners. Each as PNG and as JSON."""

import re
import shlex
from typing import Annotated, Any

import numpy as np
import torch
from fastapi import APIRouter, Query
from starlette.responses import Response
from torch import Tensor

from simulacra.errors import RunError
from simulacra.evaluation.codes import Description, codes_of, explicit, pack, read, to_json
from simulacra.explorer.library import Loaded
from simulacra.explorer.requests import Ask, Form, as_numbers, decode_alone, described, png
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


router = APIRouter()

CodeText = Annotated[str, Query(description='JSON, like {"seed": 3}')]
MOST_SAMPLES, MOST_FRAMES = 64, 64


def one_of(text: str) -> Description:
    """The one description in a text.

    Raises:
        RunError: there are several, or none that can be read.
    """
    found = read(text)
    if len(found) != 1:
        raise RunError(f"{len(found)} codes were given where one is drawn; give one")
    return found[0]


@router.get("/runs/{name}/picture.{form}", response_model=None)
def picture(
    ask: Ask, form: Form, code: CodeText = "{}", like: str | None = None, like_step: int | None = None
) -> Response | dict[str, Any]:
    """The picture of one code; with `like`, of a code of that other run, where its noise fits."""
    wanted = one_of(code)

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        mine = wanted
        if like is not None:
            mine = fitted(loaded, ask.served.shelf.load(like, like_step), wanted)
        codes = codes_of(loaded.subject, [mine], loaded.directions)
        return png(decode_alone(loaded, codes)) if form == "png" else card_of(loaded, mine, codes[0])

    return ask.make(work)


@router.get("/runs/{name}/samples.{form}", response_model=None)
def samples(
    ask: Ask,
    form: Form,
    seed: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    count: Annotated[int, Query(ge=1, le=MOST_SAMPLES)] = 24,
) -> Response | dict[str, Any]:
    """The pictures of as many seeds, from one on."""
    wanted = [Description(seed=seed + place) for place in range(count)]
    if form == "json":
        return {"codes": described(wanted)}
    return ask.make(lambda loaded: png(loaded.subject.decode(codes_of(loaded.subject, wanted, loaded.directions))))


@router.get("/runs/{name}/strip.{form}", response_model=None)
def along(
    ask: Ask,
    form: Form,
    along: str,
    code: CodeText = "{}",
    count: Annotated[int, Query(ge=2, le=MOST_FRAMES)] = 9,
) -> Response | dict[str, Any]:
    """Pictures of codes that differ in one thing: a direction, a number, a label, a category."""
    one = one_of(code)

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        values, wanted = strip(loaded.subject.generates.code, one, along, count)
        if form == "json":
            return {"along": along, "values": values, "codes": described(wanted)}
        return png(loaded.subject.decode(codes_of(loaded.subject, wanted, loaded.directions)))

    return ask.make(work)


@router.get("/runs/{name}/walk.{form}", response_model=None)
def walking(
    ask: Ask,
    form: Form,
    code: Annotated[list[str], Query(description="two or four, each JSON")],
    frames: Annotated[int, Query(ge=2, le=MOST_FRAMES)] = 16,
) -> Response | dict[str, Any]:
    """Pictures from one code to another, or a square of frames * frames among four."""
    corners = [one_of(text) for text in code[:5]]
    if len(corners) == 4 and frames > 12:
        raise RunError(f"{frames} frames each way make too large a square; ask for 12 at most")

    def work(loaded: Loaded) -> Response | dict[str, Any]:
        ends = codes_of(loaded.subject, corners, loaded.directions)
        codes = walk(loaded.subject.generates.code, ends, frames)
        return {"codes": as_numbers(codes)} if form == "json" else png(loaded.subject.decode(codes))

    return ask.make(work)


def card_of(loaded: Loaded, one: Description, code: torch.Tensor) -> dict[str, Any]:
    """What there is to know of one code: its parts, and the command that draws it."""
    layout = loaded.subject.generates.code
    parts = layout.split(code[None])
    named = zip(loaded.subject.recipe.data.labels, parts.labels[0].tolist(), strict=False) if layout.labels else ()
    whole = to_json(explicit(loaded.subject, one, loaded.directions))
    words = ["simulacra", "sample", str(loaded.run.path), "--step", str(loaded.step), "--codes", whole]
    return {
        "step": loaded.step,
        "numbers": pack(code),
        "noise": [round(value, 4) for value in parts.noise[0].tolist()],
        "labels": {str(name): round(value, 4) for name, value in named},
        "categories": {place: value + 1 for place, value in enumerate(parts.categories[0].tolist(), 1)},
        "continuous": {place: round(value, 4) for place, value in enumerate(parts.continuous[0].tolist(), 1)},
        "command": shlex.join([*words, "--out", "picture.png"]),
    }


def fitted(loaded: Loaded, other: Loaded, wanted: Description) -> Description:
    """A description for one run of a code that is described for another: the same noise, labels by their names.

    Raises:
        RunError: the noise of the two is not alike.
    """
    here, there = loaded.subject.generates.code, other.subject.generates.code
    if (here.noise, here.distribution) != (there.noise, there.distribution):
        raise RunError(
            f"the codes of the two runs do not fit: {there.noise} numbers of {there.distribution} noise in one, "
            f"{here.noise} of {here.distribution} noise in the other"
        )
    parts = there.split(codes_of(other.subject, [wanted], other.directions))
    names = zip(other.subject.recipe.data.labels, parts.labels[0].tolist(), strict=False)
    mine = loaded.subject.recipe.data.labels if here.labels else ()
    return Description(
        seed=wanted.seed or 0,
        noise=tuple(parts.noise[0].tolist()),
        labels={name: value for name, value in names if name in mine},
        categories={
            place: value + 1
            for place, value in enumerate(parts.categories[0].tolist(), 1)
            if place <= len(here.categorical) and value < here.categorical[place - 1]
        },
        continuous={
            place: value for place, value in enumerate(parts.continuous[0].tolist(), 1) if place <= here.continuous
        },
    )
