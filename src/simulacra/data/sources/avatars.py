"""Cartoon faces made on the spot, with known truth: no download, any number, any size.

Art: Avataaars by Pablo Stanley (https://avataaars.com), free for personal and commercial use, as the package
dicebear-styles brings it; drawn by resvg. Picture i depends on (seed, i) alone, so a longer set starts with a shorter.
"""

import io
import json
import re
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from dicebear import Avatar, Style
from PIL import Image

from simulacra.data.decode import Picture, fit
from simulacra.data.sources import avatar_parts as parts
from simulacra.data.sources.base import Options, Source, identity_of
from simulacra.data.workers import read_all
from simulacra.errors import DataError
from simulacra.seeds import stream

COUNT, SIZE = 6_000, (64, 64)
# Raise when the same seed draws other pictures than before.
REVISION = 1
LABELS = (
    "Smiling", "Eyeglasses", "Beard", "Mustache", "Long_Hair", "Wearing_Hat", "Bald", "Eyes_Closed", "Dark_Skin",
    "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Red_Hair", "Male",
)  # fmt: skip
LICENCE = "Avataaars by Pablo Stanley (https://avataaars.com): free for personal and commercial use"
# Every categorical parameter and the values that its code counts through.
CODES: dict[str, tuple[str, ...]] = {
    "male": ("0", "1"),
    "top": ("none", *parts.LONG_HAIR, *parts.SHORT_HAIR, *parts.HATS),
    "facial_hair": ("none", *parts.BEARDS, *parts.MUSTACHES),
    "mouth": (*parts.SMILES, *parts.OTHER_MOUTHS),
    "eyes": (*parts.OPEN_EYES, *parts.CLOSED_EYES),
    "eyebrows": tuple(parts.EYEBROWS),
    "glasses": ("none", *parts.CLEAR_GLASSES, *parts.DARK_GLASSES),
    "clothes": tuple(parts.CLOTHES),
    "skin": (*parts.LIGHT_SKIN, *parts.DARK_SKIN),
    "hair_color": tuple(color for colors in parts.HAIR_COLORS.values() for color in colors),
    "hat_color": tuple(parts.HAT_COLORS),
    "glasses_color": tuple(parts.GLASSES_COLORS),
    "clothes_color": tuple(parts.CLOTHES_COLORS),
    "background": tuple(parts.BACKGROUNDS),
    "mirror": ("none", "horizontal"),
}
FACTORS = (*CODES, *parts.PLACING)
# The style's option -> our parameter.
ALWAYS = {
    "scale": "scale",
    "rotate": "rotation",
    "translateX": "shift_x",
    "translateY": "shift_y",
    "flip": "mirror",
    "backgroundColor": "background",
    "skinColor": "skin",
    "clothesVariant": "clothes",
    "clothesColor": "clothes_color",
    "eyesVariant": "eyes",
    "eyebrowsVariant": "eyebrows",
    "mouthVariant": "mouth",
}
# What may be absent: our parameter -> the option that shows it, and the options that matter once it is shown.
WORN = {
    "top": ("topProbability", {"topVariant": "top", "hairColor": "hair_color", "hatColor": "hat_color"}),
    "facial_hair": ("facialHairProbability", {"facialHairVariant": "facial_hair", "facialHairColor": "hair_color"}),
    "glasses": ("accessoriesProbability", {"accessoriesVariant": "glasses", "accessoriesColor": "glasses_color"}),
}

CANVAS_CLIP = re.compile(r' clip-path="url\(#clip-[0-9a-f]{8}\)"')

Face = dict[str, Any]


def open_avatars(path: Path, options: Options) -> Source:
    """Draws the lots for every face; the pictures follow when they are read. The path is not used.

    Raises:
        DataError: the count or the seed is out of range.
    """
    form = options.settled(SIZE, 3)
    count, seed = COUNT if options.count is None else options.count, options.seed or 0
    if not 1 <= count <= 10_000_000 or seed < 0:
        raise DataError(f"{count} avatars with seed {seed} cannot be made; count is 1 to 10,000,000 and seed 0 or more")
    faces = [face_of(seed, row) for row in range(count)]
    return Source(
        kind="avatars",
        names=[f"avatar {row}" for row in range(count)],
        shape=form.shape,
        pictures=partial(read_all, Artist(seed, form.size, form.grey), range(count)),
        labels=np.array([labels_of(face) for face in faces], dtype=np.uint8),
        identity=identity_of("avatars", form, count, seed, REVISION, version("dicebear-styles"), version("resvg-py")),
        label_names=LABELS,
        factors=np.array([_coded(face) for face in faces], dtype=np.float32),
        factor_names=FACTORS,
        card={
            "title": "avatars",
            "count": count,
            "seed": seed,
            "licence": LICENCE,
            "codes": {name: list(values) for name, values in CODES.items()},
            "notes": ["Male is a prior that the other attributes follow, not something drawn"],
        },
    )


