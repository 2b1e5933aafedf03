"""The verbs `report` and `compare`: a page about runs, and which of several is better, where numbers allow to say."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulacra.errors import RunError, nearest
from simulacra.report import read_all, write_comparison, write_report
from simulacra.report.compare import Comparison, command, comparison_of
from simulacra.report.record import Record, newest
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
) -> Comparison:
    """Compares the measurements of several runs; reads their files only.

    A metric is compared where at least two runs have it of the same split, data, extractor and number of images; a note
    says what differs. Without `group_by` each run is a column: two values differ where the interval of their
    difference, computed from both intervals, leaves out 0. With `group_by`, runs that differ in their seed alone are
    one column. Then columns are compared by Welch's interval of two means over seeds, or by the interval of the mean
    difference seed by seed where all have the same seeds. With more than two columns each is compared with the best,
    with Bonferroni's correction.

    Args:
        paths: run folders, two or more.
        group_by: dotted key of the recipes, like "objective.kl_weight".
        metrics: names; all by default.
        split: test, valid or train; by default test, or valid where no run was measured on test images.
        out: an HTML file to write it to as a page.

    Returns:
        Columns, metrics with their verdicts, the keys in which the recipes differ, and notes.

    Raises:
        RunError: fewer than two runs, one that is none or was not evaluated, a key that makes no groups, or nothing in
            common.
        RecipeError: the recipe of a run cannot be read.
    """
    records = _read(paths)
    scores = [newest(record.evaluations) for record in records]
    measured = {score.metric for of_run in scores for score in of_run if score.estimate}
    for name in metrics:
        if name not in measured:
            raise RunError(f"--metric {name}: no run has this metric; {nearest(name, measured)}")
    splits = {score.split for of_run in scores for score in of_run if score.estimate and score.split}
    if split is not None and split not in splits:
        raise RunError(f"--split {split}: no run was measured on it; {nearest(split, splits)}")
    comparison = comparison_of(records, group_by=group_by, wanted=metrics, split=split)
    if len(comparison.columns) > 1 and not comparison.metrics:
        raise RunError(f"nothing can be compared: {comparison.notes[0]}")
    if out is not None:
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
    scores = [newest(record.evaluations) for record in records]
    like = next((score for of_run in scores for score in of_run if score.seed is not None and score.estimate), None)
    for record, of_run in zip(records, scores, strict=True):
        if damage := next((gap for gap in record.gaps if gap.startswith("evaluations.jsonl is damaged")), None):
            raise RunError(f"{record.folder.path}/{damage} Remove it and measure again: {command(record, like)}")
        if not any(score.estimate for score in of_run):
            raise RunError(f"{record.folder.path} has not been evaluated; do that first: {command(record, like)}")
    return records
