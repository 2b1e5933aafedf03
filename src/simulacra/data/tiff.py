"""Corrects how Pillow reads TIFF files with deep values: some it refuses, and some it reads in the wrong byte order."""

from typing import Any

from PIL import Image, TiffImagePlugin

BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED, SIGNED, FLOAT = 0, 1, 2, 3

# (byte order, photometric, sample formats, fill order, bits, extra samples): mode, raw mode. Of these Pillow's own
# table lacks some: integers of 32 bits in the order of Motorola, floats of 64 bits, and where 0 is white.
READABLE = {
    (b"II", UNSIGNED, 16): ("I;16", "I;16"),
    (b"MM", UNSIGNED, 16): ("I;16B", "I;16B"),
    (b"II", SIGNED, 16): ("I", "I;16S"),
    (b"MM", SIGNED, 16): ("I", "I;16BS"),
    (b"II", UNSIGNED, 32): ("I", "I;32"),
    (b"MM", UNSIGNED, 32): ("I", "I;32B"),
    (b"II", SIGNED, 32): ("I", "I;32S"),
    (b"MM", SIGNED, 32): ("I", "I;32BS"),
    (b"II", FLOAT, 32): ("F", "F;32F"),
    (b"MM", FLOAT, 32): ("F", "F;32BF"),
    (b"II", FLOAT, 64): ("F", "F;64F"),
    (b"MM", FLOAT, 64): ("F", "F;64BF"),
}
for (_order, _format, _bits), _modes in READABLE.items():
    for _photometric in (WHITE_IS_ZERO, 1):
        TiffImagePlugin.OPEN_INFO.setdefault((_order, _photometric, (_format,), 1, (_bits,), ()), _modes)

# What a compressed file's numbers come as: libtiff has already turned them into this machine's order.
NATIVE = {
    **dict.fromkeys(("I;16S", "I;16BS"), "I;16NS"),
    **dict.fromkeys(("I;32", "I;32B"), "I;32N"),
    **dict.fromkeys(("I;32S", "I;32BS"), "I;32NS"),
    **dict.fromkeys(("F;32F", "F;32BF"), "F;32NF"),
    **dict.fromkeys(("F;64F", "F;64BF"), "F;64NF"),
}


def mend(image: Image.Image) -> None:
    """Corrects the byte order of a compressed TIFF that is opened and not yet loaded."""
    tiles: list[Any] = getattr(image, "tile", [])
    if image.format == "TIFF" and tiles and tiles[0].codec_name == "libtiff":
        image.tile = [  # type: ignore[attr-defined]
            tile._replace(args=(NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:])) for tile in tiles
        ]


def tag(image: Image.Image, number: int) -> Any:
    """The first value of a tag; None where the picture has none, or comes from no TIFF."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value
