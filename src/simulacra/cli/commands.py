"""The commands: each parses its options, calls one verb and prints what it returns."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from simulacra.cli.options import (
    Background,
    Changes,
    Crop,
    Json,
    Labels,
    Layout,
    MaxPixels,
    Out,
    Run,
    Step,
    Values,
    Weights,
    app,
    load_recipe,
    read_place,
    read_step,
    say,
    table,
)


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
    layout: Layout = None,
    values: Values = None,
    background: Background = None,
    max_pixels: MaxPixels = None,
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
    from simulacra.data.sources import Options
    from simulacra.verbs.train import train as train_run

    ended = train_run(
        settings,
        data,
        folder,
        name=recipe,
        epochs=epochs,
        options=Options(
            labels=labels, crop=crop, layout=layout, values=values, background=background, max_pixels=max_pixels
        ),
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
    from simulacra.verbs.demo import demo as run_demo

    typer.echo(run_demo(out, minutes, say))


@app.command()
def pack(
    source: Annotated[str, typer.Argument(help="folder, celeba, idx, arrays, avatars or fashion-mnist.")],
    path: Annotated[
        Path | None, typer.Argument(parser=read_place, help="Where the source lies; avatars have no place.")
    ] = None,
    *,
    out: Out,
    labels: Labels = None,
    size: Annotated[str | None, typer.Option(help="64 or WIDTHxHEIGHT.")] = None,
    crop: Crop = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make grey images.")] = False,
    count: Annotated[int | None, typer.Option(help="How many avatars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the avatars.")] = None,
    layout: Layout = None,
    values: Values = None,
    background: Background = None,
    max_pixels: MaxPixels = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Pack even if over 1% is bad.")] = False,
) -> None:
    """Pack pictures into a store, once, for all trainings."""
    from simulacra.data.decode import parse_size
    from simulacra.data.pack import pack as pack_source
    from simulacra.data.sources import Options, open_source
    from simulacra.progress import Live

    options = Options(
        size=parse_size(size) if size else None,
        channels=1 if grey else None,
        crop=crop,
        labels=labels,
        count=count,
        seed=seed,
        layout=layout,
        values=values,
        background=background,
        max_pixels=max_pixels,
    )
    with Live("packing") as live:
        opened = open_source(source, path, options)
        packed = pack_source(opened, out, progress=live.count, say=live.tell, keep_going=keep_going)
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
    from simulacra.verbs.sample import parse_labels
    from simulacra.verbs.sample import sample as sample_run

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
        from simulacra.verbs.sample import redraw

        for run in runs:
            redraw(run, step)
    typer.echo(write_report([RunFolder(run) for run in runs], out))


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
    from simulacra.verbs.evaluate import COLUMNS, cells
    from simulacra.verbs.evaluate import evaluate as evaluate_run

    found = evaluate_run(
        run,
        data=data,
        against=against,
        count=count,
        features=features,
        only=only or (),
        step=step,
        weights=weights,
        seed=seed,
    )
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
    from simulacra.verbs.compare import compare as compare_runs
    from simulacra.verbs.compare import rows, settings

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
    from simulacra.verbs.best import COLUMNS, cells, said
    from simulacra.verbs.best import best as best_of_run

    found = best_of_run(run, metric=metric, data=data, features=features)
    if as_json:
        typer.echo(json.dumps({"best": found.best, "rows": found.rows}))
        return
    table(str(run), COLUMNS, [cells(row, found.best) for row in found.rows])
    typer.echo(said(found.best))


@app.command()
def diagnose(run: Run, as_json: Json = False) -> None:
    """Say what went wrong in a run, by which numbers, and what to try."""
    from simulacra.diagnosis import diagnose as diagnose_run
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
    from simulacra.verbs.bench import bench as bench_recipe
    from simulacra.verbs.bench import sentences

    follow = not any(text.startswith("data.size") for text in changes or [])
    found = bench_recipe(settings, data, seconds, name=recipe, device=device, follow=follow, say=say)
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    for sentence in sentences(found):
        typer.echo(sentence)


@app.command()
def explore(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold runs.")],
    host: Annotated[str, typer.Option(help="Address to listen at; other machines need --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8000,
    token: Annotated[str | None, typer.Option(help="A word that every visitor has to know.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Open a page in the browser where codes and attributes are turned by hand."""
    from simulacra.verbs.explore import explore as explore_runs

    explore_runs(runs, host=host, port=port, token=token, browser=not no_browser, say=say)


@app.command()
def export(
    run: Run,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    form: Annotated[str, typer.Option("--format", "-f", help="safetensors, onnx, web or folder.")] = "safetensors",
    licence: Annotated[
        str | None, typer.Option("--license", help="Identifier of the model's licence, e.g. apache-2.0.")
    ] = None,
    ort: Annotated[Path | None, typer.Option(help="Folder of onnxruntime-web, where npm cannot fetch it.")] = None,
    step: Step = None,
) -> None:
    """Write a trained model for others: weights, ONNX, a web page, or a run to go on with."""
    from simulacra.verbs.export import export as export_run

    typer.echo(export_run(run, out, form, step=step, licence=licence, runtime=ort, say=say))


@app.command()
def edit(
    run: Run,
    picture: Annotated[Path, typer.Argument(help="A picture file of any size.")],
    label: Annotated[list[str], typer.Option(help="NAME=1 towards a label, NAME=0 away from it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="FILE.png.")] = Path("edited.png"),
    strength: Annotated[str, typer.Option(help="How far; 1 is as far as pictures with and without are apart.")] = "1",
    strengths: Annotated[
        str | None, typer.Option(help="Several, like -2,-1,0,1,2: a row of all beside the original.")
    ] = None,
    method: Annotated[str, typer.Option(help="mean or normal: how a direction is found.")] = "mean",
    keep: Annotated[list[str] | None, typer.Option(help="A label that shall stay as it is.")] = None,
    data: Annotated[Path | None, typer.Option(help="The store it was trained on, if it has moved.")] = None,
    crop: Annotated[str, typer.Option(help="center, none, or LEFT,TOP,RIGHT,BOTTOM.")] = "center",
    step: Step = None,
) -> None:
    """Change a picture of your own in what a label says."""
    from simulacra.verbs.edit import edit as edit_picture
    from simulacra.verbs.edit import parse_strengths, wish_of

    wish = wish_of(label, parse_strengths(strength, strengths), method, keep or ())
    typer.echo(edit_picture(run, picture, wish, out, step=step, data=data, crop=crop, say=say))
