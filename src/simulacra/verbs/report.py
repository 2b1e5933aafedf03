"""The verbs `report` and `diagnose`: a page about runs, and what went wrong in one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulacra import diagnosis
from simulacra.report import write_report
from simulacra.runs import RunFolder


def report(
    paths: Sequence[Path], out: Path | None = None, step: Any = None, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Writes one self-contained HTML report of one run, or of several side by side.

    Args:
        paths: run folders.
        out: the HTML file; RUN/report.html for one run, report.html for several by default.
        step: draws the pictures anew from the checkpoint of this step, or from the one marked "best".
        say: takes a line about a data set that is packed again.

    Returns:
        The HTML file.

    Raises:
        RunError: a folder holds no run, it has no such checkpoint, or the page cannot be written.
        DataError: pictures are to be drawn anew and the data set is not at hand.
    """
    if step is not None:
        from simulacra.verbs.sample import redraw  # loads torch, which reading a run does not need

        for path in paths:
            redraw(path, step, say)
    return write_report([RunFolder(path) for path in paths], out)


def diagnose(path: Path) -> list[diagnosis.Finding]:
    """What went wrong in a run, the worst first.

    Raises:
        RunError: the folder holds no run, or a file of it is damaged.
    """
    return diagnosis.diagnose(RunFolder(path))
