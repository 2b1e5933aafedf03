"""Any picture becomes the right pixels, or a reason.

The short way into a JPEG ends at the same pixels as Pillow's, or is not taken.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulacra.data import decode
from simulacra.data.decode import Picture, parse_crop, parse_size, read_picture
from simulacra.errors import DataError


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that only claims to be large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


RED = Image.new("RGB", (8, 8), (200, 30, 40))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_format_is_read(form: str) -> None:
    pixels = read_picture(saved(RED, form), (4, 4)).pixels
    assert pixels.shape == (4, 4, 3)
    assert np.abs(pixels.astype(int) - (200, 30, 40)).max() <= 8


def test_the_first_frame_of_an_animation_is_taken() -> None:
    data = saved(RED, "GIF", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    assert read_picture(data, (2, 2)).pixels[0, 0, 0] > 150


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_on_its_side_is_turned_upright(form: str) -> None:
    image = Image.new("RGB", (16, 8), "black")
    image.paste("white", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: left becomes top
    picture = read_picture(saved(image, form, exif=exif, quality=95), (8, 16))
    assert picture.original == (8, 16)
    assert picture.pixels[:6].min() > 200
    assert picture.pixels[10:].max() < 50


@pytest.mark.parametrize(("side", "decoded"), [(512, 128), (356, 89), (178, 89), (168, 168), (64, 64)])
def test_a_jpeg_is_decoded_smaller_where_that_is_hardly_seen(
    side: int, decoded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    met, fitted = [], decode._fitted

    def note(image: Image.Image, *more: Any) -> Any:
        met.append(image.width)
        return fitted(image, *more)

    monkeypatch.setattr(decode, "_fitted", note)
    pixels = read_picture(saved(image, "JPEG", quality=95), (64, 64)).pixels.astype(int)
    assert met == [decoded]
    whole = Image.open(io.BytesIO(saved(image, "JPEG", quality=95))).resize((64, 64), Image.Resampling.BICUBIC)
    assert np.abs(pixels - np.asarray(whole)).mean() < 2.5


def test_a_large_sideways_jpeg_is_cut_where_asked() -> None:
    image = Image.new("RGB", (640, 320), "black")
    image.paste("white", (0, 0, 320, 320))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(image, "JPEG", exif=exif)
    assert read_picture(data, (8, 8), "0,0,320,320").pixels.min() > 240
    assert read_picture(data, (8, 8), "0,320,320,640").pixels.max() < 15


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert read_picture(saved(clear, "PNG"), (8, 8)).pixels.min() == 255
    half = Image.new("LA", (8, 8), (0, 128))
    assert abs(int(read_picture(saved(half, "PNG"), (8, 8), grey=True).pixels[0, 0, 0]) - 127) <= 1


def test_a_palette_with_transparency_lies_over_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([9, 9, 9, 0, 0, 255])
    image.paste(1, (0, 0, 4, 8))
    pixels = read_picture(saved(image, "PNG", transparency=0), (8, 8)).pixels
    assert pixels[0, 0].tolist() == [0, 0, 255]
    assert pixels[0, 7].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb() -> None:
    pixels = read_picture(saved(RED.convert("CMYK"), "JPEG", quality=95), (8, 8)).pixels
    assert np.abs(pixels.astype(int) - (200, 30, 40)).max() <= 8


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(form: str) -> None:
    deep = Image.fromarray(np.full((8, 8), 128 * 257, dtype=np.uint16))
    assert read_picture(saved(deep, form), (8, 8), grey=True).pixels[0, 0, 0] == 128


def test_a_dark_picture_of_sixteen_bits_stays_dark() -> None:
    deep = Image.fromarray(np.full((8, 8), 200, dtype=np.uint16))
    assert read_picture(saved(deep, "TIFF"), (8, 8), grey=True).pixels.max() == 1


def test_floats_and_single_bits_become_bytes() -> None:
    floats = Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32))
    assert read_picture(saved(floats, "TIFF"), (8, 8), grey=True).pixels[0, 0, 0] == 128
    bits = Image.new("1", (8, 8), 1)
    assert read_picture(saved(bits, "PNG"), (4, 4)).pixels.min() == 255


def test_grey_becomes_colour_and_colour_grey() -> None:
    grey = saved(Image.new("L", (8, 8), 77), "PNG")
    assert read_picture(grey, (8, 8)).pixels[3, 3].tolist() == [77, 77, 77]
    assert read_picture(saved(RED, "PNG"), (8, 8), grey=True).pixels.shape == (8, 8, 1)


def test_center_keeps_the_largest_box_and_none_stretches() -> None:
    image = Image.new("RGB", (32, 16), "black")
    image.paste("white", (8, 0, 24, 16))
    data = saved(image, "PNG")
    assert read_picture(data, (8, 8), "center").pixels.min() == 255
    assert read_picture(data, (8, 8), "none").pixels[4, 0, 0] == 0
    assert read_picture(data, (16, 8), "center").pixels[4, 0, 0] == 0
    assert read_picture(data, (4, 4), "8,0,24,16").pixels.min() == 255


def test_shrinking_averages_instead_of_skipping() -> None:
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    pixels = read_picture(saved(checks, "PNG"), (8, 8), grey=True).pixels
    assert np.abs(pixels.astype(int) - 127).max() <= 3


def test_a_crop_beyond_the_picture_is_refused() -> None:
    with pytest.raises(DataError, match="is 8x8, too small for the crop 0,0,9,9"):
        read_picture(saved(RED, "PNG"), (8, 8), "0,0,9,9")


def test_a_file_without_a_byte_is_named_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    for file in (tmp_path / "a.png", b""):
        with pytest.raises(DataError, match="0 bytes"):
            read_picture(file, (8, 8))


def test_a_file_that_is_not_there_and_a_folder_are_not_called_damaged(tmp_path: Path) -> None:
    for place, why in ((tmp_path / "a.png", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(DataError, match=rf"^cannot be read \({why}\)$"):
            read_picture(place, (8, 8))


def test_text_is_no_picture() -> None:
    with pytest.raises(DataError, match="not a picture in any known format"):
        read_picture(b"%!PS-Adobe-3.0 EPSF-3.0 no picture", (8, 8))


def test_a_truncated_picture_is_refused(noise) -> None:
    for form in ("PNG", "JPEG", "BMP"):
        data = saved(noise(1).resize((64, 64)), form)
        with pytest.raises(DataError, match="damaged or cut short"):
            read_picture(data[: len(data) // 2], (8, 8))


@pytest.mark.parametrize("side", [50_000, 10_000])
def test_a_decompression_bomb_is_refused_before_it_takes_memory(side: int) -> None:
    with pytest.raises(DataError, match="pixels that are safe to open"):
        read_picture(png_header(side, side), (8, 8))


def test_a_program_may_have_lifted_the_limit_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_picture(saved(Image.new("RGB", (64, 64)), "PNG"), (8, 8)).pixels.shape == (8, 8, 3)
    with pytest.raises(DataError, match="more than the 100 that are allowed"):
        read_picture(saved(Image.new("RGB", (64, 64)), "PNG"), (8, 8), most=100)


def test_sizes_and_crops_are_parsed_or_explained() -> None:
    assert parse_size("64") == (64, 64)
    assert parse_size("64x48") == (64, 48)
    assert parse_crop("1, 2,30,40") == (1, 2, 30, 40)
    for text in ("", "64x", "0", "-3", "99999", "64x48x3"):
        with pytest.raises(DataError, match="size"):
            parse_size(text)
    for text in ("middle", "1,2,3", "5,5,5,9", "-1,0,5,5"):
        with pytest.raises(DataError, match="crop"):
            parse_crop(text)


def saved_of_jpeg(size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
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
    data = saved_of_jpeg(size, mode, **saving)
    assert is_usual(data)
    assert same(read(data, **reading), by_pillow(data, monkeypatch, **reading))


def test_pictures_that_pillow_has_to_judge_go_its_way() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved_of_jpeg((64, 64))
    assert is_usual(whole)
    assert not is_usual(saved_of_jpeg((64, 64), exif=exif))
    assert not is_usual(saved_of_jpeg((64, 64), "CMYK"))
    assert not is_usual(whole[: len(whole) // 2])
    assert not is_usual(b"\xff\xd8\xff")
    assert decode.load_usual(whole, lambda _: 1, 64 * 64 - 1) is None


def test_a_damaged_file_is_judged_as_by_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, draw = saved_of_jpeg((96, 80)), np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in draw.integers(2, len(whole), 3):
            damaged[place] = draw.integers(256)
        assert same(read(bytes(damaged)), by_pillow(bytes(damaged), monkeypatch))
