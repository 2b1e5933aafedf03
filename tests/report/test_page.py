"""Promises of the page itself: it needs nothing but itself, it shows names as names, and it can be read by anyone."""

import itertools
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from simulacra.report.figures import draw
from simulacra.report.page import fold, picture_rows, tile


@pytest.fixture(scope="module", params=["written", "hostile"])
def page(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_the_page_needs_no_network_and_runs_no_script(page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "b", "i"}
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action"):
            assert re.match(r"(data:image/(png|webp);base64,|#|figures/[\w.-]+$|$)", attributes.get(key, "")), (
                attributes
            )
    assert not re.search(r"@import|url\((?!#)", page.html)


def test_a_phone_shows_the_page_without_scrolling_sideways(page, browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.goto(page.path.resolve().as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_names_are_shown_as_they_were_typed(fake, hostile) -> None:
    for name in ("<script>alert(1)</script>", "$x^2$", "_hidden", "笑顔 é back", "<b>run$&\"'", "Own <i>picture"):
        assert name in hostile.text
    assert fake.hostile[4][:100].strip() in hostile.text, "long names are cut in figures and whole on the page"
    assert "\u202e" not in hostile.html
    assert "\x07" not in hostile.html


def test_texts_of_evaluations_are_cut(hostile) -> None:
    assert "very long" in hostile.sections["Score card"]
    assert "very long " * 7 not in hostile.sections["Score card"]


def test_names_in_figures_are_text_not_markup_and_not_formulas(fake, hostile) -> None:
    texts = {text for name, svg in hostile.figures.items() if name.endswith(".svg") for text in fake.words_in(svg)}
    for name in ("<script>alert(1)</script>", "$x^2$", "_hidden", "without $x^2$"):
        assert name in texts
    assert max(map(len, texts)) < 100


def test_every_figure_is_also_a_file_beside_the_page_as_svg_and_png(page) -> None:
    linked = {link["href"].removeprefix("figures/") for link in page.all("a") if link["href"].startswith("figures/")}
    assert linked == set(page.figures)
    names = {Path(name).stem for name in page.figures}
    assert set(page.figures) == {f"{name}.{ending}" for name in names for ending in ("svg", "png")}
    for name in names:
        with Image.open(BytesIO(page.figures[f"{name}.png"])) as picture:
            assert round(picture.info["dpi"][0]) == 200


def test_no_figure_holds_a_number_that_is_none(page) -> None:
    for name, content in page.figures.items():
        if name.endswith(".svg"):
            drawn = [value for element in ElementTree.fromstring(content).iter() for value in element.attrib.values()]
            assert not [value for value in drawn if re.search(r"\bnan\b|\binf\b", value)]


def test_the_page_is_well_formed_and_its_ids_are_unique(page) -> None:
    assert not page.unmatched
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = {attributes.get("href", "") for _, attributes in page.elements}
    pointed |= {f"#{name}" for name in re.findall(r"url\(#([^)]+)\)", page.html)}
    pointed |= {f"#{attributes['aria-labelledby']}" for attributes in page.all("section")}
    assert {target[1:] for target in pointed if target.startswith("#")} <= set(ids)


def test_screen_readers_find_headings_alternatives_and_scopes(page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(len(text) > 10 for text in page.images)
    assert all(attributes["role"] == "img" for attributes in page.all("svg"))
    assert all(attributes["scope"] in ("row", "col") for attributes in page.all("th"))


def test_the_report_loads_no_torch() -> None:
    code = "import sys, simulacra.report; sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_report_opens_from_disk_without_a_network(written, browser) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 1200})
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(written.path.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert wrong == []
    with Image.open(BytesIO(page.screenshot())) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=2**20)
    page.close()
    assert len(colours) > 500, "a page with pictures has many colours, a blank or broken one has few"


def test_equal_figures_give_equal_bytes(fake) -> None:
    rows = [("a", fake.noise(4, 8, 6, 1)), ("b", fake.noise(4, 8, 6, 1))]
    first, second = (draw(picture_rows(rows, title="t", columns=list("wxyz"))) for _ in range(2))
    assert first == second


def test_tiles_keep_every_pixel_and_see_through_gaps(fake) -> None:
    images = fake.noise(6, 4, 5, 1)
    picture = tile(fold(images, 3))
    assert picture.shape == (2 * 5 - 1, 3 * 6 - 1, 4)
    np.testing.assert_array_equal(picture[5:9, 6:11, 0], images[4, :, :, 0])
    assert not picture[4].any()
