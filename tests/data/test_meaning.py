"""What a file means: its pixels behind any metadata, in which colours, of which values, and the right way up."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from simulacra.data.codecs import EXIF, PAGES, STRIPPED
from simulacra.data.colours import NO_NUMBERS, PROFILE, parse_background
from simulacra.data.decode import Picture, convert_picture, read_picture
from simulacra.errors import DataError


def chunk(kind: bytes, content: bytes, crc: int | None = None) -> bytes:
    """One chunk of a PNG, with a wrong checksum if one is given."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc or zlib.crc32(kind + content))


def with_chunk(png: bytes, *added: bytes) -> bytes:
    """A PNG with chunks after its header."""
    return png[:33] + b"".join(added) + png[33:]


def tiff(pixels: NDArray[np.generic], sample_format: int, photometric: int = 1, compressed: bool = False) -> bytes:
    """A grey TIFF (H, W) in the byte order of its pixels' type, deflated or not."""
    order = ">" if pixels.dtype.str[0] == ">" else "<"
    content = zlib.compress(pixels.tobytes()) if compressed else pixels.tobytes()
    height, width = pixels.shape
    tags = {256: width, 257: height, 258: pixels.itemsize * 8, 259: 8 if compressed else 1, 262: photometric}
    tags |= {273: 8 + 2 + 12 * 10 + 4, 277: 1, 278: height, 279: len(content), 339: sample_format}
    fields = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items()]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(fields))
    return head + b"".join(fields) + struct.pack(f"{order}I", 0) + content


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    at, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(content), len(data))
        content += data
    body = struct.pack(">I", len(tags)) + table + content
    kind = b"mntr" if space != b"CMYK" else b"prtr"
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), bytes(4), 0x02400000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + body


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(value * 65536) for value in values))


WHITE = {b"desc": b"desc\0\0\0\0\0\0\0\2a\0" + bytes(78), b"wtpt": _xyz(0.9642, 1, 0.8249), b"cprt": b"text\0\0\0\0a\0"}


def rgb_profile(swapped: bool = True) -> bytes:
    """Colours of sRGB with a gamma of 2.2, in which red and green have changed places if they are to be swapped."""
    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    columns = [_xyz(0.4361, 0.2225, 0.0139), _xyz(0.3851, 0.7169, 0.0971), _xyz(0.1431, 0.0606, 0.7141)]
    if swapped:
        columns[:2] = columns[1], columns[0]
    primaries = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))
    return _profile(b"RGB ", b"XYZ ", WHITE | primaries | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma))


def grey_profile() -> bytes:
    """Grey with a gamma of 1: a value of 128 is half of the light, which sRGB has at 188."""
    return _profile(b"GRAY", b"XYZ ", WHITE | {b"kTRC": b"curv\0\0\0\0" + struct.pack(">I", 0)})


def cmyk_profile() -> bytes:
    """Ink of which cyan alone counts: none of it is white, all of it is black."""
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    lattice = b"".join(bytes([0 if row >= 8 else 255, 128, 128]) for row in range(16))
    return _profile(b"CMYK", b"Lab ", WHITE | {b"A2B0": table + ramp * 4 + lattice + ramp * 3})


COARSE = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
PHOTO = Image.fromarray(COARSE).resize((32, 32), Image.Resampling.NEAREST)
PIXELS = np.asarray(PHOTO)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def read(data: bytes, side: int = 32, **options: Any) -> Picture:
    return read_picture(data, (side, side), **options)


def off(picture: Picture, wanted: Any = PIXELS) -> int:
    return int(np.abs(picture.pixels.astype(int) - wanted).max())


def huge_text(times: int) -> PngInfo:
    texts = PngInfo()
    for _ in range(times):
        texts.add_text("note", "x" * 2_000_000, zip=True)
    return texts


PNG = saved(PHOTO, "PNG")
JPEG = saved(PHOTO, "JPEG", quality=100, subsampling=0)
JUNK = b"junkjunkjunk"


@pytest.mark.parametrize(
    ("data", "odd"),
    [
        (saved(PHOTO, "PNG", exif=JUNK), EXIF),
        (saved(PHOTO, "WEBP", exif=JUNK, lossless=True), EXIF),
        (saved(PHOTO, "JPEG", exif=b"Exif\0\0" + JUNK, dpi=(72, 72), quality=100, subsampling=0), EXIF),
        (saved(PHOTO, "JPEG", exif=b"Exif\0\0" + JUNK, quality=100, subsampling=0), EXIF),
        (saved(PHOTO, "PNG", pnginfo=huge_text(1)), STRIPPED),
        (saved(PHOTO, "PNG", pnginfo=huge_text(40)), STRIPPED),
        (saved(PHOTO, "PNG", icc_profile=bytes(3_000_000)), STRIPPED),
        (with_chunk(PNG, chunk(b"tEXt", b"a\0b", crc=1)), STRIPPED),
        (with_chunk(PNG, chunk(b"gAMA", b"\0")), STRIPPED),
        (with_chunk(PNG, chunk(b"acTL", b"\0")), STRIPPED),
        (saved(PHOTO, "PNG", icc_profile=JUNK), PROFILE),
        (saved(PHOTO, "TIFF", icc_profile=JUNK), PROFILE),
        (saved(PHOTO, "JPEG", icc_profile=JUNK * 10_000, quality=100, subsampling=0), PROFILE),
        (saved(PHOTO, "PNG", icc_profile=grey_profile()), PROFILE),
        (JPEG[:2] + b"\xff\xe2\0\x10MPF\0junkjunk1" + JPEG[2:], None),
        (JPEG[:2] + b"\xff\xed\0\x16Photoshop 3.0\0junkju" + JPEG[2:], None),
    ],
)
def test_whole_pixels_behind_broken_or_huge_metadata_are_kept_and_counted(data: bytes, odd: str | None) -> None:
    picture = read(data)
    assert off(picture) <= 3
    assert [what for what, _ in picture.odd] == [odd] * (odd is not None)


