"""Metadata of picture files: orientation, number of pages, and files without their damaged metadata."""

import struct
from collections.abc import Iterator

from PIL import Image

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

EXIF_START = b"Exif\0\0"
PNG = b"\x89PNG\r\n\x1a\n"
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# Without these a PNG has other pixels.
PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# How a PNG is turned, and what its colours mean: kept for as long as it can be read with them.
MEANING = (frozenset({b"eXIf", b"iCCP"}), frozenset({b"eXIf"}), frozenset({b"iCCP"}), frozenset[bytes]())
JPEG = b"\xff\xd8"
START_OF_SCAN, COMMENT = 0xDA, 0xFE
APPLICATION = range(0xE0, 0xF0)
# JFIF's and Adobe's segments tell what the numbers mean.
KEPT_SEGMENTS = frozenset({0xE0, 0xEE})
MEANING_OF_JPEG = (EXIF_START, b"ICC_PROFILE\0")


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
    except Exception:  # a later page is damaged: one there is
        image.seek(0)
        return 2


def without_metadata(data: bytes) -> Iterator[bytes]:
    """Copies of a PNG or JPEG file with less and less metadata; no copies if there is none, or of other formats."""
    if data.startswith(PNG):
        chunks = list(_png_chunks(data))
        kinds = {kind for kind, _ in chunks}
        for kept in (kinds - TEXTS, *(kinds & (PIXELS | meaning) for meaning in MEANING)):
            if kept != kinds:
                yield PNG + b"".join(whole for kind, whole in chunks if kind in kept)
    elif data.startswith(JPEG):
        for meaning in (MEANING_OF_JPEG, ()):
            less = JPEG + b"".join(_jpeg_segments(data, meaning))
            if len(less) < len(data):
                yield less


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and whole bytes of each chunk; the last one may be cut short."""
    at = len(PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length


def _jpeg_segments(data: bytes, meaning: tuple[bytes, ...]) -> Iterator[bytes]:
    """The segments that decide pixels, or whose content starts with one of `meaning`, and all from the scan on."""
    at = len(JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != START_OF_SCAN:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        beside = marker == COMMENT or (marker in APPLICATION and marker not in KEPT_SEGMENTS)
        if not beside or (meaning and data[at + 4 : at + 2 + length].startswith(meaning)):
            yield data[at : at + 2 + length]
        at += 2 + length
    yield data[at:]
