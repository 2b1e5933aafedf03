"""Pictures of the explorer for the README, from a folder with runs `acgan` and `vae` of the demo's recipes.

python benchmarks/explorer_pictures.py runs/demo [--out docs/images]

simulacra demo trains such runs; the checkpoints of longer ones look better.
"""

import argparse
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIZE = {"width": 1240, "height": 800}


def sliders(page: Any) -> None:
    page.locator("#strip button").nth(8).wait_for()


def edit(page: Any) -> None:
    page.fill("#test-picture", "17")
    page.click("#use-test-picture")
    page.locator("#encoded img").nth(1).wait_for()
    page.get_by_role("button", name="Add Eyeglasses").click()
    page.locator("#picture[data-drawn*='Eyeglasses']").wait_for()


PICTURES: dict[str, tuple[str, dict[str, str], Callable[[Any], None]]] = {
    "explorer-sliders": (
        "light",
        {
            "run": "acgan",
            "tab": "sliders",
            "along": "principal_directions:2",
            "code": '{"seed": 4, "labels": {"Eyeglasses": 1}, "principal_directions": {"2": 1}}',
        },
        sliders,
    ),
    "explorer-edit": ("dark", {"run": "vae", "tab": "edit"}, edit),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="folder of the two runs")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder to write")
    options = parser.parse_args()
    words = [sys.executable, "-c", "from simulacra.cli import main; main()", "explore", str(options.runs)]
    server = subprocess.Popen([*words, "--port", "0", "--no-browser"], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        address = server.stderr.readline().split(" at ")[1].split(" ")[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            for name, (scheme, state, act) in PICTURES.items():
                page = browser.new_page(viewport=SIZE, color_scheme=scheme)
                page.goto(f"{address}#{urlencode(state)}")
                page.wait_for_selector("#picture[data-drawn]")
                act(page)
                page.mouse.move(5, 5)
                page.wait_for_timeout(1500)
                with Image.open(io.BytesIO(page.screenshot())) as shot:
                    shot.convert("RGB").save(options.out / f"{name}.webp", quality=86)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