def test_metadata_that_can_be_read_counts_though_other_metadata_cannot() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = PHOTO.transpose(Image.Transpose.ROTATE_90)
    png = with_chunk(saved(lying, "PNG", exif=exif), chunk(b"gAMA", b"\0"))
    assert off(read(png)) == 0
    png = with_chunk(saved(PHOTO, "PNG", icc_profile=rgb_profile()), chunk(b"pHYs", b"\0"))
    assert off(read(png), PIXELS[:, :, [1, 0, 2]]) <= 12


def test_damaged_pixels_stay_damaged_whatever_stands_beside_them() -> None:
    png = saved(PHOTO, "PNG", pnginfo=huge_text(1))
    for data in (png[:-60], PNG[:-60], JPEG[: len(JPEG) // 2]):
        with pytest.raises(DataError, match="damaged or cut short"):
            read(data)


ORIENTATIONS = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how the file is turned -> what undoes it


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
@pytest.mark.parametrize("door", ["bytes", "opened", "loaded"])
def test_exif_turns_a_picture_upright_through_every_door(orientation: int, form: str, door: str) -> None:
    undone, exif = ORIENTATIONS[orientation], Image.Exif()
    exif[0x0112] = orientation
    stored = PHOTO if undone is None else PHOTO.transpose(Image.Transpose(undone))
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}, "AVIF": {"quality": 100}}
    data = saved(stored, form, exif=exif, **lossless.get(form, {}))
    if door == "bytes":
        picture = read(data)
    else:
        opened = Image.open(io.BytesIO(data))
        if door == "loaded":
            opened.load()
        picture = convert_picture(opened, (32, 32))
    assert np.abs(picture.pixels.astype(int) - PIXELS).mean() < (20 if form == "AVIF" else 1)


def test_a_picture_of_pillow_whose_file_is_damaged_is_told() -> None:
    with pytest.raises(DataError, match="damaged or cut short"):
        convert_picture(Image.open(io.BytesIO(PNG[:-60])), (8, 8))


RAMP = np.linspace(0, 60000, 64).reshape(8, 8)
BYTES = np.rint(np.linspace(0, 255, 64)).reshape(8, 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("values", "kind", "sample_format", "wanted"),
    [
        (RAMP, "u2", 1, np.rint(RAMP / 257)),
        (RAMP / 2 - 1000, "i2", 2, BYTES),
        (RAMP * 70_000, "u4", 1, BYTES),
        (RAMP - 1000, "i4", 2, BYTES),
        (RAMP / 60_000, "f4", 3, BYTES),
        (RAMP / 30_000 - 1, "f8", 3, BYTES),
        (RAMP / 600 - 50, "i1", 2, np.rint(np.trunc(RAMP / 600 - 50) + 128)),
    ],
)
def test_numbers_of_a_tiff_are_read_in_either_byte_order(
    order: str, compressed: bool, values: Any, kind: str, sample_format: int, wanted: Any
) -> None:
    stored = values.astype(order + kind)
    picture = read(tiff(stored, sample_format, compressed=compressed), 8, grey=True)
    assert off(picture, wanted[:, :, None]) <= 1


@pytest.mark.parametrize("kind", ["<u2", ">u2", "<u4", ">u4"])
def test_where_zero_is_white_it_stays_white(kind: str) -> None:
    pixels = read(tiff(RAMP.astype(kind), 1, photometric=0), 8, grey=True).pixels
    assert pixels[0, 0, 0] == 255
    assert pixels[7, 7, 0] < 30


