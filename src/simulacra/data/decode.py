"""Reads picture files, uploads and pictures of Pillow as pixels of a given size."""

import math
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from simulacra.data.codecs import (
    EXIF_START,
    PAGES,
    STRIPPED,
    UPRIGHT,
    Size,
    count_pages,
    load_usual,
    mend,
    orientation,
    read_jpeg,
    without_metadata,
)
from simulacra.data.colours import Depth, Range, Scales, deep_values, extent_of, kind_of_depth, to_plain
from simulacra.errors import DataError

# A list, because Pillow also has formats that start other programs (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
# HEIC is read by pillow-heif, which is an optional package.
SUFFIXES = frozenset(
    {
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpx", ".jpf", ".heic", ".heif", ".hif"),
    }
)
# Files of these endings may hold integers of 32 bits or floats.
DEEP_SUFFIXES = frozenset({".tif", ".tiff", ".pfm"})
# A JPEG may be decoded at a smaller size, but not below this many times the size that is needed. The effect is about
# that of another filter: 178 to 64 pixels through 89 differs from the direct way by 0.9 of 255 on average, and Lanczos
# from bicubic by 0.7 (SSIM 0.994 and 0.997).
SPARE = 4 / 3
# A picture's metadata and pages may be read in so many parts, of which usual pictures have less than a hundred. Pillow
# takes about a second for a million; it joins segments of EXIF in a time that grows with the square of their number.
MOST_PARTS, MOST_EXIF = 100_000, 64

Crop = Literal["center", "none"] | tuple[int, int, int, int]
Box = tuple[float, float, float, float]


class Picture(NamedTuple):
    """A decoded picture."""

    pixels: NDArray[np.uint8]  # (H, W, C) uint8, C is 1 (grey) or 3 (RGB)
    original: tuple[int, int]  # width and height of the upright file, in pixels
    # What was odd about the file, as words that are counted, and how often it occurs there.
    odd: tuple[tuple[str, int], ...] = ()
    depth: Depth | None = None  # how its values were scaled, where they had more than 8 bits
    clear: bool = False  # whether some of it was transparent


class TooManyPixels(DataError):
    """A picture claims to be so large that it is not opened.

    Args:
        message: as for DataError.
        pixels: how many it claims to have.
    """

    def __init__(self, message: str, pixels: int = 0) -> None:
        super().__init__(message)
        self.pixels = pixels


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from `64` or `64x48`.

    Raises:
        DataError: the text is neither, or a side is not within 1..4096.
    """
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if match is None:
        raise DataError(f"size {text!r} is not understood; write 64 for a square or 64x48 for width x height")
    width = int(match[1])
    size = width, int(match[2] or width)
    if not all(1 <= side <= 4096 for side in size):
        raise DataError(f"size {text!r} is out of range; a side has 1 to 4096 pixels")
    return size


def parse_crop(text: str) -> Crop:
    """What to keep of a picture: `center`, `none`, or the four corners of a box in the upright picture's pixels.

    Raises:
        DataError: the text is none of these, or the box is empty.
    """
    word = text.strip().lower()
    if word == "center":
        return "center"
    if word == "none":
        return "none"
    if re.fullmatch(r"\d+(\s*,\s*\d+){3}", word) is None:
        raise DataError(f"crop {text!r} is not understood; write center, none, or LEFT,TOP,RIGHT,BOTTOM in pixels")
    left, top, right, bottom = (int(number) for number in word.split(","))
    if left >= right or top >= bottom:
        raise DataError(f"crop {text!r} is an empty box; RIGHT must exceed LEFT and BOTTOM must exceed TOP")
    return left, top, right, bottom


class Meaning(TypedDict, total=False):
    """What `read_picture` and `convert_picture` know about the numbers of a picture."""

    background: str
    scales: Scales


def meaning_of(card: Mapping[str, Any]) -> Meaning:
    """How a single picture is read as the pictures of a data set were, by the set's card."""
    meaning: Meaning = {}
    if card.get("background"):
        meaning["background"] = card["background"]
    if card.get("scales"):
        meaning["scales"] = {kind: Range(*scale) for kind, scale in card["scales"].items()}
    return meaning


