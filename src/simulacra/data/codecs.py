"""What Pillow alone does not do: usual JPEGs faster, more kinds of TIFF, and files whose metadata is damaged."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import simplejpeg
from PIL import Image, TiffImagePlugin

from simulacra.data.colours import FLOAT, SIGNED, UNSIGNED, WHITE_IS_ZERO, in_srgb
from simulacra.errors import DataError

Size = tuple[int, int]

# Odd things that are counted while pictures are read, as the user reads them.
EXIF = "pictures whose EXIF data cannot be read, which were taken as upright"
STRIPPED = "pictures read without their metadata, which is damaged or huge"
PAGES = "further pages or frames that were not read, beside the first one of each file"

# EXIF orientation -> the operation that turns the stored picture upright.
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Formats that hold several pictures of equal standing. The second picture of an MPO belongs to the first.
PAGED = frozenset({"TIFF", "GIF", "WEBP", "PNG", "AVIF", "HEIF"})

PNG = b"\x89PNG\r\n\x1a\n"
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# Without these a PNG has other pixels.
PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# How a PNG is turned, and what its colours mean: kept for as long as it can be read with them.
MEANING = (frozenset({b"eXIf", b"iCCP"}), frozenset({b"eXIf"}), frozenset({b"iCCP"}), frozenset[bytes]())
JPEG = b"\xff\xd8"
EXIF_START, PROFILE_START = b"Exif\0\0", b"ICC_PROFILE\0"
START_OF_SCAN, COMMENT = 0xDA, 0xFE
SCAN = bytes((0xFF, START_OF_SCAN))
# Progressive pictures have about ten scans, and each is a pass over all pixels. libtiff allows as many.
MOST_SCANS = 100
APPLICATION = range(0xE0, 0xF0)
# JFIF's and Adobe's segments tell what the numbers mean.
KEPT_SEGMENTS = frozenset({0xE0, 0xEE})
# Metadata of a JPEG that may say how the picture must be turned.
TURNING = (b"Exif", b"http://ns.adobe.com/xap/")
COLOURS = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}

# Deep values of a TIFF: sample format, bits, Pillow's mode, and the end of its raw mode.
DEEP = (
    (UNSIGNED, 16, "I", ""),
    (SIGNED, 16, "I", "S"),
    (UNSIGNED, 32, "I", ""),
    (SIGNED, 32, "I", "S"),
    (FLOAT, 32, "F", "F"),
    (FLOAT, 64, "F", "F"),
)
# The raw mode of a compressed file: libtiff has already turned its numbers into this machine's order.
NATIVE: dict[str, str] = {}
for _format, _bits, _mode, _end in DEEP:
    for _order, _big in ((b"II", ""), (b"MM", "B")):
        _raw = f"{_mode};{_bits}{_big}{_end}"
        _same = (_format, _bits) == (UNSIGNED, 16)  # a mode of its own, in both orders
        if not _same:
            NATIVE[_raw] = f"{_mode};{_bits}N{_end}"
        # Pillow's own table lacks integers in the order of Motorola, floats of 64 bits, and where 0 is white. A key is
        # byte order, photometric, sample formats, fill order, bits, extra samples.
        for _photometric in (WHITE_IS_ZERO, 1):
            _key = (_order, _photometric, (_format,), 1, (_bits,), ())
            TiffImagePlugin.OPEN_INFO.setdefault(_key, (_raw if _same else _mode, _raw))


def mend(image: Image.Image) -> None:
    """Corrects the byte order of a compressed TIFF that is opened and not yet loaded."""
    tiles: list[Any] = getattr(image, "tile", [])
    if image.format == "TIFF" and tiles and tiles[0].codec_name == "libtiff":
        image.tile = [  # type: ignore[attr-defined]
            tile._replace(args=(NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:])) for tile in tiles
        ]


def load_usual(data: bytes, shrink: Callable[[Size], int], most: int) -> tuple[Image.Image, Size] | None:
    """Decodes a complete, ordinary JPEG by libjpeg-turbo as Pillow would, or returns None for all other files.

    Args:
        data: what `read_jpeg` gives.
        shrink: from the original (width, height) to the divisor at which to decode it: 1, 2, 4 or 8.
        most: the largest number of pixels that is allowed.

    Returns:
        The image, grey or RGB, and its original width and height in pixels.

    Raises:
        DataError: it is a JPEG that would take minutes.
    """
    if data.startswith(JPEG) and (scans := data.count(SCAN)) > MOST_SCANS:
        raise DataError(f"is a JPEG with {scans:,} scans, which no camera and no program writes; save it again")
    if not data.startswith(JPEG + b"\xff") or any(mark in data for mark in TURNING) or _has_colours_of_its_own(data):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in COLOURS or width * height > most:
            return None
        part = shrink((width, height))
        least = -(-height // part), -(-width // part)
        pixels = simplejpeg.decode_jpeg(data, COLOURS[colours], min_height=least[0], min_width=least[1])
    except ValueError:  # damaged, or of a kind that libjpeg-turbo warns of
        return None
    return Image.fromarray(pixels[:, :, 0] if colours == "Gray" else pixels), (width, height)


def read_jpeg(file: Path | bytes) -> bytes:
    """The bytes of a JPEG, and the first ones of any other file.

    Raises:
        DataError: the path is of a pipe or a device, which may have no end.
        OSError: the file cannot be read.
    """
    if isinstance(file, bytes):
        return file
    if not (file.is_file() or file.is_dir()) and file.exists():
        raise DataError("is a pipe, a socket or a device, and no file")
    with file.open("rb") as opened:
        start = opened.read(len(JPEG))
        return start + opened.read() if start == JPEG else start


def _has_colours_of_its_own(data: bytes) -> bool:
    """Whether a JPEG bears a colour profile that moves colours, as sRGB does not."""
    at = data.find(PROFILE_START)
    if at < 0:
        return False
    start, end = at + len(PROFILE_START), at - 2 + int.from_bytes(data[at - 2 : at], "big")
    pixel = Image.new("RGB", (1, 1))
    try:
        return data[start : start + 2] != b"\1\1" or in_srgb(pixel, data[start + 2 : end]) is not pixel
    except ValueError:
        return True


def orientation(image: Image.Image, odd: list[str]) -> int:
    """The EXIF orientation of an opened picture: a key of UPRIGHT, or 1 if it is upright.

    Args:
        image: opened, loaded or not.
        odd: EXIF is appended if the EXIF data cannot be read.
    """
    try:
        turned = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises almost anything at damaged bytes
        turned = None
    raw = image.info.get("exif")
    # What it could not read when it opened the file, Pillow leaves out the second time.
    if turned is None or (raw and not raw.removeprefix(EXIF_START).startswith((b"II", b"MM"))):
        odd.append(EXIF)
        return 1
    return int(turned) if turned in UPRIGHT else 1


def count_pages(image: Image.Image) -> int:
    """The number of pages or frames of an opened file, which is not loaded yet."""
    if image.format not in PAGED:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later page is damaged, or there are too many: at least those before it are there
        pages = max(2, image.tell() + 1)
        image.seek(0)
        return pages


def without_metadata(data: bytes) -> Iterator[bytes]:
    """Copies of a PNG or JPEG file with less and less metadata; no copies if there is none, or of other formats."""
    if data.startswith(PNG):
        chunks = list(_png_chunks(data))
        kinds = {kind for kind, _ in chunks}
        for kept in (kinds - TEXTS, *(kinds & (PIXELS | meaning) for meaning in MEANING)):
            if kept != kinds:
                yield PNG + b"".join(whole for kind, whole in chunks if kind in kept)
    elif data.startswith(JPEG):
        for beginnings in ((EXIF_START, PROFILE_START), ()):
            less = JPEG + b"".join(_jpeg_segments(data, beginnings))
            if len(less) < len(data):
                yield less


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and whole bytes of each chunk; the last one may be cut short."""
    at = len(PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length


def _jpeg_segments(data: bytes, beginnings: tuple[bytes, ...]) -> Iterator[bytes]:
    """The segments that decide pixels, or whose content begins in one of these ways, and all from the scan on."""
    at = len(JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != START_OF_SCAN:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        beside = marker == COMMENT or (marker in APPLICATION and marker not in KEPT_SEGMENTS)
        if not beside or data[at + 4 : at + 2 + length].startswith(beginnings):
            yield data[at : at + 2 + length]
        at += 2 + length
    yield data[at:]