def test_values_that_are_no_numbers_are_dark_and_counted() -> None:
    picture = read(tiff(np.array([[np.nan, 1, 0.5, np.inf]] * 4, "<f4"), 3), 4, grey=True)
    assert picture.pixels[0, :, 0].tolist() == [0, 255, 128, 255]
    assert picture.odd == ((NO_NUMBERS, 1),)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"P2\n2 1\n1023\n0 1023\n", [0, 255]),
        (b"P5\n2 1\n65535\n" + struct.pack(">2H", 51400, 200), [200, 1]),
        (b"Pf\n2 1\n-1.0\n" + struct.pack("<2f", 0.5, 1), [128, 255]),
        (b"P1\n2 1\n0 1\n", [255, 0]),
    ],
)
def test_portable_maps_are_read_by_the_range_that_they_state(data: bytes, wanted: list[int]) -> None:
    assert read_picture(data, (2, 1), grey=True).pixels.ravel().tolist() == wanted


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_colours_are_those_of_the_profile(form: str) -> None:
    flat = Image.new("RGB", (16, 16), (200, 40, 90))
    for swapped, wanted in ((True, (40, 200, 90)), (False, (200, 40, 90))):
        picture = read(saved(flat, form, icc_profile=rgb_profile(swapped)), 16)
        assert np.abs(picture.pixels.astype(int) - wanted).max() <= 12
        assert picture.odd == ()


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "CMYK"])
def test_a_profile_counts_in_every_mode(mode: str) -> None:
    flat = Image.new("RGBA", (8, 8), (128, 128, 128, 255)).convert("RGB" if mode == "CMYK" else mode)
    profile, wanted = (grey_profile(), 188) if mode in ("L", "LA") else (rgb_profile(), 128)
    if mode == "CMYK":
        flat, profile, wanted = Image.new("CMYK", (8, 8), (0, 255, 255, 255)), cmyk_profile(), 255
    picture = read(saved(flat, "TIFF" if mode == "CMYK" else "PNG", icc_profile=profile), 8)
    assert off(picture, wanted) <= 6
    assert picture.odd == ()


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    "mode", ["LAB", "CMYK", "YCbCr", "HSV", "RGBX", "1", "I;16", "I", "F", "LA", "PA", "La", "RGBa"]
)
def test_a_picture_of_every_mode_is_grey_where_it_is_grey(mode: str, grey: bool) -> None:
    white = Image.new("L", (8, 8), 255)
    if mode in ("La", "RGBa"):
        image = white.convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    elif mode == "PA":
        image = white.convert("P").convert("PA")
    elif mode in ("LAB", "YCbCr", "HSV", "RGBX", "CMYK"):
        image = white.convert("RGB").convert(mode)
    else:
        image = white.convert(mode)
    assert convert_picture(image, (8, 8), grey=grey).pixels.shape == (8, 8, 1 if grey else 3)
    if mode not in ("I;16", "I", "F"):
        assert off(convert_picture(image, (8, 8), grey=grey), 255) <= 3


@pytest.mark.parametrize(
    ("mode", "colour", "key"),
    [
        ("L", 7, 7),
        ("RGB", (7, 8, 9), (7, 8, 9)),
        ("P", 0, 0),
        ("1", 1, 1),
        ("I;16", 7, 7),
        ("RGBA", (1, 2, 3), None),
    ],
)
def test_what_is_transparent_lies_over_the_background(mode: str, colour: Any, key: Any) -> None:
    image = Image.new(mode, (8, 8), (*colour, 0) if mode == "RGBA" else colour)
    data = saved(image, "PNG", **({} if key is None else {"transparency": key}))
    picture = read(data, 8, background="#ff8000")
    assert picture.clear
    assert off(picture, (255, 128, 0)) == 0
    assert read(data, 8).pixels.min() == 255


def test_backgrounds_are_parsed_or_explained() -> None:
    assert parse_background(" #102030 ") == (16, 32, 48)
    with pytest.raises(DataError, match="background 'nothing' is no colour; write white, black, or #RRGGBB"):
        parse_background("nothing")


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG", "AVIF"])
def test_further_pages_and_frames_are_counted(form: str) -> None:
    more = [PHOTO.transpose(Image.Transpose.ROTATE_90), PHOTO.transpose(Image.Transpose.ROTATE_180)]
    assert read(saved(PHOTO, form, save_all=True, append_images=more)).odd == ((PAGES, 2),)


def test_a_damaged_further_page_spoils_nothing() -> None:
    whole = saved(PHOTO, "TIFF", save_all=True, append_images=[PHOTO])
    picture = read(whole[: len(whole) - 1000])
    assert off(picture) == 0
    assert picture.odd == ((PAGES, 1),)


@pytest.mark.parametrize("form", ["PPM", "JPEG2000", "AVIF"])
def test_further_formats_are_read(form: str) -> None:
    assert np.abs(read(saved(PHOTO, form)).pixels.astype(int) - PIXELS).mean() < 20


HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100)


def test_heic_names_the_package_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(DataError, match="is a HEIC picture, which takes one more package: pip install pillow-heif"):
        read(HEIC)


def test_heic_is_read_where_its_package_is(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    assert np.abs(read(saved(PHOTO, "HEIF", quality=100)).pixels.astype(int) - PIXELS).mean() < 20


def test_a_tiff_of_a_kind_that_is_not_read_is_told() -> None:
    with pytest.raises(DataError, match="is a damaged TIFF, or one of a kind that is not read"):
        read(tiff(np.zeros((8, 8), "<f2"), 3))
