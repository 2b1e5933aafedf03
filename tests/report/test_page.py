"""Promises of the page itself: it needs nothing but itself, it shows names as names, and it can be read by anyone.

The report as a browser shows it.
"""

import io
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

VOID = {"meta", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Elements with their attributes, and the text outside of <style>."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.unmatched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module", params=["written", "hostile"])
def report(request: pytest.FixtureRequest) -> Any:
    found: Any = request.getfixturevalue(request.param)
    return found


def test_the_page_needs_no_network_and_runs_no_script(report: Any) -> None:
    outline = Outline(report.html)
    tags = {tag for tag, _ in outline.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "b", "i"}
    for _, attributes in outline.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action"):
            assert re.match(r"(data:image/png;base64,|#|figures/[\w.-]+$|$)", attributes.get(key, "")), attributes
    assert not re.search(r"@import|url\((?!#)", report.html)


def test_names_are_shown_as_they_were_typed(hostile: Any) -> None:
    text = " ".join("".join(Outline(hostile.html).text).split())
    for name in ("<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é back", "<b>run$&\"'", "Own <i>picture"):
        assert name in text
    assert "\u202e" not in hostile.html
    assert "\x07" not in hostile.html


def test_names_in_figures_are_text_not_markup_and_not_formulas(fake: Any, hostile: Any) -> None:
    figures = fake.figures(hostile.run.path)
    texts = {text for svg in figures if svg.endswith(".svg") for text in _texts(figures[svg])}
    for name in ("<script>alert(1)</script>", "$x^2$", "_hidden", "without $x^2$"):
        assert name in texts
    assert max(map(len, texts)) < 100


def _texts(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")]


def test_every_figure_also_stands_beside_the_page_as_svg_and_png(fake: Any, report: Any) -> None:
    linked = {attributes["href"].removeprefix("figures/") for attributes in Outline(report.html).all("a")} - {""}
    linked = {name for name in linked if not name.startswith("#")}
    figures = fake.figures(report.run.path)
    assert linked == set(figures)
    assert {name.removesuffix(".svg") for name in figures if name.endswith(".svg")} == {
        name.removesuffix(".png") for name in figures if name.endswith(".png")
    }
    for name in figures:
        if name.endswith(".png"):
            with Image.open(report.run.path / "figures" / name) as picture:
                assert round(picture.info["dpi"][0]) == 200


def test_no_figure_holds_a_number_that_is_none(fake: Any, report: Any) -> None:
    for name, content in fake.figures(report.run.path).items():
        if name.endswith(".svg"):
            drawn = [value for element in ElementTree.fromstring(content).iter() for value in element.attrib.values()]
            assert not [value for value in drawn if re.search(r"\bnan\b|\binf\b", value)]


def test_the_page_is_well_formed_and_its_ids_are_unique(report: Any) -> None:
    outline = Outline(report.html)
    assert not outline.unmatched
    assert not outline.open
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = {attributes.get("href", "") for _, attributes in outline.elements}
    pointed |= {f"#{name}" for name in re.findall(r"url\(#([^)]+)\)", report.html)}
    pointed |= {f"#{attributes['aria-labelledby']}" for attributes in outline.all("section")}
    assert {target[1:] for target in pointed if target.startswith("#")} <= set(ids)


def test_screen_readers_find_headings_alternatives_and_scopes(report: Any) -> None:
    outline = Outline(report.html)
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(len(attributes["alt"]) > 10 for attributes in outline.all("img"))
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in outline.all("svg"))
    assert all(attributes["scope"] in ("row", "col") for attributes in outline.all("th"))


def test_the_report_loads_no_torch() -> None:
    code = "import sys, simulacra.report; sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_long_names_are_cut_in_figures_and_whole_on_the_page(fake: Any, hostile: Any) -> None:
    assert fake.hostile[4][:100].strip() in " ".join("".join(Outline(hostile.html).text).split())


def test_a_report_opens_from_disk_without_a_network(written: Any, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 1200})
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(written.page.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert wrong == []
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=2**20)
    page.close()
    assert colours is not None
    assert len(colours) > 500, "a page with pictures has many colours, a blank or broken one has few"
