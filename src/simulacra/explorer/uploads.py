"""Codes of pictures: of one that is picked among the test pictures, or uploaded and forgotten again."""

import base64
from typing import Any

import numpy as np
import torch
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from simulacra.data.decode import meaning_of, read_picture
from simulacra.errors import DataError
from simulacra.evaluation.pictures.preview import to_png
from simulacra.evaluation.subject import Subject
from simulacra.explorer.library import Loaded
from simulacra.explorer.map import test_images
from simulacra.explorer.requests import Ask, as_numbers
from simulacra.explorer.security import MOST_UPLOADED, too_large
from simulacra.objectives import Encodes

router = APIRouter()

MOST_PIXELS = 40_000_000


class TooLarge(DataError):
    """An upload has too many bytes."""


@router.get("/runs/{name}/tests/{row}/code.json", response_model=None)
def read_test(ask: Ask, row: int) -> dict[str, Any]:
    """The code of a test picture, what is left of it, and by how much it differs."""
    return ask.make(lambda loaded: found(loaded.subject, test_images(loaded, row)[0]), patient=True)


@router.post("/runs/{name}/code.json", response_model=None)
async def read_upload(ask: Ask, request: Request) -> dict[str, Any]:
    """The same of a picture in the request's body. It is kept in memory, and only until it is answered."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_UPLOADED:
            raise TooLarge(too_large())
        parts.append(part)
    content = b"".join(parts)

    def work(loaded: Loaded) -> dict[str, Any]:
        height, width, channels = loaded.subject.recipe.data.shape
        meaning = meaning_of(loaded.run.read_facts().get("data", {}).get("card", {}))
        try:
            picture = read_picture(content, (width, height), grey=channels == 1, most=MOST_PIXELS, **meaning)
        except DataError as error:
            raise DataError(f"the picture {error}") from error
        return found(loaded.subject, np.stack([picture.pixels]))

    return await run_in_threadpool(ask.make, work, patient=True)


def found(subject: Subject, images: NDArray[np.uint8]) -> dict[str, Any]:
    """What the model knows of one picture (1, H, W, C): by its encoder, or by following the gradient to a code."""
    model = subject.generates
    if isinstance(model, Encodes):
        codes, how = torch.from_numpy(subject.encode(images)), "encoder"
    else:
        from simulacra.evaluation.inversion import invert

        codes, how = invert(subject, images).codes, "search"
    rebuilt = subject.decode(codes)
    return {
        "code": as_numbers(codes)[0],
        "how": how,
        "error": float(np.square((images.astype(np.float64) - rebuilt) / 127.5).mean()),
        "original": _address(images),
        "rebuilt": _address(rebuilt),
    }


def _address(images: NDArray[np.uint8]) -> str:
    """One image (1, H, W, C) as an address that holds it whole."""
    return f"data:image/png;base64,{base64.b64encode(to_png(images[0])).decode()}"
