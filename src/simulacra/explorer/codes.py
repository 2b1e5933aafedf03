"""Pictures of codes: one, many, a strip along one thing, a walk among corners. Each as PNG and as JSON."""

import shlex
from typing import Annotated, Any

import torch
from fastapi import APIRouter, Query
from starlette.responses import Response

from simulacra.errors import RunError
from simulacra.evaluation.described import Description, codes_of, explicit, pack, read, to_json
from simulacra.explorer.served import Ask, Form, as_numbers, decode_alone, described, png
from simulacra.explorer.shelf import Loaded
from simulacra.explorer.walks import strip, walk

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
