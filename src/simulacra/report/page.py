"""A page: its blocks as plain data, the album of its figures, and one self-contained HTML file made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from simulacra.report.figures import draw, inline
from simulacra.report.figures.grids import Images, data_uri, picture_rows, tile
from simulacra.report.formatting import plain, slug, unique

PAGE_WIDTH = 833  # CSS pixels that a strip of pictures may take on a wide screen
PICTURE_HEIGHT = 104  # CSS pixels that one picture of a strip may take, if it has fewer pixels of its own


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Code:
    """Text that was typed, or can be typed."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        caption: what it holds.
        head: names of the columns.
        rows: cells, in each row as many as in `head`.
        numeric: which columns are set flush right.
        total: whether the last row is a sum of the others.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    total: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Bars:
    """Shares in [0, 1] with a bar each."""

    caption: str
    shares: Sequence[tuple[str, float, str]]  # name, length of the bar, text
    kind: ClassVar[str] = "bars"


@dataclass(frozen=True)
class Chart:
    """A drawn figure, as an SVG element of the page.

    Attributes:
        name: of its files, without ending.
        svg: the element.
        caption: how to read it.
    """

    name: str
    svg: Markup
    caption: str
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class Strip:
    """One row of pictures.

    Attributes:
        name: written beside it.
        source: a PNG as a data address.
        width: CSS pixels, where there is room.
        height: CSS pixels.
        alt: a text in its place.
        enlarged: whether each of its pixels takes several of the page's.
    """

    name: str
    source: str
    width: int
    height: int
    alt: str
    enlarged: bool


@dataclass(frozen=True)
class Pictures:
    """Rows of pictures, pixel by pixel; an empty title writes none.

    Attributes:
        columns: a name above each column, or none.
        across: what changes from column to column.
        down: what changes from row to row.
    """

    name: str
    title: str
    strips: Sequence[Strip]
    caption: str
    columns: Sequence[str] = ()
    across: str = ""
    down: str = ""
    kind: ClassVar[str] = "pictures"


