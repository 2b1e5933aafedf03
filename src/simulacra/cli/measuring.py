"""Commands that measure runs: evaluate, compare."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import Json, Run, Step, app, say, table


@app.command()
def evaluate(
    run: Run,
    data: Annotated[Path | None, typer.Option(help="The store it was trained on, if it has moved.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another store to measure against.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many samples.")] = 2000,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0 or random-vgg.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A group of metrics, e.g. quality; all by default.")] = None,
    step: Step = None,
    seed: Annotated[int, typer.Option(help="Of the samples; equal seeds give equal numbers.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how good and how varied the samples of a run are, beside real images."""
    from simulacra.workflow.evaluating import COLUMNS, cells
    from simulacra.workflow.evaluating import evaluate as evaluate_run

    found = evaluate_run(
        run, data=data, against=against, count=count, features=features, only=only or (), step=step, seed=seed
    )
    if as_json:
        typer.echo(json.dumps(found.rows))
    elif found.measured:
        table(found.title, COLUMNS, [cells(row) for row in found.rows])
    for note in found.notes:
        say(f"- {note}")


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, two or more.")],
    group_by: Annotated[str | None, typer.Option(help="Key of the recipes; seeds of one value are a group.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric, e.g. recall; all by default.")] = None,
    split: Annotated[str | None, typer.Option(help="test, valid or train; images kept aside by default.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file to write it to as a page.")] = None,
    as_json: Json = False,
) -> None:
    """Say which of several runs is better, metric by metric, where their numbers allow it."""
    from simulacra.workflow.comparing import compare as compare_runs
    from simulacra.workflow.comparing import rows, settings

    found = compare_runs(runs, group_by, metric or (), split=split, out=out)
    if as_json:
        typer.echo(json.dumps(found.table()))
    else:
        table("", *rows(found))
        if found.differences:
            table("", *settings(found))
    for note in found.notes:
        say(f"- {note}")
    if out is not None:
        say(f"written to {out}")
