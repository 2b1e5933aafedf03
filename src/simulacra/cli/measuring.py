"""Commands that measure runs: evaluate."""

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
