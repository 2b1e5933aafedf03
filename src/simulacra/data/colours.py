"""Converts pictures of any mode to 8-bit grey or sRGB: ranges of values, colour profiles and transparency."""

import io
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from simulacra.errors import DataError

# Odd things that are counted while pictures are read, as the user reads them.
PROFILE = "pictures whose colour profile cannot be used and was ignored"
NO_NUMBERS = "pictures with values that are no numbers, which became the darkest"

# Tags of a TIFF, and values of two of them.
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED, SIGNED, FLOAT = 0, 1, 2, 3
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
# Floats within these limits probably mean 0..1, because a resizing filter overshoots a little.
BELOW_ZERO, ABOVE_ONE = -0.25, 8.0
SLACK = 1e-3  # of a range, for floats that were scaled there and back
# Pixels that are converted at a time, where a conversion takes several copies.
STRIP = 2**20
# How far a profile may move a colour, of 255, and still be taken for sRGB.
ALIKE = 3
# The mode in which a picture meets a profile of each kind.
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


class Range(NamedTuple):
    """Two values: `low` becomes 0 and `high` becomes 255. Values outside are cut off."""

    low: float
    high: float

    def __str__(self) -> str:
        """As `parse_values` reads it."""
        return "..".join(np.format_float_positional(value, trim="-") for value in self)


# Ranges that are usual for images, the narrowest first.
USUAL = (Range(0, 1), Range(-1, 1), Range(0, 255))
# Kind of deep picture (a key of KINDS) -> the range that its files have in common.
Scales = dict[str, Range]
KINDS = {"16-bit": "unsigned 16-bit values", "integer": "signed or 32-bit integers", "float": "floats"}


class UnknownRange(DataError):
    """A deep picture is of a kind that the folder's other pictures, whose range is known, are not."""


class Depth(NamedTuple):
    """How values of more than 8 bits were scaled."""

    kind: str  # a key of KINDS
    scale: Range  # which value became 0 and which 255
    extent: Range  # the lowest and the highest value that the picture has


class Plain(NamedTuple):
    """A picture in 8-bit grey or sRGB, without transparency."""

    image: Image.Image  # of mode L or RGB
    depth: Depth | None = None  # how its values were scaled, where they had more than 8 bits
    clear: bool = False  # whether some of it was transparent
    odd: tuple[str, ...] = ()  # what was odd about it, of PROFILE and NO_NUMBERS


def parse_values(text: str) -> Range:
    """The range that `LOW..HIGH` states, as in `0..255`, `-1..1` or `0..4095`.

    Raises:
        DataError: the text is not of that form, or LOW is not below HIGH.
    """
    match = re.fullmatch(rf"\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*", text.lower())
    if match is None:
        raise DataError(f"values {text!r} is not known; write LOW..HIGH, like 0..255, 0..1, -1..1 or 0..4095")
    stated = Range(float(match[1]), float(match[2]))
    if not stated.low < stated.high < float("inf"):
        raise DataError(f"values {text!r} is not known; LOW must be below HIGH, as in 0..4095")
    return stated


def parse_background(text: str) -> tuple[int, int, int]:
    """Red, green and blue from a name like `black` or from `#ff8000`.

    Raises:
        DataError: the text is neither.
    """
    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError as error:
        raise DataError(f"background {text!r} is no colour; write white, black, or #RRGGBB") from error
    return red, green, blue


