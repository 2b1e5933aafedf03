"""The report: run folders -> one self-contained HTML file and its figures. Reads files, never models."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

if (_wanted := os.environ.pop("MPLBACKEND", None)) is not None:
    # A notebook's backend may be missing here, and matplotlib refuses to be loaded beside such a one.
    import matplotlib as mpl

    os.environ["MPLBACKEND"] = _wanted
    with suppress(ValueError):
        mpl.rcParams["backend"] = _wanted

from simulacra.errors import RunError
from simulacra.files import write_aside
from simulacra.report.compare import Comparison
from simulacra.report.formatting import plain, run_names, slug, unique
from simulacra.report.page import FIGURES, Album, Part, names_of_figures, render
from simulacra.report.pdf import find_browser, to_pdf
from simulacra.report.record import Record, read
from simulacra.report.sections import REAL, part_of
from simulacra.report.sections.comparison import comparison_part
from simulacra.report.titles import TITLE_LIMIT, data_name
from simulacra.runs import RunFolder

__all__ = ["read_all", "write_comparison", "write_report"]


def write_report(
    runs: Sequence[RunFolder],
    out: Path | None = None,
    *,
    title: str | None = None,
    author: str = "",
    sections: Sequence[str] = (),
    real: bool = True,
) -> Path:
    """Writes the report of one run, or of several with a comparison at its top.

    The page opens from disk without a network. Each of its figures is also in a folder beside it, as SVG and as PNG:
    `figures` in the run's own folder, elsewhere `both-figures` for a page `both.html`, where their names begin with the
    name of the run. Equal run folders give equal bytes. A name that ends in .pdf gives the page as PDF instead, without
    the folder.

    Args:
        runs: at least one; finished or not.
        out: the HTML or PDF file; by default report.html in the run's folder, or for several runs in the current one.
        title: in place of the one that says what was trained.
        author: below the title; empty for none.
        sections: which to show, by their headings in small letters with dashes, like "learning-curves"; all by default.
        real: whether pictures of the data set are shown.

    Returns:
        The path of the file.

    Raises:
        RunError: no run was given or one twice, a folder holds no run or a damaged run.json, there is no such section,
            the report cannot be written, or no browser prints it.
    """
    if not runs:
        raise RunError("no run was given; name at least one folder: simulacra report runs/NAME")
    target = out or (runs[0].path / "report.html" if len(runs) == 1 else Path("report.html"))
    _check_target(target)
    records = read_all(runs)
    in_run_folder = len(runs) == 1 and target.resolve().parent == runs[0].path.resolve()
    prefixes = [""] if in_run_folder else [f"{name}-" for name in unique([slug(record.name) for record in records])]
    albums = [Album(prefix) for prefix in prefixes]
    hidden = [] if real else list(REAL)
    if len(runs) > 1:
        hidden.append("samples")  # they stand side by side in the comparison
    parts = [part_of(record, album, hidden) for record, album in zip(records, albums, strict=True)]
    if len(runs) > 1:
        albums.append(Album(unique([*prefixes, "comparison-"])[-1]))
        parts.insert(0, comparison_part(records, albums[-1], real=real))
    parts = _chosen(parts, sections)
    if title is not None:
        parts[0] = replace(parts[0], title=plain(title, TITLE_LIMIT))
    return _write(target, parts, albums, records, author, FIGURES if in_run_folder else _figures_of(target))


def write_comparison(records: Sequence[Record], comparison: Comparison, target: Path) -> Path:
    """Writes the comparison of several runs as one page without a part for each run, its figures in a folder beside it.

    Raises:
        RunError: it cannot be written.
    """
    _check_target(target)
    album = Album("comparison-")
    return _write(target, [comparison_part(records, album, comparison)], [album], records, "", _figures_of(target))


def _chosen(parts: Sequence[Part], wanted: Sequence[str]) -> list[Part]:
    """The parts with the sections of these names alone, or with all; RunError for a name that none has."""
    names = dict.fromkeys(slug(section.title).lower() for part in parts for section in part.sections)
    for name in wanted:
        if name not in names:
            raise RunError(f"--sections {name}: this report has no such section; it has {', '.join(names)}")
    return [
        replace(part, sections=[each for each in part.sections if not wanted or slug(each.title).lower() in wanted])
        for part in parts
    ]


def read_all(runs: Sequence[RunFolder]) -> list[Record]:
    """Reads run folders, each under a unique name.

    Raises:
        RunError: a folder holds no run or a damaged run.json, or is given twice.
    """
    paths = [run.path.resolve() for run in runs]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            raise RunError(f"{runs[index].path} is given twice; name each run once")
    records = [read(run, name) for run, name in zip(runs, run_names([run.path for run in runs]), strict=True)]
    names = {
        record.fact("data", "fingerprint"): data_name(record.recipe, record.facts)
        for record in records
        if record.recipe and record.fact("data", "fingerprint")
    }
    return [replace(record, others=names) for record in records]


def _check_target(target: Path) -> None:
    """Refuses a path that no page can have, before anything is drawn."""
    if target.exists() and not target.is_file():
        raise RunError(f"--out {target} is a folder or a device; give the name of an HTML file")
    if target.suffix.lower() == ".pdf":
        find_browser()


def _figures_of(target: Path) -> str:
    """The folder beside a page that has its figures: it bears the page's name, so that it meets no other folder."""
    return f"{target.stem}-{FIGURES}"


def _write(
    target: Path,
    parts: Sequence[Part],
    albums: Sequence[Album],
    records: Sequence[Record],
    author: str,
    figures: str,
) -> Path:
    """Writes the page and, beside a page of HTML, the figures that it shows in a folder of this name."""
    version = plain(records[0].fact("simulacra") or "", 40)
    page = render(parts, version, plain(author, TITLE_LIMIT), figures)
    if target.suffix.lower() == ".pdf":
        return write_aside(target, to_pdf(page))
    shown = {name for part in parts for section in part.sections for name in names_of_figures(section.blocks)}
    for album in albums:
        for name, content in album.files.items():
            if name.rpartition(".")[0] in shown:
                write_aside(target.parent / figures / name, content)
    return write_aside(target, page)
