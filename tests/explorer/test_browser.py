"""The explorer as a person uses it, in a browser: sliders, map, upload, download, a link that is shared."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from simulacra.explorer import free_socket, make_app
from simulacra.explorer.library import Library
from simulacra.explorer.security import Guard

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, str]]:
    """What is served; it ends with the module."""
    addresses: dict[str, str] = {}
    ends: list[Callable[[], None]] = []
    addresses["ends"] = ends
    yield addresses
    for end in ends:
        end()


@pytest.fixture
def site(sites: dict[str, Any], run_of: Any) -> str:
    """The address of an explorer of a VAE, an ACGAN with a hostile label, and two runs of a study, one a classifier."""
    if "site" not in sites:
        hostile = {"store": {"labels": (HOSTILE, "Male")}, "data.labels": [HOSTILE, "Male"]}
        paths = [run_of("vae").path, run_of("acgan", **hostile).path]
        for seed, family in enumerate(("wgan", "classifier")):
            run = run_of(family, steps=(6,))
            run.write_facts({"studies": {"flips-help": {"case": "mirrored", "seed": seed}}})
            paths.append(run.path)
        at = free_socket("127.0.0.1", 0)
        server = uvicorn.Server(
            uvicorn.Config(Guard(make_app(Library(paths))), access_log=False, log_level="error", lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()

        def end() -> None:
            server.should_exit = True
            thread.join(20)
            at.close()

        sites["ends"].append(end)
        sites["site"] = f"http://127.0.0.1:{at.getsockname()[1]}/"
    address: str = sites["site"]
    return address


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Callable[..., Any]]:
    """page(hash, **context options): an open page whose picture is drawn; nothing may go wrong in it."""
    opened, wrong = [], []

    def open_page(place: str = "run=the-vae", **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
        context.set_default_timeout(20_000)
        one = context.new_page()
        one.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        one.on("pageerror", lambda error: wrong.append(str(error)))
        one.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        one.on(
            "request",
            lambda request: None if request.url.startswith((site, "data:", "blob:")) else wrong.append(request.url),
        )
        opened.append(context)
        one.goto(f"{site}#{place}")
        one.wait_for_selector("#picture[data-drawn]")
        return one

    yield open_page
    for context in opened:
        context.close()
    assert [line for line in wrong if "422" not in line] == []


def drawn(page: Any) -> str:
    """What the large picture looks like."""
    found: str = page.locator("#picture").evaluate("canvas => canvas.toDataURL()")
    return found


def until_drawn(page: Any, part: str) -> None:
    """Waits until a code that holds these letters is drawn."""
    page.locator(f"#picture[data-drawn*='{part}']").wait_for()


def test_a_slider_changes_the_picture_and_goes_back(page) -> None:
    one = page("run=the-vae&tab=sliders")
    before = drawn(one)
    slider = one.get_by_label("Direction 1", exact=True)
    slider.fill("4")
    until_drawn(one, '"principal_directions":{"1":4}')
    assert drawn(one) != before
    assert one.locator("#description").inner_text() == "seed 0, direction 1: +4"
    one.get_by_label("Reset Direction 1").click()
    until_drawn(one, '{"seed":0}')
    assert drawn(one) == before


def held(page: Any, path: str) -> tuple[list[str], Callable[[], None]]:
    """Addresses with this path that were asked for, unanswered until the returned function is called."""
    asked, routes, free = [], [], threading.Event()

    def hold(route: Any) -> None:
        asked.append(route.request.url)
        if free.is_set():
            route.continue_()
        else:
            routes.append(route)

    def release() -> None:
        free.set()
        for route in routes:
            route.continue_()

    page.route(re.compile(re.escape(path)), hold)
    return asked, release


def test_while_an_answer_is_awaited_only_the_newest_move_of_a_slider_is_kept(page) -> None:
    one = page("run=the-vae&tab=sliders")
    asked, release = held(one, "/runs/the-vae/picture.png")
    slider = one.get_by_label("Direction 1", exact=True)
    for value in range(1, 41):
        slider.fill(str(value / 10))
    assert len(asked) == 1
    release()
    until_drawn(one, '"principal_directions":{"1":4}')
    assert len(asked) == 2
    last = drawn(one)
    other = page('run=the-vae&code={"seed":0,"principal_directions":{"1":4}}')
    until_drawn(other, '"principal_directions":{"1":4}')
    assert drawn(other) == last


def test_a_picture_of_a_run_that_was_left_is_never_drawn(page) -> None:
    one = page("run=the-vae&tab=sliders")
    one.evaluate(
        """() => {
            const picture = document.getElementById("picture");
            window.subjects = [];
            new MutationObserver(() => window.subjects.push(picture.dataset.subject + picture.dataset.drawn))
                .observe(picture, { attributes: true, attributeFilter: ["data-drawn"] });
        }"""
    )
    asked, release = held(one, "/runs/the-vae/picture.png")
    one.get_by_label("Direction 1", exact=True).fill("3")
    one.select_option("#run", "the-acgan")
    one.get_by_role("slider", name="Male").wait_for()
    assert len(asked) == 1
    release()
    one.locator("#picture[data-subject^='the-acgan']").wait_for()
    subjects = one.evaluate("window.subjects")
    assert subjects
    assert all(subject.startswith("the-acgan") for subject in subjects)


def test_everything_works_by_keyboard(page) -> None:
    one = page("run=the-vae&tab=samples")
    one.get_by_role("tab", name="Samples").focus()
    one.keyboard.press("ArrowRight")
    assert one.get_by_role("tab", name="Sliders").get_attribute("aria-selected") == "true"
    slider = one.get_by_label("Direction 2", exact=True)
    slider.focus()
    one.keyboard.press("End")
    until_drawn(one, '"principal_directions":{"2":5}')
    one.get_by_role("tab", name="Map").click()
    one.locator("#map-legend li").first.wait_for()
    one.locator("#map").focus()
    one.keyboard.press("ArrowLeft")
    one.keyboard.press("Enter")
    until_drawn(one, '"numbers"')


def test_the_map_shows_pictures_and_decodes_where_it_is_clicked(page, run_of) -> None:
    one = page("run=the-vae&tab=map")
    one.locator("#map-legend li").first.wait_for()
    assert one.locator("#map-legend").inner_text().split() == ["Male", "not", "Male"]
    one.select_option("#map-colour", "Smiling")
    assert "Smiling" in one.locator("#map-legend").inner_text()
    points = run_of("vae").arrays("map")["points"].astype(float)
    box = one.locator("#map").bounding_box()
    low, high = points.min(0), points.max(0)
    scale = min(box["width"] / (1.1 * (high - low)[0]), box["height"] / (1.1 * (high - low)[1]))
    across, down = (points[4] - (low + high) / 2) * scale
    x, y = float(box["x"] + box["width"] / 2 + across), float(box["y"] + box["height"] / 2 - down)
    one.mouse.move(x - 1, y)
    one.mouse.move(x, y)
    one.locator("#dot-picture[data-index='4']").wait_for()
    before = drawn(one)
    one.mouse.click(x, y)
    until_drawn(one, '"numbers"')
    assert drawn(one) != before
    one.keyboard.down("Shift")
    one.mouse.move(x, y)
    one.mouse.down()
    one.mouse.move(x + 90, y + 40, steps=3)
    one.mouse.up()
    one.keyboard.up("Shift")
    one.get_by_label("Image 12 along the line").click()
    one.locator("#line button[aria-pressed='true']").wait_for()


def test_an_uploaded_picture_is_marked_on_the_map(page, made, tmp_path) -> None:
    one = page("run=the-vae&tab=map")
    one.locator("#map-legend li").first.wait_for()
    before = one.locator("#map").evaluate("canvas => canvas.toDataURL()")
    (tmp_path / "face.png").write_bytes(made.picture())
    one.get_by_label("Place a picture on the map").set_input_files(tmp_path / "face.png")
    one.get_by_text(
        re.compile(r"The ring marks the code of face\.png\. The nearest point is test image \d+\.")
    ).wait_for()
    until_drawn(one, '"numbers"')
    assert one.locator("#map").evaluate("canvas => canvas.toDataURL()") != before
    one.get_by_role("tab", name="Edit").click()
    assert one.get_by_alt_text("face.png").is_visible()
    assert one.locator("#panel-edit strong").inner_text() == "face.png"


def test_an_upload_is_shown_beside_its_reconstruction_and_then_changed(page, made, tmp_path) -> None:
    one = page("run=the-vae&tab=edit")
    (tmp_path / "face.jpg").write_bytes(made.picture(60, 50, "JPEG"))
    one.get_by_label("Upload a picture").set_input_files(tmp_path / "face.jpg")
    one.locator("#encoded img").nth(1).wait_for()
    until_drawn(one, '"numbers"')
    before = drawn(one)
    one.get_by_role("button", name="Add Smiling").click()
    until_drawn(one, '"attributes":{"Smiling":1}')
    assert drawn(one) != before
    (tmp_path / "bad.png").write_bytes(b"no picture at all")
    one.get_by_label("Upload a picture").set_input_files(tmp_path / "bad.png")
    one.get_by_text("The picture bad.png was not used: the picture is not a picture in any known format").wait_for()
    assert one.locator("#panel-edit strong").inner_text() == "face.jpg", "it is the picture that is shown"
    one.select_option("#run", "the-acgan")
    one.get_by_role("button", name="Encode with this model").wait_for()
    assert one.locator("#panel-edit strong").inner_text() == "face.jpg"


def test_what_is_downloaded_is_what_is_shown(page, client, run_of) -> None:
    one = page('run=the-vae&code={"seed":7}')
    until_drawn(one, '{"seed":7}')
    with one.expect_download() as download:
        one.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "the-vae-seed-7.png"
    expected = client(run_of("vae").path).get("/runs/the-vae/picture.png", params={"code": '{"seed": 7}'}).content
    assert Path(download.value.path()).read_bytes() == expected
    one.get_by_role("button", name="Copy command").click()
    assert "simulacra sample" in one.locator("#command-text").text_content()


def test_a_link_shows_what_its_sender_saw(page, site) -> None:
    one = page("run=the-acgan&tab=sliders")
    one.get_by_role("slider", name="Male").fill("0.35")
    one.get_by_label("Direction 1", exact=True).fill("-2")
    until_drawn(one, '"principal_directions":{"1":-2}')
    one.wait_for_url(re.compile("principal_directions"))
    other = page(one.url.split("#", 1)[1])
    until_drawn(other, '"principal_directions":{"1":-2}')
    assert drawn(other) == drawn(one)
    assert other.get_by_role("slider", name="Male").input_value() == "0.35"
    assert other.get_by_role("tab", name="Sliders").get_attribute("aria-selected") == "true"
    other.get_by_role("tab", name="Interpolation").click()
    other.go_back()
    other.get_by_role("tab", name="Sliders", selected=True).wait_for()


def test_back_from_the_first_change_finds_the_run_that_was_there_first(page) -> None:
    one = page("")
    first = one.locator("#run").input_value()
    one.select_option("#run", "the-acgan" if first == "the-vae" else "the-vae")
    one.wait_for_url(re.compile("run=(?!" + first + ")"))
    one.go_back()
    one.wait_for_url(re.compile(f"run={first}&"))
    one.wait_for_function("name => document.getElementById('run').value === name", arg=first)


def test_a_link_to_a_checkpoint_that_is_gone_says_so_and_shows_the_newest(page) -> None:
    one = page("run=the-vae&step=77")
    one.get_by_text("the newest checkpoint is shown").wait_for()
    assert "step=" not in one.url
    assert one.locator("#controls").is_visible()


def test_a_hostile_name_is_text_and_nothing_else(page) -> None:
    one = page("run=the-acgan&tab=sliders")
    one.get_by_text(HOSTILE, exact=True).first.wait_for()
    assert one.locator("#sliders img").count() == 0


def test_interpolation_training_and_run_panels_fill(page) -> None:
    one = page("run=the-acgan&tab=interpolation")
    one.locator("#interpolation-grid button").nth(8).wait_for()
    one.get_by_role("slider", name="From A to B").fill("16")
    until_drawn(one, '"numbers"')
    one.get_by_label("four codes").check()
    one.locator("#interpolation-grid button").nth(80).wait_for()
    one.get_by_role("tab", name="Training").click()
    one.get_by_role("button", name="Step 3").click()
    one.wait_for_url(re.compile("step=3"))
    one.get_by_role("tab", name="Results").click()
    one.get_by_role("img", name="Loss: total 0.167 at the end").wait_for()
    assert one.get_by_role("rowheader", name="Reconstruction error (MSE)").is_visible()
    assert one.locator("#heading").inner_text().startswith("ACGAN of ")
    assert one.get_by_text("The baseline is what real images, chance or a linear code get").is_visible()
    one.select_option("#other", "the-vae")
    one.locator("#name-compared", has_text="the-vae").wait_for()
    assert one.locator("#name").inner_text() == "the-acgan"


def test_a_code_that_does_not_fit_is_reported_in_a_sentence(page) -> None:
    one = page("run=the-vae")
    one.goto(one.url.split("#")[0] + '#run=the-vae&code={"numbers":[1]}')
    one.get_by_text("numbers has 1 numbers, and a code of this model 3").wait_for()


def test_a_phone_shows_it_without_scrolling_sideways_and_everything_has_a_name(page) -> None:
    one = page("run=the-acgan&tab=sliders", viewport={"width": 360, "height": 740}, color_scheme="dark")
    for tab in ("Samples", "Sliders", "Interpolation", "Map", "Edit", "Training", "Results"):
        one.get_by_role("tab", name=tab, exact=True).click()
        assert one.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), tab
    nameless = one.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas:not([aria-hidden])")]
            .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_a_phone_shows_every_number_of_a_metric_with_its_name_and_split(page) -> None:
    one = page("run=the-acgan&tab=run", viewport={"width": 390, "height": 844})
    row = one.locator("#scores tbody tr").first
    row.wait_for()
    assert row.get_by_role("rowheader").inner_text().startswith("Reconstruction error (MSE), test")
    assert one.locator("#scores").evaluate("box => box.scrollWidth <= box.clientWidth")
    names = row.locator("td").evaluate_all("cells => cells.map((cell) => getComputedStyle(cell, '::before').content)")
    assert [name.split('"')[1].strip() for name in names] == ["value", "95% interval", "baseline", "images", "step"]


def test_runs_of_a_study_stand_together_in_the_list(page) -> None:
    one = page("run=the-vae")
    groups = """id => [...document.querySelectorAll(`#${id} > *`)].map((child) => [child.label ?? child.textContent,
        ...[...child.children].map((option) => option.textContent)])"""
    assert one.evaluate(groups, "run") == [
        ["the-vae"],
        ["the-acgan"],
        ["Study flips-help", "mirrored, seed 0 (the-wgan)", "mirrored, seed 1 (the-classifier)"],
    ]
    others = one.evaluate(groups, "other")
    assert others[-1] == ["Study flips-help", "mirrored, seed 0 (the-wgan)"], "a classifier has no images to compare"


def test_a_tab_without_content_is_dimmed_and_says_why(page) -> None:
    one = page("run=the-wgan")
    no_map, one_checkpoint = "This model has no encoder", "This run kept one checkpoint"
    for name, reason in (("Map", no_map), ("Training", one_checkpoint)):
        tab = one.get_by_role("tab", name=name)
        assert reason in tab.get_attribute("title")
        assert reason in one.locator(f"#{tab.get_attribute('aria-describedby')}").text_content()
        tab.focus()
        one.keyboard.press("Enter")
        notice = one.locator(f"#panel-{name.lower()} > :visible")
        assert reason in notice.inner_text(), "it is all that the panel shows"
    assert one.get_by_role("alert").count() == 0
    one.select_option("#run", "the-vae")
    one.locator("#tab-training:not(.lacking)").wait_for()
    one.locator("#training-strip button").nth(1).wait_for()
    one.select_option("#run", "the-classifier")
    one.get_by_text("This model generates no images").wait_for()
    assert one.locator(".tabs .lacking").count() == 6
    assert one.get_by_role("alert").count() == 0


def test_a_message_closes_and_does_not_outlive_its_view(page) -> None:
    one = page("run=the-vae")
    message, link = one.locator(".message"), one.get_by_role("button", name="Copy link")
    link.click()
    one.get_by_role("button", name="Close this message").click()
    assert message.count() == 0
    link.click()
    message.wait_for()
    one.keyboard.press("Escape")
    assert message.count() == 0
    link.click()
    message.wait_for()
    one.get_by_role("tab", name="Edit").click()
    assert message.count() == 0


def test_another_run_gets_what_fits_it_of_a_code(page) -> None:
    one = page('run=the-acgan&code={"seed":4,"labels":{"Male":1},"principal_directions":{"1":2}}')
    until_drawn(one, '"Male"')
    refused: list[str] = []
    one.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    one.select_option("#run", "the-vae")
    until_drawn(one, '{"seed":4,"principal_directions":{"1":2}}')
    one.get_by_text("what does not fit was removed").wait_for()
    assert refused == []


def test_walks_and_trainings_are_saved_as_animations(page, client, run_of) -> None:
    one = page("run=the-vae&tab=interpolation&pixels=1")
    one.locator("#interpolation-grid button").nth(8).wait_for()
    with one.expect_download() as download:
        one.locator("#panel-interpolation").get_by_role("button", name="Save GIF").click()
    assert download.value.suggested_filename == "the-vae-interpolation.gif"
    query = {"code": ['{"seed": 0}', '{"seed": 101}'], "frames": 33, "pixels": True}
    expected = client(run_of("vae").path).get("/runs/the-vae/interpolation.gif", params=query).content
    assert Path(download.value.path()).read_bytes() == expected
    one.get_by_role("tab", name="Training").click()
    one.locator("#training-strip button").nth(1).wait_for()
    with one.expect_download() as download:
        one.locator("#panel-training").get_by_role("button", name="Save WebP").click()
    assert download.value.suggested_filename == "the-vae-training.webp"