class _Form(NamedTuple):
    """How pictures are to come: as the arguments of `read_picture` say."""

    size: Size
    crop: Crop
    grey: bool
    background: str
    scales: Scales | None


def read_picture(
    file: Path | bytes,
    size: Size,
    crop: str = "center",
    grey: bool = False,
    most: int | None = None,
    *,
    background: str = "white",
    scales: Scales | None = None,
) -> Picture:
    """Reads, turns upright, crops, flattens and resizes one picture.

    Args:
        file: a path, or the file's bytes.
        size: wanted (width, height).
        crop: as in `parse_crop`; `center` is the largest centred box of the wanted aspect, `none` stretches.
        grey: one channel instead of three.
        most: the largest number of pixels that is allowed; Pillow's own limit by default.
        background: what transparent parts lie over, as in `colours.parse_background`.
        scales: ranges of values of more than 8 bits, as in `colours.to_plain`.

    Raises:
        TooManyPixels: it has more than it may have.
        UnknownRange: `scales` lacks the kind of its values.
        DataError: why it cannot be read, without the file's name (the caller knows it best).
    """
    form = _Form(size, parse_crop(crop), grey, background, scales)
    limit = _limit(most)
    with _in_words(limit):
        jpeg = read_jpeg(file)
        usual = load_usual(jpeg, lambda original: _shrink(original, size, form.crop), limit)
        if usual is not None:
            return Picture(_fitted(*usual, size, form.crop, grey), usual[1])
        with _lenient(limit):
            return _read_by_pillow(file, form, limit, strip=jpeg.count(EXIF_START) > MOST_EXIF)


def convert_picture(
    image: Image.Image,
    size: Size,
    crop: str = "center",
    grey: bool = False,
    *,
    background: str = "white",
    scales: Scales | None = None,
) -> Picture:
    """Converts a picture that Pillow has opened or made, as `read_picture` converts a file.

    Raises:
        DataError: the crop does not fit, or the file behind the picture is damaged.
    """
    pixels = image.width * image.height
    with _in_words(pixels), _lenient(pixels):
        return _decode(image, _Form(size, parse_crop(crop), grey, background, scales), by_parts=False)


def fit(pixels: NDArray[np.uint8], size: Size, crop: Crop, grey: bool) -> Picture:
    """A picture from pixels (H, W, C) that are upright, grey or RGB, cropped and resized to (width, height)."""
    height, width, channels = pixels.shape
    if (width, height) != size or channels != (1 if grey else 3) or crop not in ("center", "none"):
        image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))
        pixels = _fitted(image, (width, height), size, crop, grey)
    return Picture(pixels, (width, height))


def measure_depth(file: Path, most: int | None = None) -> tuple[str, Range] | None:
    """The kind of a deep picture whose format states no range, and the lowest and the highest value that it has.

    Args:
        file: its path.
        most: pixels that it may have; what Pillow calls safe by default.

    Returns:
        a key of `colours.KINDS` and the extent; None where the format states the range, as it does up to 16 bits.

    Raises:
        DataError: it cannot be read.
    """
    limit = _limit(most)
    with _in_words(limit), _lenient(limit), _opened(file) as image:
        kind = kind_of_depth(image)
        if kind in (None, "16-bit"):
            return None
        mend(image)
        image.load()
        return kind, extent_of(deep_values(image))


def _limit(most: int | None) -> int:
    """Pixels that a picture may have: so many, or what Pillow calls safe, unless a program has lifted that."""
    return most or Image.MAX_IMAGE_PIXELS or sys.maxsize


