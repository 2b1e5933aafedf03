"""Commands that train: recipes, summary, train and demo."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import Changes, Crop, Json, Labels, app, load_recipe, say, table


@app.command()
def recipes(as_json: Json = False) -> None:
    """List the recipes that come with the package."""
    from simulacra.recipe import load, shipped

    rows = []
    for name in shipped():
        recipe = load(name)
        rows.append({"name": name, "family": recipe.objective.family, "data": recipe.data.name, "title": recipe.title})
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table("", ("name", "family", "data", "title"), [tuple(r.values()) for r in rows])


@app.command()
def summary(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.")],
    changes: Changes = None,
    as_json: Json = False,
) -> None:
    """Print the layer tables of a recipe's networks: layer, output shape, parameters, totals."""
    from simulacra.objectives import outline, summarize

    found = summarize(outline(load_recipe(recipe, changes)))
    if as_json:
        typer.echo(json.dumps({"recipe": recipe} | found))
        return
    for name, network in found["networks"].items():
        rows = [(r["layer"], " x ".join(map(str, r["shape"])), f"{r['parameters']:,}") for r in network["layers"]]
        table(f"{name}: {network['parameters']:,} parameters", ("layer", "output shape", "parameters"), rows)
    for player, numbers in found["players"].items():
        typer.echo(f"{player} moves {numbers['parameters']:,} ({', '.join(numbers['networks'])})")
    typer.echo(f"parameters in all: {found['parameters']:,}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.")],
    data: Annotated[str | None, typer.Option(help="A store, avatars, fashion-mnist, or pictures as they are.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder; runs/RECIPE by default.")] = None,
    labels: Labels = None,
    crop: Crop = None,
    changes: Changes = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights, order and draws.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length in updates.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Length in passes over the training images.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes of training.")] = None,
    start: Annotated[
        str | None, typer.Option(help="A run whose weights networks of the same names begin with.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Processes on this machine; see docs/scale.md.")] = 1,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Pack beside the run, not in the user's cache.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False,
    as_json: Json = False,
) -> None:
    """Train a recipe into a run folder, or go on with it; ends with a report."""
    settings = load_recipe(recipe, changes, seed=seed, steps=steps, minutes=minutes, **{"start.run": start})
    folder = out or Path("runs") / Path(recipe).stem
    from simulacra.workflow.training import train as train_run

    ended = train_run(
        settings,
        data,
        folder,
        name=recipe,
        epochs=epochs,
        labels=labels,
        crop=crop,
        cache=folder.parent / "stores" if no_cache else None,
        follow=not any(text.startswith("data.size") for text in changes or []),
        device=device,
        devices=devices,
        report=not no_report,
        say=say,
    )
    if as_json:
        numbers = {"step": ended.step, "images_seen": ended.images_seen, "seconds": round(ended.seconds, 3)}
        typer.echo(json.dumps({"run": str(ended.run)} | numbers))
    else:
        typer.echo(
            f"{ended.run}: step {ended.step:,}, {ended.images_seen:,} images in {ended.seconds:.0f} s of training"
        )
        if not no_report:
            typer.echo(f"report: {ended.run / 'report.html'}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the runs and the report.")] = Path("runs/demo"),
    minutes: Annotated[float, typer.Option(help="Of training at most, for each model.")] = 1.0,
) -> None:
    """Draw avatars, train a VAE, a DCGAN and an ACGAN on equally many of them, and report."""
    from simulacra.workflow.demo import demo as run_demo

    typer.echo(run_demo(out, minutes, say))