@dataclass(frozen=True)
class Artist:
    """Draws a face by its number; picklable."""

    seed: int
    size: tuple[int, int]
    grey: bool

    def __call__(self, row: int) -> Picture:
        """The picture with this number."""
        side = max(self.size)
        png = resvg_py.svg_to_bytes(
            svg_string=svg_of(face_of(self.seed, row)), width=side, height=side, skip_system_fonts=True
        )
        with Image.open(io.BytesIO(png)) as image:
            return Picture(fit(image.convert("RGB"), self.size, "center", self.grey), self.size)


def face_of(seed: int, row: int) -> Face:
    """Every parameter of one face, by name: values of CODES, and numbers for the placing."""
    # One lot a choice, in the order of the lines below; so a new choice goes last.
    lot = stream(seed, row).random

    def pick(weights: parts.Weights) -> str:
        return _picked(weights, lot())

    male = int(lot() < 0.5)
    chance = parts.Prior(*(lot() < prior for prior in parts.PRIORS[male]))
    skin = pick(parts.DARK_SKIN if chance.Dark_Skin else parts.LIGHT_SKIN)
    hair, hat = pick(parts.LONG_HAIR if chance.Long_Hair else parts.SHORT_HAIR), pick(parts.HATS)
    beard, mustache = pick(parts.BEARDS), pick(parts.MUSTACHES)
    dark = lot() < parts.DARK_LENSES
    glasses = pick(parts.DARK_GLASSES if dark else parts.CLEAR_GLASSES)
    closed = chance.Eyes_Closed and not (chance.Eyeglasses and dark)
    color = pick(parts.HAIR_FREQUENCY)
    if skin == "#614335" and color == "Brown_Hair":  # not to be told from the skin
        color = "Black_Hair"
    return {
        "male": str(male),
        "top": hat if chance.Wearing_Hat else "none" if chance.Bald else hair,
        "facial_hair": beard if chance.Beard else mustache if chance.Mustache else "none",
        "mouth": pick(parts.SMILES if chance.Smiling else parts.OTHER_MOUTHS),
        "eyes": pick(parts.CLOSED_EYES if closed else parts.OPEN_EYES),
        "eyebrows": pick(parts.EYEBROWS),
        "glasses": glasses if chance.Eyeglasses else "none",
        "clothes": pick(parts.CLOTHES),
        "skin": skin,
        "hair_color": pick(parts.HAIR_COLORS[color]),
        "hat_color": pick(parts.HAT_COLORS),
        "glasses_color": pick(parts.GLASSES_COLORS),
        "clothes_color": pick(parts.CLOTHES_COLORS),
        "background": pick(parts.BACKGROUNDS),
        "mirror": "horizontal" if lot() < 0.5 else "none",
        **{name: round(low + (high - low) * lot(), 2) for name, (low, high) in parts.PLACING.items()},
    }


def labels_of(face: Face) -> list[int]:
    """What is to be seen in the picture of a face, in the order of LABELS; only Male is not to be seen."""
    haired = face["top"] in parts.LONG_HAIR or face["top"] in parts.SHORT_HAIR
    seen = {
        "Smiling": face["mouth"] in parts.SMILES,
        "Eyeglasses": face["glasses"] != "none",
        "Beard": face["facial_hair"] in parts.BEARDS,
        # Every beard of this style covers the upper lip too.
        "Mustache": face["facial_hair"] != "none",
        "Long_Hair": face["top"] in parts.LONG_HAIR,
        "Wearing_Hat": face["top"] in parts.HATS,
        "Bald": face["top"] == "none",
        "Eyes_Closed": face["eyes"] in parts.CLOSED_EYES,
        "Dark_Skin": face["skin"] in parts.DARK_SKIN,
        **{label: haired and face["hair_color"] in colors for label, colors in parts.HAIR_COLORS.items()},
        "Male": face["male"] == "1",
    }
    return [int(seen[label]) for label in LABELS]


def svg_of(face: Face) -> str:
    """The drawing of a face; every choice of the style is pinned, so nothing is left to its own dice."""
    options = {"seed": "", **{option: face[parameter] for option, parameter in ALWAYS.items()}}
    for parameter, (probability, details) in WORN.items():
        worn = face[parameter] != "none"
        options[probability] = 100 if worn else 0
        if worn:
            options |= {option: face[detail] for option, detail in details.items()}
    # The style clips to the canvas, which the canvas does anyhow; without it drawing takes a third less time.
    return CANVAS_CLIP.sub("", str(Avatar(_style(), options)), count=1)


@cache
def _style() -> Style:
    return Style(json.loads((files("dicebear_styles") / "avataaars.json").read_text("utf-8")))


def _picked(weights: parts.Weights, lot: float) -> str:
    left = lot * sum(weights.values())
    for value, weight in weights.items():
        left -= weight
        if left < 0:
            return value
    return next(reversed(weights))


def _coded(face: Face) -> list[float]:
    return [float(CODES[name].index(face[name]) if name in CODES else face[name]) for name in FACTORS]
