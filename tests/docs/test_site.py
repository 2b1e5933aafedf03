"""The documentation builds as a site, strictly, from what lies on this disk."""

import socket
from pathlib import Path

import pytest

config = pytest.importorskip("mkdocs.config")
build = pytest.importorskip("mkdocs.commands.build")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning, such as a broken link, fails the build, and so does a connection."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _refuse)
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def _refuse(*_: object) -> None:
    raise AssertionError("the site was built with a connection to another machine")


def test_every_page_is_in_the_site(site: Path) -> None:
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= {page.stem for page in site.glob("*.html")}


def test_the_reference_shows_the_docstrings_of_the_python_interface(site: Path) -> None:
    text = (site / "reference.html").read_text("utf-8")
    for name in ("train", "evaluate", "compare", "models.Run", "models.Model"):
        assert f"simulacra.api.{name}" in text


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text("utf-8")
        for attribute in ('<script src="http', '<link rel="stylesheet" href="http', '<img src="http'):
            assert attribute not in text, page.name
