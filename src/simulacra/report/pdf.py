"""A page as PDF, printed by a browser of this machine: Chromium or a relative, without a window or a network."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from simulacra.errors import RunError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
PLACES = (  # where browsers stand that no command finds
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)
MOST_SECONDS = 300


def to_pdf(page: bytes) -> bytes:
    """A self-contained HTML page as the content of a PDF file.

    Raises:
        RunError: there is no such browser, or it fails.
    """
    browser = find_browser()
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_bytes(page)
        # The sandbox of Chromium does not start for a root user, as in a container.
        flags = [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
        command = [browser, *flags, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=MOST_SECONDS, check=True)
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise RunError(
                f"{browser} could not print the page ({type(error).__name__}); write it as HTML, --out report.html, "
                "and print it from a browser"
            ) from error


def find_browser() -> str:
    """The path of a browser that prints.

    Raises:
        RunError: this machine has none.
    """
    browsers = [*filter(None, map(shutil.which, BROWSERS)), *(place for place in PLACES if Path(place).is_file())]
    if not browsers:
        raise RunError(
            "a PDF is printed by Chromium, Chrome or Edge, and none was found; install one (on Debian: apt-get install "
            "chromium), or write the page as HTML, --out report.html, and print it from a browser"
        )
    return browsers[0]
