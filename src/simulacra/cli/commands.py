"""Commands that measure: evaluate, compare, best and diagnose runs, bench a recipe."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import Changes, Json, Run, Step, Weights, app, load_recipe, say, table


@app.command()
def evaluate(
    run: Run,
    data: Annotated[Path | None, typer.Option(help="The store it was trained on, if it has moved.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another store to measure against.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many samples.")] = 2000,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0, random-vgg, judge or inception.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A group of metrics, e.g. quality; all by default.")] = None,
    step: Step = None,
    weights: Weights = None,
    seed: Annotated[int, typer.Option(help="Of the samples; equal seeds give equal numbers.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how good and how varied the samples of a run are, beside real images."""
    from simulacra.workflow.evaluating import COLUMNS, cells
    from simulacra.workflow.evaluating import evaluate as evaluate_run

    found = evaluate_run(
        run, data=data, against=against, count=count, features=features, only=only or (), step=step, weights=weights,
        seed=seed,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(found.rows))
    elif found.measured:
        table(found.title, COLUMNS, [cells(row) for row in found.rows if row["value"] is not None])
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


@app.command()
def best(
    run: Run,
    metric: Annotated[str | None, typer.Option(help="What decides, e.g. kernel_distance; the family's own.")] = None,
    data: Annotated[Path | None, typer.Option(help="The store it was trained on, if it has moved.")] = None,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0 or random-vgg, for distances.")] = None,
    as_json: Json = False,
) -> None:
    """Score the kept checkpoints of a run on its valid images, and mark the best for --step best."""
    from simulacra.workflow.selecting import COLUMNS, cells, said
    from simulacra.workflow.selecting import best as best_of_run

    found = best_of_run(run, metric=metric, data=data, features=features)
    if as_json:
        typer.echo(json.dumps({"best": found.best, "rows": found.rows}))
        return
    table(str(run), COLUMNS, [cells(row, found.best) for row in found.rows])
    typer.echo(said(found.best))


@app.command()
def diagnose(run: Run, as_json: Json = False) -> None:
    """Say what went wrong in a run, by which numbers, and what to try."""
    from simulacra.evaluation.diagnosis import diagnose as diagnose_run
    from simulacra.runs import RunFolder

    found = diagnose_run(RunFolder(run))
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found]))
        return
    for finding in found:
        typer.echo(f"{finding.name} ({finding.severity}): {finding.meaning}")
        for sign in finding.evidence:
            typer.echo(f"  seen by: {sign}")
        typer.echo(f"  try: {finding.remedy}")
        typer.echo(f"  more: {finding.link}")
    if not found:
        typer.echo("nothing was found: neither an illness, nor whether more training would help")


@app.command()
def bench(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.")],
    data: Annotated[str | None, typer.Option(help="As train takes it; made-up images by default.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="That it takes, unless a few steps take longer.")] = 20.0,
    changes: Changes = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Json = False,
) -> None:
    """Say how fast a recipe trains on this machine and how long it will take, looks and evaluations not counted."""
    settings = load_recipe(recipe, changes)
    from simulacra.workflow.benching import bench as bench_recipe
    from simulacra.workflow.benching import sentences

    follow = not any(text.startswith("data.size") for text in changes or [])
    found = bench_recipe(settings, data, seconds, name=recipe, device=device, follow=follow, say=say)
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    for sentence in sentences(found):
        typer.echo(sentence)
