"""Studies from Python: a claim put to the test, with its verdict, table, figures and runs."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, final

from simulacra.api.models import Run
from simulacra.files import expand
from simulacra.progress import print_error
from simulacra.report.page import FIGURES
from simulacra.tabular import frame
from simulacra.verbs import study as verb


@final
class Study:
    """A study that was carried out.

    Attributes:
        claim: in a sentence.
        verdict: "supported", "contradicted" or "undecided".
        page: the HTML file.
    """

    def __init__(self, finished: verb.Finished) -> None:
        self._finished = finished
        self.claim, self.verdict = finished.plan.study.claim, finished.findings.verdict
        self.page = finished.page

    def _repr_html_(self) -> str:
        """What a notebook shows: claim, verdict, the table of comparisons, and where the page is."""
        *others, claim, verdict = self._finished.sentences
        said = "".join(f"<li>{escape(line)}</li>" for line in others)
        head = f"<p>{escape(claim)}<br><b>{escape(verdict)}</b></p>"
        more = f"<p>Figures and method: <code>{escape(str(self.page))}</code></p>"
        return f"<div>{head}{self._finished.table.to_html()}{f'<ul>{said}</ul>' if said else ''}{more}</div>"

    def __repr__(self) -> str:
        return "\n".join([f"study {self._finished.plan.name}", *self._finished.sentences])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per comparison: effect with its interval, unit, p, smallest effect, seeds, verdict, all values."""
        return [row.to_json() for row in self._finished.findings.rows]

    def table(self) -> Any:
        """The rows without the values of single seeds: a pandas DataFrame if pandas is installed, else a list."""
        left_out = ("values", "contrast", "notes", "method", "page")
        return frame([{key: value for key, value in row.items() if key not in left_out} for row in self.rows])

    @property
    def runs(self) -> dict[tuple[str, int], Run]:
        """Case and seed -> its run, of those that have finished."""
        return {
            (outcome.run.case, outcome.run.seed): Run(outcome.run.folder)
            for outcome in self._finished.findings.outcomes
            if outcome.state == "finished"
        }

    @property
    def figures(self) -> dict[str, Path]:
        """Name -> PNG file of each figure of the page; an SVG file lies beside it."""
        return {path.stem: path for path in sorted((self.page.parent / FIGURES).glob("*.png"))}


def study(
    name: str | Path,
    *,
    full: bool = False,
    seeds: int | None = None,
    data: str | Path | None = None,
    out: str | Path = verb.OUT,
    workers: int | None = None,
    scheduler: str | None = None,
    say: Callable[[str], None] = print_error,
) -> Study:
    """Puts a claim to the test: trains several cases with several seeds, or goes on with that, and gives the verdict.

    Args:
        name: of a shipped study (`simulacra study list`), its number, or a file.
        full: with the full budget, in the place of the quick one.
        seeds: how many; more can be added later.
        data: what it trains on; the study's own data by default.
        out: the folder of all studies.
        workers: runs at a time; as many as there are cores by default.
        scheduler: address of a Dask scheduler whose workers carry out the runs.
        say: called with each line that a person should read.

    Raises:
        SimulacraError: the study or its data cannot be used.
        Stopped: a signal ended it; the runs were saved, and the same call continues.
    """
    finished = verb.study(
        str(name),
        full=full,
        seeds=seeds,
        data=None if data is None else str(data),
        out=expand(out),
        workers=workers,
        scheduler=scheduler,
        say=say,
    )
    return Study(finished)
