"""A page: its blocks as plain data, the album of its figures, and one self-contained HTML file made of them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from simulacra.report.figures import NAME_LIMIT, blank, draw, inline, styled, to_webp
from simulacra.report.formatting import data_url, plain, slug, unique, without_home

ENVIRONMENT = Environment(
    loader=PackageLoader("simulacra.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
FIGURES = "figures"  # the folder beside the page that has its figures as files, in the folder of a run or a study
PAGE_WIDTH = 833  # CSS pixels that a strip of pictures may take on a wide screen
HALF_WIDTH = 480  # the same where two stand beside one another
PICTURE_HEIGHT = 104  # CSS pixels that one picture of a strip may take, if it has fewer pixels of its own


class Shown:
    """A block of a page; its template is the macro that bears its name."""

    @property
    def kind(self) -> str:
        """Name of the macro."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Text(Shown):
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code(Shown):
    """Text that was typed, or can be typed."""

    text: str


@dataclass(frozen=True)
class Table(Shown):
    """A table whose first column names its rows."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]  # as many cells in each row as in `head`
    numeric: frozenset[int] = frozenset()  # columns that are set flush right
    total: bool = False  # whether the last row is a sum of the others


@dataclass(frozen=True)
class Bars(Shown):
    """Shares in [0, 1] with a bar each."""

    caption: str
    shares: Sequence[tuple[str, float, str]]  # name, length of the bar, text


@dataclass(frozen=True)
class Chart(Shown):
    """A drawn figure, as an SVG element of the page."""

    name: str  # of its files, without ending
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Strip:
    """One row of pictures."""

    name: str  # written beside it
    source: str  # a picture as a data address
    width: int  # CSS pixels, where there is room
    height: int
    alt: str
    enlarged: bool  # whether each of its pixels takes several of the page's


@dataclass(frozen=True)
class Pictures(Shown):
    """Rows of pictures, pixel by pixel; an empty title writes none."""

    name: str
    title: str
    strips: Sequence[Strip]
    caption: str
    columns: Sequence[str] = ()  # a name above each column, or none
    across: str = ""  # what changes from column to column
    down: str = ""  # what changes from row to row


@dataclass(frozen=True)
class Gallery(Shown):
    """Charts or pictures beside one another where there is room."""

    blocks: Sequence[Chart | Pictures]


@dataclass(frozen=True)
class Fold(Shown):
    """Blocks behind a line that opens them; printed as it is on the screen."""

    summary: str
    blocks: Sequence["Block"]


@dataclass(frozen=True)
class Mark:
    """One number on a scale; positions are in percent of the scale, None where there is no such number."""

    name: str  # what the number is about
    value: str
    detail: str  # the interval, the baseline, and how the number was measured
    alt: str = ""  # what the scale shows, for readers who cannot see it
    position: float | None = None
    low: float | None = None  # ends of the interval
    high: float | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class Score:
    """One metric: its numbers on one scale."""

    title: str
    better: str  # lower, higher or neither
    reading: str  # how to read it
    ends: tuple[str, str]  # of the scale
    marks: Sequence[Mark]
    summary: str = ""  # of the fold of `folded`
    folded: Sequence[Mark] = ()  # further numbers, of single labels
    verdict: str = ""  # of a comparison


@dataclass(frozen=True)
class ScoreCard(Shown):
    """Metrics below one another."""

    caption: str
    scores: Sequence[Score]


Block = Text | Code | Table | Bars | Chart | Pictures | Gallery | Fold | ScoreCard


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Block]
    anchor: str = ""


@dataclass(frozen=True)
class Tile:
    """A number at the top of a run's part."""

    label: str
    value: str
    note: str = ""  # what it was measured on
    when: str = ""  # what else the value says, and at which update, where the run went on after it
    method: str = ""  # how it was measured; shown where several runs stand side by side
    metric: str = ""  # a name of `catalogue.METRICS`; empty for other numbers

    @property
    def below(self) -> str:
        """The text below the number."""
        return ", ".join(filter(None, [self.note, self.when]))


