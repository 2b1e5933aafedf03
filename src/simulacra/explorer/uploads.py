"""Codes of pictures: of a test picture, or of an upload, which is not stored."""

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
from simulacra.explorer.library import LoadedRun
from simulacra.explorer.map import test_images
from simulacra.explorer.requests import Requested, as_numbers
from simulacra.explorer.security import MOST_UPLOADED, too_large
from simulacra.objectives import Encodes
from simulacra.report.formatting import data_url

router = APIRouter()

MOST_PIXELS = 40_000_000


class TooLarge(DataError):
    """An upload has too many bytes."""


@router.get("/runs/{name}/test-pictures/{index}/code.json", response_model=None)
def encode_test_picture(request: Requested, index: int) -> dict[str, Any]:
    """The code of a test picture, its reconstruction, and the squared error between the two."""
    return request.with_model(lambda loaded: code_of_picture(loaded.subject, test_images(loaded, index)[0]), slow=True)


@router.post("/runs/{name}/code.json", response_model=None)
async def encode_upload(requested: Requested, request: Request) -> dict[str, Any]:
    """The same of a picture in the request's body, which is kept in memory until the answer is sent."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_UPLOADED:
            raise TooLarge(too_large())
        parts.append(part)
    content = b"".join(parts)

    def work(loaded: LoadedRun) -> dict[str, Any]:
        height, width, channels = loaded.subject.recipe.data.shape
        meaning = meaning_of(loaded.run.read_facts().get("data", {}).get("card", {}))
        try:
            picture = read_picture(content, (width, height), grey=channels == 1, most=MOST_PIXELS, **meaning)
        except DataError as error:
            raise DataError(f"the picture {error}") from error
        return code_of_picture(loaded.subject, np.stack([picture.pixels]))

    return await run_in_threadpool(requested.with_model, work, slow=True)


def code_of_picture(subject: Subject, images: NDArray[np.uint8]) -> dict[str, Any]:
    """The code of one picture (1, H, W, C), by the encoder, or by gradient descent where there is none."""
    model = subject.generates
    if isinstance(model, Encodes):
        codes, method = torch.from_numpy(subject.encode(images)), "encoder"
    else:
        from simulacra.evaluation.inversion import invert

        codes, method = invert(subject, images).codes, "search"
    reconstruction = subject.decode(codes)
    return {
        "code": as_numbers(codes)[0],
        "method": method,
        "squared_error": float(np.square((images.astype(np.float64) - reconstruction) / 127.5).mean()),
        "original": data_url(to_png(images[0])),
        "reconstruction": data_url(to_png(reconstruction[0])),
    }
