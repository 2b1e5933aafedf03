"""Decodes complete, ordinary JPEG files by libjpeg-turbo alone, to the pixels that Pillow would give."""

from collections.abc import Callable
from pathlib import Path

import simplejpeg
from PIL import Image

from simulacra.data.colours import in_srgb

Size = tuple[int, int]

START = b"\xff\xd8\xff"
# Metadata that may say how the picture must be turned.
ORIENTATION = (b"Exif", b"http://ns.adobe.com/xap/")
PROFILE_MARK = b"ICC_PROFILE\0"
COLOURS = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}


def load_usual(file: Path | bytes, shrink: Callable[[Size], int], most: int) -> tuple[Image.Image, Size] | None:
    """Decodes a complete, ordinary JPEG as Pillow would, or returns None for all other files.

    Args:
        file: a path, or the file's bytes.
        shrink: from the original (width, height) to the divisor at which to decode it: 1, 2, 4 or 8.
        most: the largest number of pixels that is allowed.

    Returns:
        The image, grey or RGB, and its original width and height in pixels.

    Raises:
        OSError: the file cannot be read.
    """
    data = _bytes(file) if isinstance(file, Path) else file
    if not data.startswith(START) or any(mark in data for mark in ORIENTATION) or _has_colours_of_its_own(data):
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


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(len(START))
        return start + file.read() if start == START else start


def _has_colours_of_its_own(data: bytes) -> bool:
    """Whether a JPEG bears a colour profile that moves colours, as sRGB does not."""
    at = data.find(PROFILE_MARK)
    if at < 0:
        return False
    start, length = at + len(PROFILE_MARK), int.from_bytes(data[at - 2 : at], "big")
    if data[start : start + 2] != b"\1\1":  # in several pieces
        return True
    pixel = Image.new("RGB", (1, 1))
    try:
        return in_srgb(pixel, data[start + 2 : at - 2 + length]) is not pixel
    except ValueError:
        return True
