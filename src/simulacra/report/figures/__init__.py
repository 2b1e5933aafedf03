"""How every figure looks: palette, type, lines, and how it becomes SVG and PNG. No other file names a colour.

Lines and pairs use the palette of Okabe and Ito (2008, "Color Universal Design"), without its yellow and black, which
vanish on white and on dark paper. Up to ten classes use the palette of Petroff (2021, arXiv:2107.02270).
"""

import math
import threading
import warnings
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.lines import Line2D
from PIL import Image

from simulacra.files import SHEET
from simulacra.report.formatting import data_url, plain

INK, MUTED, RULE, PAPER = "#24292f", "#66707b", "#d5dae0", "#ffffff"
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
CLASSES = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
ABSENT, PRESENT = "#ffa90e", "#3f90da"  # of the second palette: dots are pixels, which no page can recolour
SHADES = ("#f4f8fb", "#9cc7e4", "#0b5a94")  # of a share in [0, 1], light to dark in one hue
# Of a change, from less to more: vermilion and blue differ in every kind of colour vision; white is no change.
CHANGES = ("#a34700", "#eda36c", "#f7f7f6", "#79b8dd", "#0b5a94")
CELL_INK, CELL_PAPER = "#23282d", "#fdfdfd"  # numbers on these shades; no page recolours them like INK and PAPER
ROLES = {"real": 0, "discriminator": 0, "train": 0, "total": 0, "fake": 1, "generator": 1, "valid": 1, "test": 2}

# What a page may change to suit its background: colour -> CSS variable. style.css gives both values of each.
VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--line-{number}" for number, colour in enumerate(LINES, 1)
}

DPI, EMBEDDED_DPI = 200, 144  # of a PNG, and of dots and pictures inside an SVG
SVG_DPI = 72  # of an SVG itself
WIDTH, HEIGHT = 4.2, 2.8  # inches: small enough that the text can still be read on a phone
NAME_LIMIT = 26  # letters of a user's name in a figure

_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Droid Sans Fallback")
_LOCK = threading.RLock()


def _settings() -> dict[Any, Any]:
    """Matplotlib's settings while we draw; text is taken literally, so a `$` in a label is a dollar sign."""
    installed = set(fontManager.get_font_names())
    return {
        "font.family": [*(name for name in _FONTS if name in installed), "sans-serif"],
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # the SVG names them in this order
        "font.size": 8.5,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8.5,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.facecolor": "none",
        "axes.grid.axis": "y",
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": INK,
        "figure.facecolor": PAPER,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.6,
        "savefig.dpi": DPI,
        "svg.fonttype": "none",
        "svg.hashsalt": "simulacra",
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
    }


@contextmanager
def styled() -> Iterator[None]:
    """Draws in our style, whatever the user's matplotlibrc says; also a decorator. One thread at a time."""
    with _LOCK, mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a box in the PNG; the SVG keeps the text
        mpl.rcdefaults()
        mpl.rcParams.update(_settings())
        yield


def blank(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """An empty figure, sizes in inches, that makes room for everything in it."""
    return Figure(figsize=(width, height), layout="constrained")


def line_colour(name: str, index: int) -> str:
    """The colour of a line: by what it stands for (real blue, fake vermilion), else by its index."""
    return LINES[ROLES.get(name, index) % len(LINES)]


def dots_key(
    axes: Axes, names: Sequence[str], colours: Sequence[str], markers: Sequence[str], columns: int = 1
) -> None:
    """A key of coloured dots above the plotting area, so that it never covers data."""
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=5)
        for colour, marker in zip(colours, markers, strict=True)
    ]
    # Matplotlib drops labels that begin with an underscore; placeholders first, then the real names as plain text.
    spaces = {"borderaxespad": 0.2, "borderpad": 0.1, "handletextpad": 0.1, "columnspacing": 1.0}
    key = axes.legend(handles, ["x"] * len(names), loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, **spaces)
    for text, name in zip(key.get_texts(), names, strict=True):
        text.set_text(plain(name, NAME_LIMIT))


