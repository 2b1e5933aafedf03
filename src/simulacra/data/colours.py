"""Converts pictures of any mode to 8-bit grey or sRGB: deep values, colour profiles and transparency."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from simulacra.data.tiff import BITS, PHOTOMETRIC, SAMPLE_FORMAT, SIGNED, UNSIGNED, WHITE_IS_ZERO, tag
from simulacra.data.values import Range, extent_of, range_of_files, to_bytes
from simulacra.errors import DataError

# Odd things that are counted while pictures are read, as the user reads them.
PROFILE = "pictures whose colour profile cannot be used and was ignored"
NO_NUMBERS = "pictures with values that are no numbers, which became the darkest"

# How far a profile may move a colour, of 255, and still be taken for sRGB.
ALIKE = 3
# The mode in which a picture meets a profile of each kind.
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

# Kind of deep picture (a key of KINDS) -> the range that its files have in common.
Scales = dict[str, Range]
KINDS = {"16-bit": "unsigned 16-bit values", "integer": "signed or 32-bit integers", "float": "floats"}


class UnknownRange(DataError):
    """A deep picture is of a kind that the folder's other pictures, whose range is known, are not."""


class Depth(NamedTuple):
    """How values of more than 8 bits were scaled.

    Attributes:
        kind: a key of KINDS.
        scale: which value became 0 and which 255.
        extent: the lowest and the highest value that the picture has.
    """

    kind: str
    scale: Range
    extent: Range


class Plain(NamedTuple):
    """A picture in 8-bit grey or sRGB, without transparency.

    Attributes:
        image: of mode L or RGB.
        depth: how its values were scaled, where they had more than 8 bits.
        clear: whether some of it was transparent.
        odd: what was odd about it, of PROFILE and NO_NUMBERS.
    """

    image: Image.Image
    depth: Depth | None = None
    clear: bool = False
    odd: tuple[str, ...] = ()


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
    layer = image.convert("RGBA")
    layer.putalpha(alpha)
    ground = Image.new("RGBA", layer.size, parse_background(background))
    return Plain(Image.alpha_composite(ground, layer).convert("RGB"), depth, True, tuple(odd))


def _alpha(image: Image.Image) -> Image.Image | None:
    """How opaque the picture is, of mode L; None where nothing says that it is transparent."""
    if not image.has_transparency_data:
        return None
    if image.mode in ("La", "RGBa"):
        return image.getchannel("a")
    key = image.info.get("transparency")
    if isinstance(key, int) and image.mode.startswith(("1", "I")):  # Pillow has no such conversion
        values = np.asarray(image)
        clear = values == (bool(key) if image.mode == "1" else key)
        return Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
    return image.convert("RGBA").getchannel("A")


def _basic(image: Image.Image) -> Image.Image:
    """The same colours in a mode that profiles know: L, RGB, CMYK or LAB; transparency is dropped."""
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    straight = image.convert(image.mode.upper()) if image.mode in ("La", "RGBa") else image
    return straight.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


def kind_of_depth(image: Image.Image) -> str | None:
    """The key of KINDS that an opened picture has, from its mode; None where it has 8 bits at most."""
    if image.mode.startswith("I;16"):
        return "16-bit"
    if image.mode == "I":
        return "16-bit" if image.format in ("PPM", "PNG") else "integer"
    return "float" if image.mode == "F" else None


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
    # Of such pictures Pillow mends only those of 8 bits.
    if tag(image, PHOTOMETRIC) == WHITE_IS_ZERO:
        pixels = 255 - pixels
    whole = values.dtype.kind != "f" or bool(np.isfinite(values).all())
    return Image.fromarray(pixels), Depth(kind, scale, extent), whole


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
        if changes is None:
            return image
        image = image.convert("RGB")
    if image.mode != mode:
        raise ValueError(f"a profile for {mode} in a picture of {image.mode}")
    return image if changes is None else ImageCms.applyTransform(image, changes) or image


@lru_cache(maxsize=64)
def _transform(profile: bytes) -> tuple[str, Any]:
    """The mode that a profile is for, and its transform to sRGB; None in its place where that changes nothing."""
    import io

    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = SPACES[opened.profile.xcolor_space.strip()]
        changes = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("no profile that can be used") from error
    probe = _probe(mode)
    if probe is not None:
        moved = np.asarray(ImageCms.applyTransform(probe, changes), np.int16) - np.asarray(probe.convert("RGB"))
        if np.abs(moved).max() <= ALIKE:
            return mode, None
    return mode, changes


def _probe(mode: str) -> Image.Image | None:
    """A picture of colours from all over the space, or None where no profile leaves them as they are."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    if mode == "RGB":
        levels = np.arange(0, 256, 15, dtype=np.uint8)
        return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3))
    return None
