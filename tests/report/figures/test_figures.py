"""Promises of figures inside a page."""

from xml.etree import ElementTree

import numpy as np

from simulacra.report.figures import VARIABLES, draw, inline
from simulacra.report.figures.curves import Line, curves


def test_an_inline_figure_takes_on_the_page_s_colours_and_meets_no_other_s_ids() -> None:
    x = np.arange(1.0, 101.0)
    svg = draw(curves([Line("a", x, x)], title="t", x_name="updates", y_name="y")).svg
    element = inline(svg, "one", "a <title>")
    root = ElementTree.fromstring(element)
    assert root.attrib["aria-label"] == "a <title>"
    assert "http" not in element
    assert not [colour for colour in VARIABLES if f": {colour}" in element]
    ids = {node.attrib["id"] for node in root.iter() if "id" in node.attrib}
    assert ids
    assert all(name.startswith("one-") for name in ids)
