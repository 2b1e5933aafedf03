"""The page of `--format web`, in a browser without a network."""

import threading
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from platformdirs import user_cache_path
from playwright.sync_api import Page, Route

import simulacra as sm


class Quiet(SimpleHTTPRequestHandler):
    """A file server as plain as they come, which says nothing."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server of tmp_path / "out"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "out")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def drawn(page: Page) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The code (1, width) and the pixels (H, W, 3) on the large canvas."""
    page.wait_for_selector("body[data-state=drawn]", timeout=60_000)
    code, picture = page.evaluate(
        """async () => {
            const { shown } = await import("./page.js");
            return [[...shown.code], document.querySelector("#large").toDataURL().split(",")[1]];
        }"""
    )
    with Image.open(BytesIO(b64decode(picture))) as canvas:
        return np.array([code], np.float32), np.asarray(canvas.convert("RGB"))


def set_slider(page: Page, name: str, value: float) -> None:
    page.evaluate("delete document.body.dataset.state")
    page.get_by_label(name, exact=True).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value
    )


@pytest.mark.usefixtures("npm")
def test_a_page_runs_the_model_in_the_browser_without_a_network(
    trained, simulacra, tmp_path, served, browser, monkeypatch
) -> None:
    try:
        user_cache_path("simulacra", ensure_exists=True)
    except OSError:  # no home to write in
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = trained("acgan", **{"objective.code.labels": "onehot"})
    simulacra("export", run, "--format", "web", "--out", tmp_path / "out", code=0)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "sm.load" not in card, "which opens no page"
    assert "```sh\npython -m http.server 8000\n```" in card, "as the server of this test"
    model, messages = sm.open_run(run), []
    page = browser.new_page()
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))

    def only_ours(route: Route) -> None:
        if route.request.url.startswith(served):
            route.continue_()
        else:
            messages.append(route.request.url)
            route.abort()

    page.route("**/*", only_ours)
    page.goto(served)
    code, pixels = drawn(page)
    assert np.abs(model.decode(code)[0].astype(int) - pixels).max() <= 1, "the pixels are those of the run"
    noise = model.subject.generates.code.noise
    set_slider(page, "Smiling", 0.25)
    smiling, changed = drawn(page)
    assert smiling[0, noise : noise + 2].tolist() == [0.75, 0.25]
    assert np.array_equal(smiling[0, :noise], code[0, :noise])
    assert np.abs(model.decode(smiling)[0].astype(int) - changed).max() <= 1
    set_slider(page, "Spread", 0)
    assert not drawn(page)[0][0, :noise].any()
    page.close()
    assert messages == [], "no error, and nothing was asked of anybody else"