@contextmanager
def _in_words(limit: int) -> Iterator[None]:
    """Raises a DataError in place of whatever error a picture causes."""
    try:
        yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        claimed = re.search(r"\((\d+) pixels\)", str(error))
        message = f"has more than the {limit:,} pixels that are safe to open"
        raise TooManyPixels(message, int(claimed[1]) if claimed else 0) from error
    except MemoryError as error:
        raise DataError("needs more memory than there is") from error
    except _TooManyParts as error:
        raise DataError("has too many frames, pages or texts to be opened; save it as a single picture") from error
    # Pillow's readers raise almost anything at damaged bytes: OSError, SyntaxError, struct.error, IndexError ...
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # the system's own: no such file, a folder, no permission
            raise DataError(f"cannot be read ({error.strerror})") from error
        raise DataError(f"is damaged or cut short ({str(error) or type(error).__name__})") from error


_LIMIT = threading.Lock()


@contextmanager
def _lenient(pixels: int) -> Iterator[None]:
    """Lets Pillow open pictures of so many pixels, and keeps its warnings to itself."""
    with warnings.catch_warnings():
        # Pillow warns of harmless oddities (EXIF, palettes); of a decompression bomb only its refusal will do.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        safe = Image.MAX_IMAGE_PIXELS
        if safe is None or pixels <= safe:
            yield
            return
        with _LIMIT:  # Pillow keeps its limit in one place for all threads
            Image.MAX_IMAGE_PIXELS = pixels
            try:
                yield
            finally:
                Image.MAX_IMAGE_PIXELS = safe


