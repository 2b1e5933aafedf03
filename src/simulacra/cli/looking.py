"""Commands that look at runs: sample and report."""

from pathlib import Path
from typing import Annotated, Any

import typer

from simulacra.cli.base import Run, Step, Weights, app, read_step


@app.command()
def sample(
    run: Run,
    out: Annotated[Path, typer.Option("--out", "-o", help="FILE.png, FILE.npy, or a folder.")] = Path("samples.png"),
    count: Annotated[int | None, typer.Option("-n", "--count", help="How many; 32 by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal images; 0 by default.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="NAME=0 or NAME=1, for all samples.")] = None,
    codes: Annotated[
        str | None, typer.Option(help="Codes as JSON like '{\"seed\": 3}', or a file of it, instead of -n and --seed.")
    ] = None,
    step: Step = None,
    weights: Weights = None,
) -> None:
    """Draw samples of a trained model, from its run folder alone."""
    from simulacra.workflow.sampling import parse_labels
    from simulacra.workflow.sampling import sample as sample_run

    typer.echo(sample_run(run, count, seed, parse_labels(label or ()), out, step, weights, codes))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file; RUN/report.html for one run.")] = None,
    step: Annotated[
        Any, typer.Option(parser=read_step, help="Draw the pictures anew from a kept checkpoint, or best.")
    ] = None,
) -> None:
    """Write one self-contained HTML report of one run, or of several side by side."""
    from simulacra.report import write_report
    from simulacra.runs import RunFolder

    if step is not None:
        from simulacra.workflow.redrawing import redraw

        for run in runs:
            redraw(run, step)
    typer.echo(write_report([RunFolder(run) for run in runs], out))
