"""Cartoon faces, drawn when they are needed, with known labels and factors: no download, any number, any size.

Parts for which a label would be doubtful are left out: the mouths `grimace`, `eating` and `vomit`; eyes with one of
them closed, and drawings in place of eyes; the eyepatch; hair that is long on one side only, or with a crown, a band or
a translucent patch; headgear other than hats, and the hat with hair of another colour below it.

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
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from simulacra.data.decode import Picture, fit
from simulacra.data.sources.base import Options, Source, identity_of
from simulacra.data.workers import read_all
from simulacra.errors import DataError
from simulacra.seeds import stream

if TYPE_CHECKING:
    from dicebear import Style

# part -> relative frequency. Names and hexadecimal colours are those of the style unless a comment says otherwise.
Weights = dict[str, float]


def _weights(words: str) -> Weights:
    """Parts of equal frequency, but for those that say another: `smile:3 tongue`."""
    pairs = (word.partition(":") for word in words.split())
    return {part: float(weight or 1) for part, _, weight in pairs}


SMILES = _weights("default:1.5 smile:3 twinkle:3 tongue")
OTHER_MOUTHS = _weights("serious:3 sad:2 concerned disbelief screamOpen")
OPEN_EYES = _weights("default:6 side:2 squint:2 surprised:2")
CLOSED_EYES = _weights("closed happy")
EYEBROWS = _weights("default:4 defaultNatural:3 raisedExcited:2 flatNatural upDown angryNatural sadConcerned")
CLEAR_GLASSES = _weights("prescription01:2 prescription02:2 round:2")
DARK_GLASSES = _weights("sunglasses wayfarers")
BEARDS = _weights("beardLight:2 beardMedium:2 beardMajestic")
MUSTACHES = _weights("moustacheFancy moustacheMagnum")
# Hair down to the jaw or lower.
LONG_HAIR = _weights(
    "bob:2 curvy:2 dreads longButNotTooLong:2 miaWallace:2 straight01:2 straight02:2 straightAndStrand:2"
)
SHORT_HAIR = _weights(
    "bun fro:2 dreads01 dreads02 frizzle shaggy shortCurly:2 shortFlat:2 shortRound:2 shortWaved:2 theCaesar:2 "
    "theCaesarAndSidePart:2"
)
HATS = _weights("winterHat02 winterHat03 winterHat04 winterHat1")
CLOTHES = _weights("shirtCrewNeck:2 shirtScoopNeck:2 shirtVNeck:2 hoodie collarAndSweater blazerAndShirt")

LIGHT_SKIN = _weights("#ffdbb4 #edb98a")
DARK_SKIN = _weights("#ae5d29 #614335")
# Colours of each label. Two colours of the style are left out because they lie between two labels (auburn, darkest
# brown), two because they are hard to see on light skin (platinum, pastel pink). The darker grey and the paler gold are
# ours.
HAIR_COLORS = {
    "Black_Hair": _weights("#2c1b18"),
    "Blond_Hair": _weights("#d6b370 #e6c56e"),
    "Brown_Hair": _weights("#724133"),
    "Gray_Hair": _weights("#b3adad"),
    "Red_Hair": _weights("#c93305"),
}
HAIR_FREQUENCY = _weights("Black_Hair:4 Brown_Hair:3 Blond_Hair:3 Red_Hair Gray_Hair:1.5")
CLOTHES_COLORS = _weights("#262e33 #65c9ff #5199e4 #25557c #e6e6e6 #3c4f5c #a7ffc4 #ffafb9 #ffffb1 #ff5c5c")
HAT_COLORS = _weights("#262e33 #65c9ff #25557c #ff488e #ff5c5c #a7ffc4")
GLASSES_COLORS = _weights("#262e33:4 #25557c #ff5c5c")
# Ours: quiet colours that differ from all skins and hair.
BACKGROUNDS = _weights("#8fc1e3 #a9d6b8 #c9b8e8 #f4f4f0 #7f97a8 #f2c4d0 #5fa8a3")


# The probability of each attribute with Male, and without. No part of a drawing is male or female: Male decides nothing
# but these. Hat, bald and long hair are exclusive, and are tried in this order.
PRIORS = {
    "Wearing_Hat": (0.12, 0.10),
    "Bald": (0.15, 0.01),
    "Long_Hair": (0.06, 0.75),
    "Beard": (0.32, 0.00),
    "Mustache": (0.25, 0.00),
    "Smiling": (0.50, 0.60),
    "Eyeglasses": (0.28, 0.22),
    "Eyes_Closed": (0.15, 0.15),
    "Dark_Skin": (0.4, 0.4),
}
# Share of dark lenses among glasses; eyes behind them are always drawn open, so that the label is true.
DARK_LENSES = 0.2

# Lowest and highest value, drawn uniformly; scale and shift put the head, and not the shoulders, into the frame.
PLACING = {"scale": (1.34, 1.52), "shift_x": (-3.0, 3.0), "shift_y": (15.5, 19.5), "rotation": (-8.0, 8.0)}

COUNT, SIZE = 6_000, (64, 64)
# Must be raised when the same seed draws other pictures than before.
REVISION = 1
LABELS = (
    *("Smiling", "Eyeglasses", "Beard", "Mustache", "Long_Hair", "Wearing_Hat", "Bald", "Eyes_Closed", "Dark_Skin"),
    *("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Red_Hair", "Male"),
)
LICENCE = "Avataaars by Pablo Stanley (https://avataaars.com): free for personal and commercial use"
# Every categorical parameter and its values, whose indices are the factor.
CODES: dict[str, tuple[str, ...]] = {
    "male": ("0", "1"),
    "top": ("none", *LONG_HAIR, *SHORT_HAIR, *HATS),
    "facial_hair": ("none", *BEARDS, *MUSTACHES),
    "mouth": (*SMILES, *OTHER_MOUTHS),
    "eyes": (*OPEN_EYES, *CLOSED_EYES),
    "eyebrows": tuple(EYEBROWS),
    "glasses": ("none", *CLEAR_GLASSES, *DARK_GLASSES),
    "clothes": tuple(CLOTHES),
    "skin": (*LIGHT_SKIN, *DARK_SKIN),
    "hair_color": tuple(color for colors in HAIR_COLORS.values() for color in colors),
    "hat_color": tuple(HAT_COLORS),
    "glasses_color": tuple(GLASSES_COLORS),
    "clothes_color": tuple(CLOTHES_COLORS),
    "background": tuple(BACKGROUNDS),
    "mirror": ("none", "horizontal"),
}
FACTORS = (*CODES, *PLACING)
# The style's option = our parameter.
ALWAYS = (
    "scale=scale rotate=rotation translateX=shift_x translateY=shift_y flip=mirror backgroundColor=background "
    "skinColor=skin clothesVariant=clothes clothesColor=clothes_color eyesVariant=eyes eyebrowsVariant=eyebrows "
    "mouthVariant=mouth"
)
# Parts that may be absent: our parameter -> the option that shows the part, and the options of a part that is shown.
WORN = {
    "top": ("topProbability", "topVariant=top hairColor=hair_color hatColor=hat_color"),
    "facial_hair": ("facialHairProbability", "facialHairVariant=facial_hair facialHairColor=hair_color"),
    "glasses": ("accessoriesProbability", "accessoriesVariant=glasses accessoriesColor=glasses_color"),
}

CANVAS_CLIP = re.compile(r' clip-path="url\(#clip-[0-9a-f]{8}\)"')

Face = dict[str, Any]


def open_avatars(path: Path, options: Options) -> Source:
    """Draws the parameters of every face; pictures are drawn when they are read. The path is not used.

    Raises:
        DataError: the count or the seed is out of range.
    """
    form = options.settled(SIZE, 3)
    count, seed = COUNT if options.count is None else options.count, options.seed or 0
    if not 1 <= count <= 10_000_000 or seed < 0:
        raise DataError(f"{count} avatars with seed {seed} cannot be drawn; count is 1 to 10,000,000, seed at least 0")
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
            "notes": ["Male is not drawn: it decides the probabilities of the other attributes"],
        },
    )


@dataclass(frozen=True)
class Artist:
    """Draws a face by its index; picklable."""

    seed: int
    size: tuple[int, int]
    grey: bool

    def __call__(self, row: int) -> Picture:
        """The picture with this index."""
        import resvg_py

        side = max(self.size)
        png = resvg_py.svg_to_bytes(
            svg_string=svg_of(face_of(self.seed, row)), width=side, height=side, skip_system_fonts=True
        )
        with Image.open(io.BytesIO(png)) as image:
            return fit(np.asarray(image.convert("RGB")), self.size, "center", self.grey)._replace(original=self.size)


def face_of(seed: int, row: int) -> Face:
    """Every parameter of one face, by name: values of CODES, and numbers for PLACING."""
    # One random number per choice, in the order of the lines below; so a new choice must come last.
    lot = stream(seed, row).random

    def pick(weights: Weights) -> str:
        return _picked(weights, lot())

    male = int(lot() < 0.5)
    has = {attribute: lot() < priors[1 - male] for attribute, priors in PRIORS.items()}
    skin = pick(DARK_SKIN if has["Dark_Skin"] else LIGHT_SKIN)
    hair, hat = pick(LONG_HAIR if has["Long_Hair"] else SHORT_HAIR), pick(HATS)
    beard, mustache = pick(BEARDS), pick(MUSTACHES)
    dark = lot() < DARK_LENSES
    glasses = pick(DARK_GLASSES if dark else CLEAR_GLASSES)
    closed = has["Eyes_Closed"] and not (has["Eyeglasses"] and dark)
    color = pick(HAIR_FREQUENCY)
    if skin == "#614335" and color == "Brown_Hair":  # it has the colour of the skin
        color = "Black_Hair"
    return {
        "male": str(male),
        "top": hat if has["Wearing_Hat"] else "none" if has["Bald"] else hair,
        "facial_hair": beard if has["Beard"] else mustache if has["Mustache"] else "none",
        "mouth": pick(SMILES if has["Smiling"] else OTHER_MOUTHS),
        "eyes": pick(CLOSED_EYES if closed else OPEN_EYES),
        "eyebrows": pick(EYEBROWS),
        "glasses": glasses if has["Eyeglasses"] else "none",
        "clothes": pick(CLOTHES),
        "skin": skin,
        "hair_color": pick(HAIR_COLORS[color]),
        "hat_color": pick(HAT_COLORS),
        "glasses_color": pick(GLASSES_COLORS),
        "clothes_color": pick(CLOTHES_COLORS),
        "background": pick(BACKGROUNDS),
        "mirror": "horizontal" if lot() < 0.5 else "none",
        **{name: round(low + (high - low) * lot(), 2) for name, (low, high) in PLACING.items()},
    }


def labels_of(face: Face) -> list[int]:
    """The labels of a face, in the order of LABELS; all but Male can be seen in its picture."""
    haired = face["top"] in LONG_HAIR or face["top"] in SHORT_HAIR
    seen = {
        "Smiling": face["mouth"] in SMILES,
        "Eyeglasses": face["glasses"] != "none",
        "Beard": face["facial_hair"] in BEARDS,
        # Every beard of this style covers the upper lip too.
        "Mustache": face["facial_hair"] != "none",
        "Long_Hair": face["top"] in LONG_HAIR,
        "Wearing_Hat": face["top"] in HATS,
        "Bald": face["top"] == "none",
        "Eyes_Closed": face["eyes"] in CLOSED_EYES,
        "Dark_Skin": face["skin"] in DARK_SKIN,
        **{label: haired and face["hair_color"] in colors for label, colors in HAIR_COLORS.items()},
        "Male": face["male"] == "1",
    }
    return [int(seen[label]) for label in LABELS]


def svg_of(face: Face) -> str:
    """The drawing of a face; every option of the style is given, so that the style draws nothing at random."""
    from dicebear import Avatar

    options: Face = {"seed": ""}
    shown = ALWAYS
    for parameter, (probability, details) in WORN.items():
        worn = face[parameter] != "none"
        options[probability] = 100 if worn else 0
        shown += f" {details}" if worn else ""
    options |= {option: face[parameter] for option, _, parameter in (pair.partition("=") for pair in shown.split())}
    # The style clips to the canvas, which has no effect; without it drawing takes a third less time.
    return CANVAS_CLIP.sub("", str(Avatar(_style(), options)), count=1)


@cache
def _style() -> "Style":
    from dicebear import Style

    return Style(json.loads((files("dicebear_styles") / "avataaars.json").read_text("utf-8")))


def _picked(weights: Weights, lot: float) -> str:
    left = lot * sum(weights.values())
    for value, weight in weights.items():
        left -= weight
        if left < 0:
            return value
    return next(reversed(weights))


def _coded(face: Face) -> list[float]:
    return [float(CODES[name].index(face[name]) if name in CODES else face[name]) for name in FACTORS]