def _read_by_pillow(file: Path | bytes, form: _Form, limit: int, *, strip: bool) -> Picture:
    """Reads a picture by Pillow; if that fails, once more without the metadata. With `strip`, it is not tried first."""
    try:
        if strip:
            raise ValueError("it has more metadata than is read")
        return _open_and_decode(file, form, limit)
    except (DataError, MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        data = file if isinstance(file, bytes) else file.read_bytes()
        for less in without_metadata(data):
            with suppress(Exception):
                picture = _open_and_decode(less, form, limit)
                return picture._replace(odd=(*picture.odd, (STRIPPED, 1)))
        if isinstance(error, UnidentifiedImageError):
            raise DataError(_unknown(data)) from error
        raise


def _open_and_decode(file: Path | bytes, form: _Form, limit: int) -> Picture:
    with _opened(file) as image:
        pixels = image.width * image.height
        if pixels > limit:
            size = f"{image.width}x{image.height}"
            raise TooManyPixels(f"has {size} pixels, more than the {limit:,} that are allowed", pixels)
        return _decode(image, form)


@contextmanager
def _opened(file: Path | bytes) -> Iterator[Image.Image]:
    """An opened picture of one of FORMATS, or of HEIC where pillow-heif is installed."""
    with _File(file.open("rb", buffering=0)) if isinstance(file, Path) else _Content(file) as content:
        try:
            image: Image.Image = Image.open(content, formats=FORMATS)
        except UnidentifiedImageError:
            if not _is_heic(file):
                raise
            image = _open_heic(content)
        with image:
            yield image


def _open_heic(content: Any) -> Image.Image:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise DataError("is a HEIC picture, which takes one more package: pip install pillow-heif") from error
    register_heif_opener()
    content.seek(0)
    return Image.open(content, formats=("HEIF",))


class _TooManyParts(ValueError):
    """A header, or a list of pages, has so many parts that reading it would take minutes."""


class _Counted:
    """Counts the parts that are read of a file before its pixels."""

    parts: float = MOST_PARTS

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file. Raises _TooManyParts: it was asked too often."""
        self.parts -= 1
        if self.parts < 0:
            raise _TooManyParts
        return super().read(size)  # type: ignore[misc]  # of the file that this is mixed into


class _File(_Counted, BufferedReader):
    """A file on disk."""


class _Content(_Counted, BytesIO):
    """The content of a file."""


def _is_heic(file: Path | bytes) -> bool:
    """Whether a file begins as HEIC does; AVIF, which has the same frame, has other names in it."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            file = opened.read(64)
    return file[4:8] == b"ftyp" and any(brand in file[8:64] for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc"))


def _unknown(data: bytes) -> str:
    """Why a file is not read that no reader takes for a picture of its own."""
    if not data:
        return "is empty (0 bytes)"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "is a damaged TIFF, or one of a kind that is not read (such as floats in colour); save it as PNG"
    return f"is not a picture in any known format ({', '.join(FORMATS)})"


def _decode(image: Image.Image, form: _Form, by_parts: bool = True) -> Picture:
    """An opened picture as it is wanted; by parts, a JPEG is decoded smaller, and pages are counted."""
    odd: list[str] = []
    further = count_pages(image) - 1 if by_parts else 0
    turned = orientation(image, odd)
    # A TIFF has its upright size from the start, and is turned as it is loaded.
    stored = turned if image.format != "TIFF" else 1
    original = (image.height, image.width) if stored >= 5 else image.size
    if by_parts and image.format in ("JPEG", "MPO"):
        part = _shrink(original, form.size, form.crop)
        image.draft(None, (image.width // part, image.height // part))
    mend(image)
    if isinstance(getattr(image, "fp", None), _Counted):
        image.fp.parts = math.inf  # type: ignore[attr-defined]  # pixels come in as many parts as there are
    image.load()
    plain = to_plain(image if stored == 1 else image.transpose(UPRIGHT[stored]), form.background, form.scales)
    pixels = _fitted(plain.image, original, form.size, form.crop, form.grey)
    counted = [*((what, 1) for what in (*odd, *plain.odd)), *([(PAGES, further)] if further else [])]
    return Picture(pixels, original, tuple(counted), plain.depth, plain.clear)


def _shrink(original: Size, size: Size, crop: Crop) -> int:
    """At what part of its size a JPEG is to be decoded, for less work, by a filter of its own: 1, 2, 4 or 8."""
    left, top, right, bottom = _box(original, size, crop)
    gain = SPARE * max(size[0] / (right - left), size[1] / (bottom - top))
    return next(part for part in (8, 4, 2, 1) if part == 1 or part * gain <= 1)


def _fitted(plain: Image.Image, original: Size, size: Size, crop: Crop, grey: bool) -> NDArray[np.uint8]:
    """Pixels of a picture of mode L or RGB, which may have been decoded at a part of its original size."""
    across, down = plain.width / original[0], plain.height / original[1]
    left, top, right, bottom = (
        round(edge * scale, 6)
        for edge, scale in zip(_box(original, size, crop), (across, down, across, down), strict=True)
    )
    mode = "L" if grey else "RGB"
    if plain.mode != mode:  # to convert to the same is to copy
        plain = plain.convert(mode)
    if plain.size != size or (left, top, right, bottom) != (0, 0, *size):
        # Cut before resizing: the filter would else reach for colours beyond the box.
        x, y = math.floor(left), math.floor(top)
        cut = x, y, math.ceil(right), math.ceil(bottom)
        whole = plain if cut == (0, 0, *plain.size) else plain.crop(cut)  # to cut nothing off is to copy
        plain = whole.resize(size, Image.Resampling.BICUBIC, box=(left - x, top - y, right - x, bottom - y))
    pixels = np.asarray(plain, dtype=np.uint8)
    return pixels[:, :, None] if grey else pixels


def _box(original: Size, size: Size, crop: Crop) -> Box:
    width, height = original
    if crop == "none":
        return 0, 0, width, height
    if crop == "center":
        scale = min(width / size[0], height / size[1])
        across, down = size[0] * scale, size[1] * scale
        return (width - across) / 2, (height - down) / 2, (width + across) / 2, (height + down) / 2
    if crop[2] > width or crop[3] > height:
        raise DataError(f"is {width}x{height}, too small for the crop {','.join(map(str, crop))}")
    return crop