@dataclass(frozen=True)
class Remark:
    """A finding of a diagnosis."""

    name: str
    severity: str  # serious, warning or note
    text: str  # what it means, and what to try
    evidence: str  # the numbers that it rests on


@dataclass(frozen=True)
class Part:
    """The part of a page about one run, or about several together."""

    name: str  # of the run
    title: str
    summary: str  # one paragraph
    tiles: Sequence[Tile]
    gaps: Sequence[str]  # sentences about what is missing
    sections: Sequence[Section]
    anchor: str = ""  # unique on the page
    kicker: str = "Report of a run"  # above the heading where the page has no other part
    remarks: Sequence[Remark] = ()
    origin: str = ""  # the recipe and what was changed, in a small line
    headline: str = ""  # what was measured of the pictures, in a sentence or two
    command: str = ""  # that measures them


Images = NDArray[np.uint8]


def gap_of(height: int) -> int:
    """How many pixels lie between two images of this height."""
    return max(1, height // 16)


def tile(images: Images) -> Images:
    """Images (rows, columns, H, W, C) uint8 of 1 or 3 channels side by side, with see-through gaps.

    Returns:
        (rows * (H + gap) - gap, columns * (W + gap) - gap, 4) uint8, RGBA.
    """
    rows, columns, height, width, channels = images.shape
    gap = gap_of(height)
    canvas = np.zeros((rows, height + gap, columns, width + gap, 4), dtype=np.uint8)
    colour = np.broadcast_to(images, (*images.shape[:-1], 3)) if channels == 1 else images
    canvas[:, :height, :, :width, :3] = colour.transpose(0, 2, 1, 3, 4)
    canvas[:, :height, :, :width, 3] = 255
    return canvas.reshape(rows * (height + gap), columns * (width + gap), 4)[:-gap, :-gap]


def fold(images: Images, columns: int) -> Images:
    """(N, H, W, C) -> (rows, columns, H, W, C); what does not fill the last row is left out, unless it is the first."""
    columns = min(columns, len(images))
    rows = len(images) // columns
    return images[: rows * columns].reshape(rows, columns, *images.shape[1:])


TILE = 0.5  # inches that one picture is wide


@styled()
def picture_rows(
    rows: Sequence[tuple[str, Images]], *, title: str, columns: Sequence[str] = (), across: str = "", down: str = ""
) -> Figure:
    """A grid of pictures; arguments as for `page.Album.pictures`."""
    grid = tile(np.stack([images for _, images in rows]))
    count, height, width = rows[0][1].shape[:3]
    named = any(name for name, _ in rows)
    inches = TILE * count + (1.4 if named else 0.2)
    above = 0.5 + (0.25 if columns else 0) + (0.2 if across else 0)
    figure = blank(inches + (0.2 if down else 0), TILE * len(rows) * height / width + above)
    axes = figure.add_subplot()
    axes.imshow(grid, interpolation="nearest")
    axes.set_title(plain(title, max(30, int(13 * inches))))
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=4, top=False, labeltop=bool(columns), bottom=False, labelbottom=False)
    high, wide = height + gap_of(height), width + gap_of(height)
    axes.set_yticks([high * row + height / 2 for row in range(len(rows))] if named else [])
    if named:
        axes.set_yticklabels([plain(name, NAME_LIMIT) for name, _ in rows])
    axes.set_xticks([wide * column + width / 2 for column in range(len(columns))])
    axes.set_xticklabels([plain(name, 10) for name in columns])
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    return figure


