"""The short way into a JPEG ends at the same pixels as Pillow's, or is not taken."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.data import decode
from simulacra.data.decode import Picture, read_picture
from simulacra.errors import DataError


def saved(size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def is_usual(data: bytes) -> bool:
    return decode.load_usual(data, lambda _: 1, 10**6) is not None


def by_pillow(data: bytes, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Picture | str:
    with monkeypatch.context() as patch:
        patch.setattr(decode, "load_usual", lambda *_: None)
        return read(data, **options)


def read(data: bytes, **options: Any) -> Picture | str:
    try:
        return read_picture(data, (32, 32), **options)
    except DataError as error:
        return str(error)


def same(one: Picture | str, other: Picture | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return one.original == other.original and np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("size", [(178, 218), (97, 31), (33, 401), (32, 32), (5, 3), (1, 9), (640, 480)])
@pytest.mark.parametrize("saving", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"quality": 20}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("reading", [{}, {"crop": "none"}, {"grey": True}, {"crop": "1,1,5,3"}])
def test_pixels_are_those_of_pillow(
    size: tuple[int, int], saving: dict[str, Any], mode: str, reading: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = saved(size, mode, **saving)
    assert is_usual(data)
    assert same(read(data, **reading), by_pillow(data, monkeypatch, **reading))


def test_pictures_that_pillow_has_to_judge_go_its_way() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved((64, 64))
    assert is_usual(whole)
    assert not is_usual(saved((64, 64), exif=exif))
    assert not is_usual(saved((64, 64), "CMYK"))
    assert not is_usual(whole[: len(whole) // 2])
    assert not is_usual(b"\xff\xd8\xff")
    assert decode.load_usual(whole, lambda _: 1, 64 * 64 - 1) is None


def test_a_damaged_file_is_judged_as_by_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, draw = saved((96, 80)), np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in draw.integers(2, len(whole), 3):
            damaged[place] = draw.integers(256)
        assert same(read(bytes(damaged)), by_pillow(bytes(damaged), monkeypatch))