@dataclass(frozen=True)
class Gallery:
    """Charts or pictures beside one another where there is room."""

    blocks: Sequence[Chart | Pictures]
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that opens them; printed open."""

    summary: str
    blocks: Sequence["Block"]
    kind: ClassVar[str] = "fold"


@dataclass(frozen=True)
class Mark:
    """One number on a scale.

    Attributes:
        name: what the number is about.
        value: as text.
        position: on the scale, 0 to 100; None where there is no number.
        low: of the interval, on the scale, or None.
        high: of the interval, on the scale, or None.
        baseline: on the scale, or None.
        detail: the interval, the baseline, and how the number was measured.
        alt: what the scale shows, for readers who cannot see it.
    """

    name: str
    value: str
    position: float | None
    low: float | None
    high: float | None
    baseline: float | None
    detail: str
    alt: str


@dataclass(frozen=True)
class Score:
    """One metric: its numbers on one scale.

    Attributes:
        title: of the metric.
        better: lower, higher or neither.
        reading: how to read it.
        ends: of the scale, as text.
        marks: the numbers.
        summary: of the fold of `folded`.
        folded: further numbers, of single labels.
        verdict: of a comparison.
    """

    title: str
    better: str
    reading: str
    ends: tuple[str, str]
    marks: Sequence[Mark]
    summary: str = ""
    folded: Sequence[Mark] = ()
    verdict: str = ""


@dataclass(frozen=True)
class ScoreCard:
    """Metrics below one another."""

    caption: str
    scores: Sequence[Score]
    kind: ClassVar[str] = "score-card"


Block = Text | Code | Table | Bars | Chart | Pictures | Gallery | Fold | ScoreCard


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Block]
    anchor: str = ""


@dataclass(frozen=True)
class Tile:
    """A number at the top of a run's part.

    Attributes:
        label: its name.
        value: the number.
        note: what it was measured on.
        when: at which update, where the run went on after it.
        method: how it was measured; shown where several runs stand side by side.
    """

    label: str
    value: str
    note: str = ""
    when: str = ""
    method: str = ""

    @property
    def below(self) -> str:
        """The text below the number."""
        return ", ".join(filter(None, [self.note, self.when]))


@dataclass(frozen=True)
class Remark:
    """A finding of a diagnosis.

    Attributes:
        name: of the finding.
        severity: serious, warning or note.
        text: what it means, and what to try.
        evidence: the numbers that it rests on.
    """

    name: str
    severity: str
    text: str
    evidence: str


@dataclass(frozen=True)
class Part:
    """The part of a page about one run, or about several together.

    Attributes:
        name: of the run.
        title: the heading.
        summary: one paragraph.
        tiles: the main numbers.
        gaps: sentences about what is missing.
        sections: the rest.
        anchor: unique on the page.
        kicker: above the heading where the page has no other part.
        remarks: findings of a diagnosis.
    """

    name: str
    title: str
    summary: str
    tiles: Sequence[Tile]
    gaps: Sequence[str]
    sections: Sequence[Section]
    anchor: str = ""
    kicker: str = "Report of a run"
    remarks: Sequence[Remark] = ()


@dataclass
class Album:
    """The figures of one part of a page, each also as SVG and PNG.

    Attributes:
        prefix: before the name of each file and id; unique on the page.
        files: name -> content, filled while figures are added.
    """

    prefix: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def chart(self, name: str, figure: Figure, *, alt: str, caption: str) -> Chart:
        """Adds a figure.

        Args:
            name: unique among the figures of this part.
            figure: what is drawn.
            alt: what it shows, for readers who cannot see it.
            caption: how to read it.
        """
        name = self._keep(name, figure)
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
            across: what changes from column to column, or nothing.
            down: what changes from row to row, or nothing.
        """
        rows = [(plain(name, 120), images) for name, images in rows]
        name = self._keep(name, picture_rows(rows, title=title, columns=columns, across=across, down=down))
        grids = [(label, images[None]) for label, images in rows]
        if not any(label for label, _ in rows):
            grids = [("", np.stack([images for _, images in rows]))]
        strips = [_strip(label, grid, alt) for label, grid in grids]
        return Pictures(name, title if headed else "", strips, caption, columns, across, down)

    def _keep(self, name: str, figure: Figure) -> str:
        taken = [file.removesuffix(".svg") for file in self.files if file.endswith(".svg")]
        name = unique([*taken, f"{self.prefix}{slug(name)}"])[-1]
        drawing = draw(figure)
        self.files |= {f"{name}.svg": drawing.svg, f"{name}.png": drawing.png}
        return name


def _strip(name: str, grid: Images, alt: str) -> Strip:
    """(rows, columns, H, W, C) images as one element, each pixel a whole number of CSS pixels."""
    picture = tile(grid)
    scale = max(1, min(PAGE_WIDTH // picture.shape[1], PICTURE_HEIGHT // grid.shape[2]))
    words = f"{name}: {alt}" if name else alt
    width, height = scale * picture.shape[1], scale * picture.shape[0]
    return Strip(name, data_uri(picture), width, height, plain(words), scale > 1)


def render(title: str, parts: Sequence[Part], *, figures: str, version: str) -> bytes:
    """The whole page.

    Args:
        title: of the browser's window.
        parts: of the page, in order; with more than one, each has a heading of its own.
        figures: path of the folder of figures, as the page links to it.
        version: of the program that trained the runs.

    Returns:
        HTML in UTF-8. All text is escaped by the template; equal parts give equal bytes.
    """
    environment = Environment(
        loader=PackageLoader("simulacra.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    html = template.render(title=title, parts=_anchored(parts), figures=figures, version=version)
    return html.encode("utf-8", "replace")


def _anchored(parts: Sequence[Part]) -> list[Part]:
    """The same parts with a unique anchor for each part and section."""
    heads = unique([slug(part.name).lower() for part in parts])
    result = []
    for head, part in zip(heads, parts, strict=True):
        anchors = unique([f"{head}--{slug(section.title).lower()}" for section in part.sections])
        sections = [replace(section, anchor=anchor) for section, anchor in zip(part.sections, anchors, strict=True)]
        result.append(replace(part, anchor=head, sections=sections))
    return result
