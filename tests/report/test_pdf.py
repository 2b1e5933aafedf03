"""A page as PDF, by a browser of this machine; and what is said where there is none."""

import shutil

import pytest

from simulacra.errors import RunError
from simulacra.report import pdf, write_report


@pytest.mark.usefixtures("browser")
def test_a_report_is_printed_without_figures_beside_it(run, tmp_path) -> None:
    target = write_report([run], tmp_path / "out" / "report.pdf")
    assert target.read_bytes().startswith(b"%PDF-")
    assert [path.name for path in target.parent.iterdir()] == ["report.pdf"]


def test_without_a_browser_a_sentence_says_what_to_do_before_anything_is_drawn(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pdf, "PLACES", ())
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(RunError, match=r"none was found; install one .*, or write the page as HTML"):
        write_report([run], tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_a_browser_that_fails_is_named(monkeypatch) -> None:
    monkeypatch.setattr(pdf, "find_browser", lambda: "/bin/false")
    with pytest.raises(RunError, match="/bin/false could not print the page"):
        pdf.to_pdf(b"<p>x</p>")
