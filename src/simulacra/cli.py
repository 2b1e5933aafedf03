"""The command line: parse, call one verb, print. Nothing heavy is imported before a command needs it."""

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from simulacra import __version__
from simulacra.errors import RunError, SimulacraError, Stopped

app = typer.Typer(
    help="Train, measure, compare and explore small generative models of images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")]
Labels = Annotated[Path | None, typer.Option("--labels", help="CSV table: a column of file names, others 0/1.")]
Crop = Annotated[str | None, typer.Option("--crop", help="center, none, or LEFT,TOP,RIGHT,BOTTOM.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="key=value of the recipe, e.g. optimizer.lr=1e-4.")]


def say(line: str) -> None:
    """Tells a person something, beside what scripts read."""
    typer.echo(line, err=True)


def main() -> None:
    """Runs the command line and exits: 0 done, 2 the user's mistake, 130 or 143 stopped, 1 our fault."""
    try:
        app()
    except SimulacraError as error:
        say(f"simulacra: {error}")
        sys.exit(2)
    except Stopped as stop:
        say(f"simulacra: {stop}")
        sys.exit(128 + stop.signal)
    except SystemExit as leave:
        if leave.code == 130:  # what typer makes of Ctrl-C
            say("simulacra: stopped; the same command begins this again")
        raise
    except Exception:
        traceback.print_exc()
        say(f"simulacra {__version__}: this is our fault, not yours; please report it with the lines above")
        sys.exit(1)


def show_version(wanted: bool) -> None:
    """Prints the version and leaves."""
    if wanted:
        typer.echo(f"simulacra {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Train, measure, compare and explore small generative models of images."""


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
    from simulacra.objectives import build, summarize

    found = summarize(build(load_recipe(recipe, changes)))
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
def pack(
    source: Annotated[str, typer.Argument(help="folder, celeba, idx, arrays, avatars or fashion-mnist.")],
    path: Annotated[Path | None, typer.Argument(help="Where the source lies; avatars have no place.")] = None,
    *,
    out: Out,
    labels: Labels = None,
    size: Annotated[str | None, typer.Option(help="64 or WIDTHxHEIGHT.")] = None,
    crop: Crop = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make grey images.")] = False,
    count: Annotated[int | None, typer.Option(help="How many avatars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the avatars.")] = None,
    layout: Annotated[str | None, typer.Option(help="Of arrays: NHWC or NCHW.")] = None,
    values: Annotated[str | None, typer.Option(help="Of arrays: 0..255, 0..1 or -1..1.")] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Pack even if over 1% is bad.")] = False,
) -> None:
    """Pack pictures into a store, once, for all trainings."""
    from simulacra.data.decode import parse_size
    from simulacra.data.pack import pack as pack_source
    from simulacra.data.sources import Options, open_source
    from simulacra.live import Live

    options = Options(
        size=parse_size(size) if size else None,
        channels=1 if grey else None,
        crop=crop,
        labels=labels,
        count=count,
        seed=seed,
        layout=layout,
        values=values,
    )
    with Live("packing") as live:
        packed = pack_source(open_source(source, path, options), out, progress=live.count, keep_going=keep_going)
    for line in (packed.said, *packed.notes):
        typer.echo(line)


@app.command()
def audit(store: Annotated[Path, typer.Argument(help="A packed store.")], as_json: Json = False) -> None:
    """Say what is wrong or odd in a data set, before anyone trains on it."""
    from simulacra.data.audit import audit as audit_store
    from simulacra.data.audit import audit_tables, findings
    from simulacra.data.store import open_store

    found = audit_store(open_store(store))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for part in audit_tables(found):
        table(part.title, part.columns, part.rows)
    for sentence in findings(found) or ["nothing odd was found"]:
        typer.echo(f"- {sentence}")


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
def sample(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="FILE.png, FILE.npy, or a folder.")] = Path("samples.png"),
    count: Annotated[int, typer.Option("-n", "--count", help="How many.")] = 32,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal images.")] = 0,
    label: Annotated[list[str] | None, typer.Option(help="NAME=0 or NAME=1, for all samples.")] = None,
    step: Annotated[int | None, typer.Option(help="Of a kept checkpoint; the newest by default.")] = None,
) -> None:
    """Draw samples of a trained model, from its run folder alone."""
    wanted: dict[str, int] = {}
    for text in label or []:
        name, equals, value = text.rpartition("=")
        if not equals or value not in ("0", "1"):
            raise RunError(f"--label {text}: expected NAME=0 or NAME=1")
        wanted[name] = int(value)
    from simulacra.workflow.sampling import sample as sample_run

    typer.echo(sample_run(run, count, seed, wanted, out, step))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file; RUN/report.html for one run.")] = None,
) -> None:
    """Write one self-contained HTML report of one run, or of several side by side."""
    from simulacra.report import write_report
    from simulacra.runs import RunFolder

    typer.echo(write_report([RunFolder(run) for run in runs], out))


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    data: Annotated[Path | None, typer.Option(help="The store it was trained on, if it has moved.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another store to measure against.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many samples.")] = 2000,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0 or random-vgg.")] = None,
    step: Annotated[int | None, typer.Option(help="Of a kept checkpoint; the newest by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of the samples; equal seeds give equal numbers.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how good and how varied the samples of a run are, beside real images."""
    from simulacra.workflow.evaluating import COLUMNS, cells
    from simulacra.workflow.evaluating import evaluate as evaluate_run

    found = evaluate_run(run, data=data, against=against, count=count, features=features, step=step, seed=seed)
    if as_json:
        typer.echo(json.dumps(found.rows))
    elif found.measured:
        table(found.title, COLUMNS, [cells(row) for row in found.rows])
    for note in found.notes:
        say(f"- {note}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the runs and the report.")] = Path("runs/demo"),
    minutes: Annotated[float, typer.Option(help="Of training at most, for each model.")] = 1.0,
) -> None:
    """Draw avatars, train a VAE, a DCGAN and an ACGAN on equally many of them, and report."""
    from simulacra.workflow.demo import demo as run_demo

    typer.echo(run_demo(out, minutes, say))


def load_recipe(name: str, changes: list[str] | None, **direct: Any) -> Any:
    """A recipe with what the command line sets; later words win over earlier ones."""
    from simulacra.recipe import load, parse_assignment

    given = dict(parse_assignment(text) for text in changes or [])
    return load(name, given | {key: value for key, value in direct.items() if value is not None})


def table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Prints a table; numbers stand to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    first = Column(columns[0], no_wrap=True)
    drawn = Table(first, *columns[1:], title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for column in drawn.columns[1:] if columns[-1] == "parameters" else []:
        column.justify = "right"
    for row in rows:
        drawn.add_row(*row)
    Console(soft_wrap=True, markup=False).print(drawn)