ROUND = (1.0, 2.0, 2.5, 4.0, 5.0, 10.0)  # steps between ticks, times a power of ten
FEWEST_STEPS, MOST_STEPS = 3, 7  # of an axis


def round_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Ticks at equal round steps, the first at or below `low`, the last at or above `high`: where an axis ends.

    Of all steps the one is taken that leaves the least of the axis empty; `whole` allows whole numbers alone.
    """
    if not high > low:
        low, high = (low, low + (abs(low) or 1.0))
    best: tuple[float, float, int, int] | None = None
    for parts in range(FEWEST_STEPS, MOST_STEPS + 1):
        power = 10.0 ** math.floor(math.log10((high - low) / parts))
        for step in (factor * power for factor in ROUND):
            if whole:
                step = max(1.0, float(math.ceil(step - 1e-9)))
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first > MOST_STEPS or (last - first < FEWEST_STEPS and not (whole and step == 1)):
                continue
            candidate = ((last - first) * step, -step, first, last)
            best = candidate if best is None or candidate < best else best
    assert best is not None, "some step always fits"
    _, negative, first, last = best
    digits = max(0, 2 - math.floor(math.log10(-negative)))
    return [round(-negative * index, digits) for index in range(first, last + 1)]


@dataclass(frozen=True)
class Drawing:
    """One figure as two files."""

    svg: bytes  # a whole file; text in it stays text
    png: bytes  # with 200 dots per inch


@styled()
def draw(figure: Figure) -> Drawing:
    """Renders a figure; equal figures give equal bytes."""
    svg, png = BytesIO(), BytesIO()
    nameless = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.dpi = SVG_DPI
    FigureCanvasSVG(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once for both files; `savefig` does so twice
    figure.dpi = EMBEDDED_DPI
    FigureCanvasSVG(figure).print_svg(svg, metadata=nameless)  # type: ignore[no-untyped-call]
    figure.dpi = DPI
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": SHEET})  # type: ignore[no-untyped-call]
    return Drawing(svg.getvalue(), png.getvalue())


def inline(svg: bytes, prefix: str, title: str) -> Markup:
    """An SVG file, as `draw` gave it, as an element of a page: it takes on the page's colours.

    Its ids begin with `prefix`, unique among the figures of the page; a screen reader says the title in its place.
    """
    root = ElementTree.fromstring(svg)
    used = {word for element in root.iter() for value in element.attrib.values() for word in _references(value)}
    for parent in root.iter():
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(key): value for key, value in element.attrib.items()}
        element.attrib.clear()
        if (name := attributes.pop("id", None)) in used:
            attributes["id"] = f"{prefix}-{name}"
        for key, value in attributes.items():
            is_picture = key == "href" and value.startswith(PNG)
            element.set(key, _smaller(value) if is_picture else _adapt(key, value, prefix))
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-label", plain(title))
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # built from a tree, so escaped


PNG = "data:image/png;base64,"


def _smaller(address: str) -> str:
    """The same picture as a data address of WebP."""
    with Image.open(BytesIO(b64decode(address.removeprefix(PNG)))) as picture:
        return data_url(to_webp(picture), "webp")


QUALITY = 90  # of pictures on a page: no difference can be seen


def to_webp(picture: Image.Image) -> bytes:
    """A picture as the content of a WebP file; equal pictures give equal bytes."""
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=4, use_sharp_yuv=True)
    return buffer.getvalue()


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _references(value: str) -> list[str]:
    """The ids that an attribute points to: url(#id) or #id."""
    if value.startswith("#"):
        return [value[1:]]
    return [part.partition(")")[0] for part in value.split("url(#")[1:]]


def _adapt(key: str, value: str, prefix: str) -> str:
    """An attribute with its references renamed and its colours left to the page."""
    if key == "href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    value = value.replace("url(#", f"url(#{prefix}-")
    if key == "style":
        for colour, variable in VARIABLES.items():
            value = value.replace(colour, f"var({variable})")
    return value
