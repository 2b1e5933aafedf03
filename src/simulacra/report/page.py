"""Parts -> one self-contained HTML file, by the templates beside this file."""

from collections.abc import Sequence
from dataclasses import replace

from jinja2 import Environment, PackageLoader, StrictUndefined

from simulacra.report.blocks import Part
from simulacra.report.formats import slug, unique


def render(title: str, parts: Sequence[Part], *, figures: str, version: str) -> bytes:
    """The whole page.

    Args:
        title: of the browser's window.
        parts: what it says, in order; with more than one, each has a heading of its own.
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
    """The same parts, every part and section with an anchor that no other has."""
    heads = unique([slug(part.name).lower() for part in parts])
    result = []
    for head, part in zip(heads, parts, strict=True):
        anchors = unique([f"{head}--{slug(section.title).lower()}" for section in part.sections])
        sections = [replace(section, anchor=anchor) for section, anchor in zip(part.sections, anchors, strict=True)]
        result.append(replace(part, anchor=head, sections=sections))
    return result
