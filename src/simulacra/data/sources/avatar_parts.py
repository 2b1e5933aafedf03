"""What an avatar is drawn from: the parts and colours of the style avataaars that are used, and how often.

Left out are parts of which a label would not be plainly true: the mouths `grimace`, `eating` and `vomit`; eyes of which
one is closed or that are no eyes; the eyepatch; hair that hangs on one side only, or that a crown, a band or a
translucent patch disguises; headgear other than hats, and the hat with hair of its own colour below it.
"""

from typing import NamedTuple

# part -> how often, in any unit. Names and hexadecimal colours are the style's own unless said otherwise.
Weights = dict[str, float]

SMILES: Weights = {"default": 1.5, "smile": 3, "twinkle": 3, "tongue": 1}
OTHER_MOUTHS: Weights = {"serious": 3, "sad": 2, "concerned": 1, "disbelief": 1, "screamOpen": 1}
OPEN_EYES: Weights = {"default": 6, "side": 2, "squint": 2, "surprised": 2}
CLOSED_EYES: Weights = {"closed": 1, "happy": 1}
EYEBROWS: Weights = {
    "default": 4,
    "defaultNatural": 3,
    "raisedExcited": 2,
    "flatNatural": 1,
    "upDown": 1,
    "angryNatural": 1,
    "sadConcerned": 1,
}
CLEAR_GLASSES: Weights = {"prescription01": 2, "prescription02": 2, "round": 2}
DARK_GLASSES: Weights = {"sunglasses": 1, "wayfarers": 1}
BEARDS: Weights = {"beardLight": 2, "beardMedium": 2, "beardMajestic": 1}
MUSTACHES: Weights = {"moustacheFancy": 1, "moustacheMagnum": 1}
# Hair that hangs to the jaw or lower.
LONG_HAIR: Weights = {
    "bob": 2,
    "curvy": 2,
    "dreads": 1,
    "longButNotTooLong": 2,
    "miaWallace": 2,
    "straight01": 2,
    "straight02": 2,
    "straightAndStrand": 2,
}
SHORT_HAIR: Weights = {
    "bun": 1,
    "fro": 2,
    "dreads01": 1,
    "dreads02": 1,
    "frizzle": 1,
    "shaggy": 1,
    "shortCurly": 2,
    "shortFlat": 2,
    "shortRound": 2,
    "shortWaved": 2,
    "theCaesar": 2,
    "theCaesarAndSidePart": 2,
}
HATS: Weights = {"winterHat02": 1, "winterHat03": 1, "winterHat04": 1, "winterHat1": 1}
CLOTHES: Weights = {
    "shirtCrewNeck": 2,
    "shirtScoopNeck": 2,
    "shirtVNeck": 2,
    "hoodie": 1,
    "collarAndSweater": 1,
    "blazerAndShirt": 1,
}

LIGHT_SKIN: Weights = {"#ffdbb4": 1, "#edb98a": 1}
DARK_SKIN: Weights = {"#ae5d29": 1, "#614335": 1}
# Each label's colours. Two of the style's are left out for lying between two labels (auburn, darkest brown), two for
# being hard to see on light skin (platinum, pastel pink); the darker grey and the paler gold are ours.
HAIR_COLORS: dict[str, Weights] = {
    "Black_Hair": {"#2c1b18": 1},
    "Blond_Hair": {"#d6b370": 1, "#e6c56e": 1},
    "Brown_Hair": {"#724133": 1},
    "Gray_Hair": {"#b3adad": 1},
    "Red_Hair": {"#c93305": 1},
}
HAIR_FREQUENCY: Weights = {"Black_Hair": 4, "Brown_Hair": 3, "Blond_Hair": 3, "Red_Hair": 1, "Gray_Hair": 1.5}
CLOTHES_COLORS: Weights = dict.fromkeys(
    ("#262e33", "#65c9ff", "#5199e4", "#25557c", "#e6e6e6", "#3c4f5c", "#a7ffc4", "#ffafb9", "#ffffb1", "#ff5c5c"), 1
)
HAT_COLORS: Weights = dict.fromkeys(("#262e33", "#65c9ff", "#25557c", "#ff488e", "#ff5c5c", "#a7ffc4"), 1)
GLASSES_COLORS: Weights = {"#262e33": 4, "#25557c": 1, "#ff5c5c": 1}
# Ours: calm colours that no skin and no hair melts into.
BACKGROUNDS: Weights = dict.fromkeys(("#8fc1e3", "#a9d6b8", "#c9b8e8", "#f4f4f0", "#7f97a8", "#f2c4d0", "#5fa8a3"), 1)


class Prior(NamedTuple):
    """How likely each attribute is; hat, bald and long hair shut one another out, and are tried in this order."""

    Wearing_Hat: float
    Bald: float
    Long_Hair: float
    Beard: float
    Mustache: float
    Smiling: float
    Eyeglasses: float
    Eyes_Closed: float
    Dark_Skin: float


# Nothing in the drawing is male or female by itself: Male is only the prior that the other attributes follow.
PRIORS = {
    1: Prior(0.12, 0.15, 0.06, 0.32, 0.25, 0.50, 0.28, 0.15, 0.4),
    0: Prior(0.10, 0.01, 0.75, 0.00, 0.00, 0.60, 0.22, 0.15, 0.4),
}
# Share of dark lenses among glasses; eyes behind them are always drawn open, so that the label stays true.
DARK_LENSES = 0.2

# lowest and highest, drawn evenly; scale and shift put the head, not the shoulders, into the frame
PLACING = {
    "scale": (1.34, 1.52),
    "shift_x": (-3.0, 3.0),
    "shift_y": (15.5, 19.5),
    "rotation": (-8.0, 8.0),
}