@dataclass
class Album:
    """The figures of one part of a page, each also as SVG and PNG."""

    prefix: str = ""  # before the name of each file and id; unique on the page
    files: dict[str, bytes] = field(default_factory=dict)  # name -> content, filled while figures are added

    def chart(self, name: str, figure: Figure, *, alt: str, caption: str) -> Chart:
        """Adds a figure; `name` is unique among those of this part, `alt` is for readers who cannot see it."""
        name = self._add(name, figure)
        return Chart(name, inline(self.files[f"{name}.svg"], f"fig-{name}", alt), caption)

    def pictures(
        self,
        name: str,
        rows: Sequence[tuple[str, Images]],
        *,
        title: str,
        caption: str,
        alt: str,
        headed: bool = False,
        columns: Sequence[str] = (),
        across: str = "",
        down: str = "",
        width: int = PAGE_WIDTH,
    ) -> Pictures:
        """Adds rows of pictures.

        Args:
            name: unique among the figures of this part.
            rows: name and (n, H, W, C) uint8 images of each row, all of one length.
            title: above them in their files.
            caption: how to read them.
            alt: what each row shows, for readers who cannot see it.
            headed: whether the page shows the title above them; pictures that are alone in a section need none.
            columns: a name above each column, or none.
            across: what changes from column to column.
            down: what changes from row to row.
            width: CSS pixels that a row may take.
        """
        rows = [(plain(name, 120), images) for name, images in rows]
        name = self._add(name, picture_rows(rows, title=title, columns=columns, across=across, down=down))
        grids = [(label, images[None]) for label, images in rows]
        if not any(label for label, _ in rows):
            grids = [("", np.stack([images for _, images in rows]))]
        strips = [_strip(label, grid, alt, width) for label, grid in grids]
        return Pictures(name, title if headed else "", strips, caption, columns, across, down)

    def _add(self, name: str, figure: Figure) -> str:
        taken = [file.removesuffix(".svg") for file in self.files if file.endswith(".svg")]
        name = unique([*taken, f"{self.prefix}{slug(name)}"])[-1]
        drawing = draw(figure)
        self.files |= {f"{name}.svg": drawing.svg, f"{name}.png": drawing.png}
        return name


def _strip(name: str, grid: Images, alt: str, widest: int) -> Strip:
    """(rows, columns, H, W, C) images as one element, each pixel a whole number of CSS pixels."""
    picture = tile(grid)
    scale = max(1, min(widest // picture.shape[1], PICTURE_HEIGHT // grid.shape[2]))
    words = f"{name}: {alt}" if name else alt
    width, height = scale * picture.shape[1], scale * picture.shape[0]
    source = data_url(to_webp(Image.fromarray(picture)), "webp")
    return Strip(name, source, width, height, plain(words), scale > 1)


def render(parts: Sequence[Part], version: str, author: str = "", figures: str = FIGURES) -> bytes:
    """The whole page as HTML in UTF-8. All text is escaped by the template; equal parts give equal bytes.

    Args:
        parts: with more than one, each has a heading of its own.
        version: of the program that trained the runs.
        author: below the heading; empty for none.
        figures: the folder beside the page that has its figures as files.
    """
    template = ENVIRONMENT.get_template("report.html.j2")
    shown = _anchored(parts)
    address = quote(os.fsencode(figures))
    html = template.render(
        title=parts[0].title, parts=shown, figures=address, folder=plain(figures), version=version, author=author
    )
    return html.encode("utf-8", "replace")


def names_of_figures(blocks: Iterable[Block]) -> Iterator[str]:
    """Names of the charts and pictures among blocks, without the endings of their files."""
    for block in blocks:
        if isinstance(block, Chart | Pictures):
            yield block.name
        elif isinstance(block, Gallery | Fold):
            yield from names_of_figures(block.blocks)


def _anchored(parts: Sequence[Part]) -> list[Part]:
    """The same parts with a unique anchor for each part and section."""
    heads = unique([slug(part.name).lower() for part in parts])
    result = []
    for head, part in zip(heads, parts, strict=True):
        anchors = unique([f"{head}--{slug(section.title).lower()}" for section in part.sections])
        sections = [replace(section, anchor=anchor) for section, anchor in zip(part.sections, anchors, strict=True)]
        gaps = [without_home(gap) for gap in part.gaps]
        result.append(replace(part, anchor=head, sections=sections, gaps=gaps))
    return result
