"""A picture and its edits side by side, with what was done below each, as one PNG."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, CAPTION = 144, 10, 26  # pixels of the longer side at least, between pictures, below them
INK, PAPER = (36, 41, 47), (255, 255, 255)


def row_picture(images: NDArray[np.uint8], captions: Sequence[str]) -> bytes:
    """Images (n, H, W, C) in a row as PNG, enlarged so that small ones can be seen, with a caption below each."""
    count, height, width = images.shape[:3]
    scale = max(1, -(-SIDE // max(height, width)))
    wide, tall = width * scale, height * scale
    whole = Image.new("RGB", (count * (wide + GAP) + GAP, tall + 2 * GAP + CAPTION), PAPER)
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = GAP + place * (wide + GAP)
        one = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
        whole.paste(one.resize((wide, tall), Image.Resampling.NEAREST), (left, GAP))
        pen.text((left + wide / 2, tall + GAP + CAPTION / 2), caption, INK, font, anchor="mm")
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()