def to_bytes(values: NDArray[np.generic], scale: Range) -> NDArray[np.uint8]:
    """Values of any number type as bytes: `scale.low` is 0 and `scale.high` is 255. NaN becomes 0."""
    out = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), rows := max(1, STRIP // max(1, values[:1].size))):
        scaled = (values[start : start + rows].astype(np.float64) - scale.low) * (255 / (scale.high - scale.low))
        out[start : start + rows] = np.rint(np.clip(np.nan_to_num(scaled, nan=0, posinf=255, neginf=0), 0, 255))
    return out


def extent_of(values: NDArray[np.generic]) -> Range:
    """The lowest and the highest finite value; (0, 0) where there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return Range(float(values.min()), float(values.max())) if values.size else Range(0.0, 0.0)


def joined(extents: Iterable[Range]) -> Range:
    """The smallest range that holds all the others, of which there is at least one."""
    lows, highs = zip(*extents, strict=True)
    return Range(min(lows), max(highs))


def usual_range(extent: Range, candidates: Iterable[Range] = USUAL) -> Range | None:
    """The first of the candidates that holds all values, or None."""
    for scale in candidates:
        slack = SLACK * (scale.high - scale.low)
        if scale.low - slack <= extent.low and extent.high <= scale.high + slack:
            return scale
    return None


def overshoots(extent: Range, scale: Range) -> bool:
    """Whether floats leave 0..1 so little that they probably mean 0..1, and not the wider range."""
    return (scale == Range(-1, 1) and extent.low > BELOW_ZERO) or (scale == Range(0, 255) and extent.high < ABOVE_ONE)


def range_of_files(extent: Range, floats: bool) -> Range:
    """The scale of pictures whose format states none: a usual range that holds all values, else their own extent.

    Args:
        extent: of all pictures of this kind.
        floats: whether the values are floats; whole numbers are never of -1..1.
    """
    scale = usual_range(extent, USUAL if floats else (Range(0, 1), Range(0, 255)))
    if scale is not None:
        return scale
    low = extent.low if floats else min(0.0, extent.low)
    return Range(low, extent.high) if low < extent.high else Range(low, low + max(1.0, abs(low)))


def to_plain(image: Image.Image, background: str = "white", scales: Scales | None = None) -> Plain:
    """A loaded picture of any mode as grey or RGB of 8 bits, in sRGB and without transparency.

    Args:
        image: upright or not; it is not changed.
        background: what transparent parts lie over, as in `parse_background`.
        scales: the range of each kind of deep picture; with None, the values of this picture decide.

    Raises:
        UnknownRange: the picture's kind of values is not among the scales.
    """
    if image.mode in ("L", "RGB") and not image.info:  # nothing to interpret
        return Plain(image)
    depth, odd = None, []
    profile, alpha = image.info.get("icc_profile"), _alpha(image)
    if image.mode.startswith(("I", "F")):
        image, depth, finite = _from_deep(image, scales)
        odd += [] if finite else [NO_NUMBERS]
    elif image.mode == "L" and tag(image, SAMPLE_FORMAT) == SIGNED:  # Pillow takes -1 for 255
        image = Image.fromarray(np.asarray(image) ^ 128)
    image = _basic(image)
    if profile and image.mode != "LAB":
        try:
            image = in_srgb(image, profile)
        except ValueError:
            odd.append(PROFILE)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if alpha is None or alpha.getextrema()[0] == 255:
        return Plain(image, depth, False, tuple(odd))
    return Plain(_over(image, alpha, parse_background(background)), depth, True, tuple(odd))


def _over(image: Image.Image, alpha: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """A picture (L or RGB) that is as opaque as `alpha` says, over a colour; strip by strip, which saves memory."""
    whole = Image.new("RGB", image.size)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        box = 0, top, image.width, min(top + rows, image.height)
        layer = image.crop(box).convert("RGBA")
        layer.putalpha(alpha.crop(box))
        ground = Image.new("RGBA", layer.size, colour)
        whole.paste(Image.alpha_composite(ground, layer).convert("RGB"), box)
    return whole


def _alpha(image: Image.Image) -> Image.Image | None:
    """How opaque the picture is, of mode L; None where nothing says that it is transparent."""
    if not image.has_transparency_data:
        return None
    if image.mode in ("La", "RGBa"):
        return image.getchannel("a")
    key = image.info.get("transparency")
    if isinstance(key, int) and image.mode.startswith(("1", "I")):  # Pillow has no such conversion
        clear = np.asarray(image) == (bool(key) if image.mode == "1" else key)
        return Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
    return (image if image.mode == "RGBA" else image.convert("RGBA")).getchannel("A")


def _basic(image: Image.Image) -> Image.Image:
    """The same colours in a mode that profiles know: L, RGB, CMYK or LAB; transparency is dropped."""
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    straight = image.convert(image.mode.upper()) if image.mode in ("La", "RGBa") else image
    return straight.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


def tag(image: Image.Image, number: int) -> Any:
    """The first value of a tag; None where the picture has none, or comes from no TIFF."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value


def kind_of_depth(image: Image.Image) -> str | None:
    """The key of KINDS that an opened picture has, from its mode; None where it has 8 bits at most."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PPM", "PNG")):
        return "16-bit"
    return {"I": "integer", "F": "float"}.get(image.mode)


def deep_values(image: Image.Image) -> NDArray[np.generic]:
    """The (H, W) values of a picture of 16 or 32 bits, or of floats."""
    values = np.asarray(image)
    # Pillow takes all integers of 32 bits for signed ones.
    unsigned = tag(image, BITS) == 32 and tag(image, SAMPLE_FORMAT) in (None, UNSIGNED)
    return values.view(np.uint32) if image.mode == "I" and unsigned else values


def _from_deep(image: Image.Image, scales: Scales | None) -> tuple[Image.Image, Depth, bool]:
    """The picture in 8 bits, by which scale, and whether all of its values are numbers."""
    kind, values = kind_of_depth(image) or "integer", deep_values(image)
    extent = extent_of(values)
    if scales is not None and kind in scales:
        scale = scales[kind]
    elif kind == "16-bit":
        scale = Range(0, 4095 if tag(image, BITS) == 12 else 65535)
    elif scales is None:
        scale = range_of_files(extent, kind == "float")
    else:
        raise UnknownRange(f"has {KINDS[kind]}, and which of them is black and which white is not known")
    pixels = to_bytes(values, scale)
    if tag(image, PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow turns over pictures of 8 bits alone
        pixels = 255 - pixels
    return Image.fromarray(pixels), Depth(kind, scale, extent), bool(np.isfinite(values).all())


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture with its colours as a profile means them; itself where the profile is sRGB or as good as that.

    Args:
        image: of mode L, RGB or CMYK.
        profile: the content of an ICC profile.

    Raises:
        ValueError: the profile is damaged, or is one for pictures of another kind.
    """
    from PIL import ImageCms

    mode, changes = _transform(profile)
    if image.mode == "L" and mode == "RGB":  # grey pictures often bear the profile of the screen they were made at
        image = image if changes is None else image.convert("RGB")
    elif image.mode != mode:
        raise ValueError(f"a profile for {mode} in a picture of {image.mode}")
    return image if changes is None else ImageCms.applyTransform(image, changes) or image


@lru_cache(maxsize=64)
def _transform(profile: bytes) -> tuple[str, Any]:
    """The mode that a profile is for, and its transform to sRGB; None in its place where that changes nothing."""
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = SPACES[opened.profile.xcolor_space.strip()]
        changes = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("no profile that can be used") from error
    if mode == "CMYK":
        return mode, changes
    levels = np.arange(0, 256, 1 if mode == "L" else 15, dtype=np.uint8)
    # Colours from all over the space.
    colours = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    probe = Image.fromarray(colours)
    moved = np.asarray(ImageCms.applyTransform(probe, changes), np.int16) - np.asarray(probe.convert("RGB"))
    return mode, None if np.abs(moved).max() <= ALIKE else changes
