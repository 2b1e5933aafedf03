"""The report as a browser shows it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=900,1200",
]


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: apt-get install chromium")
        pytest.skip("chromium is missing: apt-get install chromium")
    return found


def test_a_report_opens_from_disk_without_a_network(written: Any, chromium: str, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    words = [chromium, *QUIET, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run([*words, f"--screenshot={shot}", written.page.as_uri()], check=True, capture_output=True, timeout=60)
    with Image.open(shot) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=2**20)
    assert colours is not None
    assert len(colours) > 500, "a page with pictures has many colours, a blank or broken one has few"
