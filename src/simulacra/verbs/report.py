"""The verbs `report` and `compare`: a page about runs, and which of several is better, where numbers allow to say."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulacra.errors import RunError, nearest
from simulacra.files import write_aside
from simulacra.report import read_all, write_comparison, write_report
from simulacra.report.compare import FORMATS, Comparison, comparison_of
from simulacra.report.matching import Candidate, command
from simulacra.report.record import Record
from simulacra.runs import RunFolder


def report(
    paths: Sequence[Path],
    out: Path | None = None,
    step: Any = None,
    say: Callable[[str], None] = lambda _: None,
    *,
    title: str | None = None,
    author: str = "",
    sections: Sequence[str] = (),
    real: bool = True,
) -> Path:
    """Writes one self-contained report of one run, or of several side by side.

    Args:
        paths: run folders.
        out: an HTML or a PDF file; RUN/report.html for one run, report.html for several by default.
        step: draws the pictures anew from the checkpoint of this step, or from the one marked "best".
        say: takes a line about a data set that is packed again.
        title: in place of the one that says what was trained.
        author: below the title; empty for none.
        sections: which to show, like "learning-curves"; all by default.
        real: whether pictures of the data set are shown.

    Returns:
        The file.

    Raises:
        RunError: a folder holds no run, it has no such checkpoint, there is no such section, or the page cannot be
            written.
        DataError: pictures are to be drawn anew and the data set is not at hand.
    """
    if step is not None:
        from simulacra.verbs.sample import redraw  # loads torch, which reading a run does not need

        for path in paths:
            redraw(path, step, say)
    runs = [RunFolder(path) for path in paths]
    return write_report(runs, out, title=title, author=author, sections=sections, real=real)


def compare(
    paths: Sequence[Path],
    group_by: str | None = None,
    metrics: Sequence[str] = (),
    *,
    split: str | None = None,
    out: Path | None = None,
    form: str | None = None,
) -> Comparison:
    """Compares the measurements of several runs; reads their files only.

    A metric is compared where at least two runs have it of the same real images and measured in the same way, as far as
    `catalogue.ALIKE` asks for it; a note says what differs. Of each run those numbers count that were measured with the
    weights that its samples are drawn with. Without `group_by` each run is a column: two values differ where the
    interval of their difference, computed from both intervals, leaves out 0. With `group_by`, runs that differ in their
    seed alone are one column. Then columns are compared by Welch's interval of two means over seeds, or by the interval
    of the mean difference seed by seed where all have the same seeds. With more than two columns each is compared with
    the best, with Bonferroni's correction.

    Args:
        paths: run folders, two or more.
        group_by: dotted key of the recipes, like "objective.kl_weight".
        metrics: names; all by default.
        split: test, valid or train; by default test, or valid where no run was measured on test images.
        out: a file to write it to: as a page, or in a format.
        form: csv, latex or markdown, of this file; a page in HTML by default.

    Returns:
        Columns, metrics with their verdicts, the keys in which the recipes differ, and notes.

    Raises:
        RunError: fewer than two runs, one that is none or was not evaluated, a key that makes no groups, nothing in
            common, or no such format.
        RecipeError: the recipe of a run cannot be read.
    """
    if form is not None and form not in FORMATS:
        raise RunError(f"--format {form}: there is no such format; {nearest(form, FORMATS)}")
    records = _read(paths)
    rows = [row for record in records for row in record.evaluations if row.estimate]
    measured = {row.metric for row in rows}
    for name in metrics:
        if name not in measured:
            raise RunError(f"--metric {name}: no run has this metric; {nearest(name, measured)}")
    splits = {row.split for row in rows if row.split}
    if split is not None and split not in splits:
        raise RunError(f"--split {split}: no run was measured on it; {nearest(split, splits)}")
    comparison = comparison_of(records, group_by=group_by, wanted=metrics, split=split)
    if len(comparison.columns) > 1 and not comparison.metrics:
        helpful = [note for note in comparison.notes if "simulacra evaluate" in note]
        raise RunError(f"nothing can be compared: {[*helpful, *comparison.notes][0]}")
    if out is not None and form is not None:
        write_aside(out, comparison.written(form).encode())
    elif out is not None:
        write_comparison(records, comparison, out)
    return comparison


def _read(paths: Sequence[Path]) -> list[Record]:
    """The runs, each with at least one number."""
    if len(paths) < 2:
        given = f" {shlex.quote(str(paths[0]))}" if paths else ""
        raise RunError(f"it takes two runs or more to compare; name another one: simulacra compare{given} RUN")
    for path in paths:
        RunFolder(path).read_recipe()  # raises where there is no run, or none that this version reads
    records = read_all([RunFolder(path) for path in paths])
    measured = ((record, row) for record in records for row in record.evaluations if row.estimate)
    like = next((Candidate(record, row, {}) for record, row in measured if row.seed is not None), None)
    for record in records:
        if damage := next((gap for gap in record.gaps if gap.startswith("evaluations.jsonl is damaged")), None):
            raise RunError(f"{record.folder.path}/{damage} Remove it and measure again: {command(record, like)}")
    if bare := [record for record in records if not any(row.estimate for row in record.evaluations)]:
        names, have = ", ".join(str(record.folder.path) for record in bare), "has" if len(bare) == 1 else "have"
        first = " && ".join(command(record, like) for record in bare)
        raise RunError(f"{names} {have} not been evaluated; do that first: {first}")
    return records
