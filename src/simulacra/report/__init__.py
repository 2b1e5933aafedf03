"""The report: run folders -> one self-contained HTML file and its figures. Reads files, never models."""

import os
from collections.abc import Sequence
from contextlib import suppress
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
from simulacra.report.page import FIGURES, Album, Part, render
from simulacra.report.record import Record, read
from simulacra.report.sections import part_of
from simulacra.report.sections.comparison import comparison_part
from simulacra.runs import RunFolder

__all__ = ["read_all", "write_comparison", "write_report"]


def write_report(runs: Sequence[RunFolder], out: Path | None = None) -> Path:
    """Writes the report of one run, or of several with a comparison at its top.

    The page opens from disk without a network. Each of its figures is also in a folder `figures` beside it, as SVG and
    as PNG. Their names begin with the name of the run, unless the report is in the run's own folder. Equal run folders
    give equal bytes.

    Args:
        runs: at least one; finished or not.
        out: the HTML file; by default report.html in the run's folder, or for several runs in the current folder.

    Returns:
        The path of the HTML file.

    Raises:
        RunError: no run was given or one twice, a folder holds no run or a damaged run.json, or the report cannot be
            written.
    """
    if not runs:
        raise RunError("no run was given; name at least one folder: simulacra report runs/NAME")
    target = out or (runs[0].path / "report.html" if len(runs) == 1 else Path("report.html"))
    _check_target(target)
    records = read_all(runs)
    in_run_folder = len(runs) == 1 and target.resolve().parent == runs[0].path.resolve()
    prefixes = [""] if in_run_folder else [f"{name}-" for name in unique([slug(record.name) for record in records])]
    albums = [Album(prefix) for prefix in prefixes]
    parts = [part_of(record, album) for record, album in zip(records, albums, strict=True)]
    if len(runs) > 1:
        albums.append(Album(unique([*prefixes, "comparison-"])[-1]))
        parts.insert(0, comparison_part(records, albums[-1]))
    return _write(target, parts, albums, records)


def write_comparison(records: Sequence[Record], comparison: Comparison, target: Path) -> Path:
    """Writes the comparison of several runs as one page without a part for each run, its figures in a folder beside it.

    Raises:
        RunError: it cannot be written.
    """
    _check_target(target)
    album = Album("comparison-")
    return _write(target, [comparison_part(records, album, comparison)], [album], records)


def read_all(runs: Sequence[RunFolder]) -> list[Record]:
    """Reads run folders, each under a unique name.

    Raises:
        RunError: a folder holds no run or a damaged run.json, or is given twice.
    """
    paths = [run.path.resolve() for run in runs]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            raise RunError(f"{runs[index].path} is given twice; name each run once")
    return [read(run, name) for run, name in zip(runs, run_names([run.path for run in runs]), strict=True)]


def _check_target(target: Path) -> None:
    """Refuses a path that no page can have, before anything is drawn."""
    if target.exists() and not target.is_file():
        raise RunError(f"--out {target} is a folder or a device; give the name of an HTML file")


def _write(target: Path, parts: Sequence[Part], albums: Sequence[Album], records: Sequence[Record]) -> Path:
    """Writes the page and the figures beside it."""
    version = plain(records[0].fact("simulacra") or "", 40)
    page = render(parts, version)
    for album in albums:
        for name, content in album.files.items():
            write_aside(target.parent / FIGURES / name, content)
    return write_aside(target, page)
