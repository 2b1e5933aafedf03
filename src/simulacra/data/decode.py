"""Reads picture files as pixels of a given size, for packing and for uploads."""

import math
import re
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from simulacra.errors import DataError

Size = tuple[int, int]

START = b"\xff\xd8\xff"
# Metadata that may say how the picture must be turned.
ORIENTATION = (b"Exif", b"http://ns.adobe.com/xap/")
COLOURS = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}
# A list, because Pillow also has formats that start other programs (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# A JPEG may be decoded at a smaller size, but not below this many times the size that is needed. The effect is about
# that of another filter: 178 to 64 pixels through 89 differs from the direct way by 0.9 of 255 on average, and Lanczos
# from bicubic by 0.7 (SSIM 0.994 and 0.997).
SPARE = 4 / 3
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
Crop = Literal["center", "none"] | tuple[int, int, int, int]
Box = tuple[float, float, float, float]


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
    if not data.startswith(START) or any(mark in data for mark in ORIENTATION):
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


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        pixels: (H, W, C) uint8, C is 1 (grey) or 3 (RGB).
        original: width and height of the upright file, in pixels.
    """

    pixels: NDArray[np.uint8]
    original: tuple[int, int]


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
    """The part of a picture to keep: `center`, `none`, or the edges of a box in pixels of the upright picture.

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


def read_picture(
    file: Path | bytes, size: tuple[int, int], crop: str = "center", grey: bool = False, most: int | None = None
) -> Picture:
    """Reads, turns upright, crops, flattens over white and resizes one picture.

    Args:
        file: a path, or the file's bytes.
        size: wanted (width, height).
        crop: as in `parse_crop`; `center` is the largest centred box of the wanted aspect, `none` stretches.
        grey: one channel instead of three.
        most: the largest number of pixels that is allowed, for uploads; Pillow's own limit by default.

    Raises:
        DataError: the reason why it cannot be read, without the file's name, which the caller adds.
    """
    box = parse_crop(crop)
    try:
        safe = Image.MAX_IMAGE_PIXELS or 0
        usual = load_usual(file, lambda original: _shrink(original, size, box), min(most or safe, safe))
        if usual is not None:
            return Picture(_fitted(*usual, size, box, grey), usual[1])
        # Pillow's other warnings (EXIF, palettes) are harmless, but a decompression bomb must be refused.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file if isinstance(file, Path) else BytesIO(file), formats=FORMATS) as image:
                if most is not None and image.width * image.height > most:
                    raise DataError(f"has {image.width}x{image.height} pixels, more than the {most:,} that are allowed")
                return _decode(image, size, box, grey)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"has more than the {Image.MAX_IMAGE_PIXELS:,} pixels that are safe to open") from error
    except UnidentifiedImageError as error:
        if not (file.stat().st_size if isinstance(file, Path) else file):
            raise DataError("is empty (0 bytes)") from error
        raise DataError(f"is not a picture in any known format ({', '.join(FORMATS)})") from error
    except MemoryError as error:
        raise DataError("needs more memory than there is") from error
    # Pillow's readers raise almost anything at damaged bytes: OSError, SyntaxError, struct.error, IndexError ...
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # the system's own: no such file, a folder, no permission
            raise DataError(f"cannot be read ({error.strerror})") from error
        raise DataError(f"is damaged or cut short ({str(error) or type(error).__name__})") from error


def fit(image: Image.Image, size: tuple[int, int], crop: Crop, grey: bool) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8 of an upright image, cropped and resized to (width, height) with antialiasing."""
    return _fitted(image, image.size, size, crop, grey)


def _decode(image: Image.Image, size: tuple[int, int], crop: Crop, grey: bool) -> Picture:
    turned = image.getexif().get(0x0112, 1)
    # A TIFF has its upright size before it is loaded, and Pillow turns it.
    sideways = turned in (5, 6, 7, 8) and image.format != "TIFF"
    original = (image.height, image.width) if sideways else image.size
    if image.format in ("JPEG", "MPO"):
        part = _shrink(original, size, crop)
        image.draft(None, (image.width // part, image.height // part))
    image.load()
    upright = image if turned == 1 else ImageOps.exif_transpose(image)
    return Picture(_fitted(upright, original, size, crop, grey), original)


def _shrink(original: tuple[int, int], size: tuple[int, int], crop: Crop) -> int:
    """The divisor of its size at which to decode a JPEG, which takes less time: 1, 2, 4 or 8."""
    left, top, right, bottom = _box(original, size, crop)
    gain = SPARE * max(size[0] / (right - left), size[1] / (bottom - top))
    return next(part for part in (8, 4, 2, 1) if part == 1 or part * gain <= 1)


def _fitted(
    image: Image.Image, original: tuple[int, int], size: tuple[int, int], crop: Crop, grey: bool
) -> NDArray[np.uint8]:
    across, down = image.width / original[0], image.height / original[1]
    left, top, right, bottom = (
        round(edge * scale, 6)
        for edge, scale in zip(_box(original, size, crop), (across, down, across, down), strict=True)
    )
    plain, mode = _flat(image), "L" if grey else "RGB"
    if plain.mode != mode:  # converting to the same mode would copy
        plain = plain.convert(mode)
    if image.size != size or (left, top, right, bottom) != (0, 0, *size):
        # Cropped before resizing, because the filter would otherwise use colours outside the box.
        x, y = math.floor(left), math.floor(top)
        cut = plain.crop((x, y, math.ceil(right), math.ceil(bottom)))
        plain = cut.resize(size, Image.Resampling.BICUBIC, box=(left - x, top - y, right - x, bottom - y))
    pixels = np.asarray(plain, dtype=np.uint8)
    return pixels[:, :, None] if grey else pixels


def _box(original: tuple[int, int], size: tuple[int, int], crop: Crop) -> Box:
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


def _flat(image: Image.Image) -> Image.Image:
    """The image in 8 bits and without transparency, over white."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB") if image.mode == "P" else image


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey values of 16 or 32 bits, or floats, as bytes; the values decide the range, which no format gives."""
    wide = values.astype(np.float64)
    top = wide.max(initial=0.0)
    if np.issubdtype(values.dtype, np.floating) and top <= 1:
        wide *= 255
    elif values.dtype == np.uint16 or top > 255:
        wide /= 257
    return np.clip(np.rint(wide), 0, 255).astype(np.uint8)
