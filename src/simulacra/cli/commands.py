"""The commands: each parses its options, calls one verb and prints what it returns."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from simulacra.cli.options import (
    Changes,
    Data,
    Json,
    Out,
    Recipe,
    Run,
    Step,
    Weights,
    app,
    echo,
    one_each,
    path_argument,
    path_option,
    print_table,
    read_step,
    say,
    takes_source_options,
)
from simulacra.tabular import Table


@app.command()
def recipes(
    purpose: Annotated[
        str | None, typer.Option("--for", help="photos, garments, drawings, or labels: recipes that take some.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes that come with the package: what each is for, and what was measured after which time."""
    from simulacra.recipe import overview

    rows = overview(purpose)
    if as_json:
        echo(json.dumps(rows))
        return
    texts = [(row["name"], row["for"], "yes" if row["labels"] else "no", row["measured"]) for row in rows]
    words = frozenset({"for", "measured"})
    print_table(Table("", ("name", "for", "labels", "measured"), texts, words=words))
    say("measured: after so long a training on two cores or one; docs/systems.md has the conditions and the pictures")


@app.command()
def summary(recipe: Recipe, changes: Changes = None, as_json: Json = False) -> None:
    """Print the layer tables of a recipe's networks: layer, output shape, parameters, totals."""
    from simulacra.objectives import outline
    from simulacra.recipe import load

    counts = {"recipe": recipe} | outline(load(recipe, changes or ()))
    if as_json:
        echo(json.dumps(counts))
        return
    for name, network in counts["networks"].items():
        layers = network["layers"]
        rows = [(row["layer"], " x ".join(map(str, row["shape"])), f"{row['parameters']:,}") for row in layers]
        title = f"{name}: {network['parameters']:,} parameters"
        print_table(Table(title, ("layer", "output shape", "parameters"), rows))
    for player, numbers in counts["players"].items():
        echo(f"{player} moves {numbers['parameters']:,} ({', '.join(numbers['networks'])})")
    echo(f"parameters in all: {counts['parameters']:,}")


@app.command()
@takes_source_options
def train(
    recipe: Recipe,
    data: Annotated[str | None, typer.Option(help="A store, avatars, fashion-mnist, or pictures as they are.")] = None,
    out: Annotated[Path | None, path_option("--out", "-o", text="Run folder; runs/RECIPE by default.")] = None,
    changes: Changes = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, image order and random draws.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length in updates.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Length in passes over the training images.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes of training.")] = None,
    start: Annotated[
        str | None, typer.Option(help="A run whose weights networks of the same names begin with.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Processes on this machine; see docs/scale.md.")] = 1,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the processor; chosen by a short trial by default.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Pack beside the run, not in the user's cache.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False,
    as_json: Json = False,
    **asked: Any,
) -> None:
    """Train a recipe into a run folder, or go on with it; ends with a report."""
    from simulacra.data.sources import read_options
    from simulacra.verbs import train as verb

    finished = verb.train(
        recipe,
        data,
        out,
        changes=changes or (),
        seed=seed,
        steps=steps,
        minutes=minutes,
        start=start,
        epochs=epochs,
        options=read_options(**asked),
        cached=not no_cache,
        device=device,
        devices=devices,
        threads=threads,
        report=not no_report,
        say=say,
    )
    from simulacra.runs import RunFolder

    run, step, images, seconds = finished.run, finished.step, finished.images_seen, finished.seconds
    if as_json:
        echo(json.dumps({"run": str(run), "step": step, "images_seen": images, "seconds": round(seconds, 3)}))
        return
    echo(f"{run}: {RunFolder(run).in_words()}, {images:,} images")
    if not no_report:
        echo(f"report: {run / 'report.html'}")


@app.command()
def demo(
    out: Annotated[Path, path_option("--out", "-o", text="Folder of the runs and the report.")] = Path("runs/demo"),
    minutes: Annotated[float, typer.Option(help="Minutes of training per model, at most.")] = 1.0,
) -> None:
    """Draw avatars, train a VAE, a DCGAN and an ACGAN on equally many of them, and report."""
    from simulacra.verbs import demo as verb

    echo(verb.demo(out, minutes, say))


@app.command()
@takes_source_options
def pack(
    source: Annotated[str, typer.Argument(help="folder, celeba, idx, arrays, avatars or fashion-mnist.")],
    path: Annotated[Path | None, path_argument("Path of the source; avatars have none.")] = None,
    *,
    out: Out,
    size: Annotated[str | None, typer.Option(help="64 or WIDTHxHEIGHT.")] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make grey images.")] = False,
    count: Annotated[int | None, typer.Option(help="How many avatars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the avatars.")] = None,
    **asked: Any,
) -> None:
    """Pack pictures into a store, once, for all trainings."""
    from simulacra.data.sources import read_options
    from simulacra.verbs import data as verb

    options = read_options(size=size or None, grey=grey, count=count, seed=seed, **asked)
    packed = verb.pack(source, path, out, options=options)
    for line in (packed.message, *packed.notes):
        echo(line)


@app.command()
def audit(store: Annotated[Path, path_argument("A packed store.")], as_json: Json = False) -> None:
    """Check a data set for mistakes and oddities, before training on it."""
    from simulacra.verbs import data as verb

    report, tables, sentences = verb.audit(store)
    if as_json:
        echo(json.dumps(report))
        return
    for part in tables:
        print_table(part)
    for sentence in sentences:
        echo(f"- {sentence}")


@app.command()
def sample(
    run: Run,
    out: Annotated[Path, path_option("--out", "-o", text="FILE.png, FILE.npy, or a folder.")] = Path("samples.png"),
    count: Annotated[int | None, typer.Option("-n", "--count", help="How many; 32 by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal images; 0 by default.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(callback=one_each, help="NAME=0 or NAME=1, for all samples.")
    ] = None,
    codes: Annotated[
        str | None, typer.Option(help="Codes as JSON like '{\"seed\": 3}', or a file of it, instead of -n and --seed.")
    ] = None,
    step: Step = None,
    weights: Weights = None,
) -> None:
    """Draw samples of a trained model, from its run folder alone."""
    from simulacra.verbs import sample as verb

    echo(verb.sample(run, count, seed, verb.parse_labels(label or ()), out, step, weights, codes))


@app.command()
def report(
    runs: Annotated[list[Path], path_argument("Run folders.")],
    out: Annotated[Path | None, path_option("--out", "-o", text="HTML or PDF; RUN/report.html for one run.")] = None,
    step: Annotated[
        Any, typer.Option(parser=read_step, help="Draw the pictures again from this checkpoint, or from the best.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading; by default what was trained.")] = None,
    author: Annotated[str, typer.Option(help="Name below the heading.")] = "",
    sections: Annotated[
        str | None, typer.Option(help="Only these, with commas between, e.g. samples,learning-curves.")
    ] = None,
    no_real: Annotated[bool, typer.Option("--no-real", help="Leave out all pictures of the data set.")] = False,
) -> None:
    """Write one self-contained report of one run, or of several side by side."""
    from simulacra.verbs import report as verb

    chosen = [name.strip() for name in (sections or "").split(",") if name.strip()]
    echo(verb.report(runs, out, step, say, title=title, author=author, sections=chosen, real=not no_real))


@app.command()
def evaluate(
    run: Run,
    data: Data = None,
    against: Annotated[Path | None, path_option(text="Another store, or other pictures, to measure against.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many samples.")] = 2000,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0, random-vgg, judge or inception.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A group of metrics, e.g. quality; all by default.")] = None,
    step: Step = None,
    weights: Weights = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples; equal seeds give equal results.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how good and how diverse the samples of a run are, beside real images."""
    from simulacra.verbs import evaluate as verb

    scores = verb.evaluate(
        run,
        data=data,
        against=against,
        count=count,
        features=features,
        only=only or (),
        step=step,
        weights=weights,
        seed=seed,
        say=say,
    )
    if as_json:
        echo(json.dumps(scores.rows))
    elif scores.measured:
        print_table(scores.to_table())
    for note in scores.notes:
        say(f"- {note}")


@app.command()
def compare(
    runs: Annotated[list[Path], path_argument("Run folders, two or more.", "RUN...")],
    group_by: Annotated[str | None, typer.Option(help="Key of the recipes; seeds of one value are a group.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="A metric, e.g. recall; all by default.")] = None,
    split: Annotated[str | None, typer.Option(help="test, valid or train; held-out images by default.")] = None,
    out: Annotated[Path | None, path_option("--out", "-o", text="File to write it to: HTML, or --format.")] = None,
    form: Annotated[str | None, typer.Option("--format", "-f", help="csv, latex or markdown.")] = None,
    as_json: Json = False,
) -> None:
    """Compare runs metric by metric: which one is better, if their numbers can be compared."""
    from simulacra.verbs import report as verb

    comparison = verb.compare(runs, group_by, metric or (), split=split, out=out, form=form)
    if as_json:
        echo(json.dumps(comparison.as_json()))
    elif form is not None and out is None:
        echo(comparison.written(form).rstrip("\n"))
    else:
        print_table(comparison.to_table())
        if comparison.differences:
            print_table(comparison.settings())
    for note in comparison.notes:
        say(f"- {note}")
    if out is not None:
        say(f"written to {out}")


@app.command()
def best(
    run: Run,
    metric: Annotated[
        str | None, typer.Option(help="The metric that decides, e.g. kernel_distance; that of the family by default.")
    ] = None,
    data: Data = None,
    features: Annotated[str | None, typer.Option(help="efficientnet-lite0 or random-vgg, for distances.")] = None,
    as_json: Json = False,
) -> None:
    """Score the kept checkpoints of a run on its valid images, and mark the best for --step best."""
    from simulacra.verbs import best as verb

    scores = verb.best(run, metric=metric, data=data, features=features, say=say)
    if as_json:
        echo(json.dumps({"best": scores.best.to_json(), "rows": scores.rows}))
        return
    print_table(scores.to_table())
    echo(scores.conclusion)


@app.command()
def diagnose(run: Run, as_json: Json = False) -> None:
    """Find what went wrong in a run, with the numbers that show it and what to try."""
    from simulacra import diagnosis
    from simulacra.runs import RunFolder

    findings = diagnosis.diagnose(RunFolder(run))
    if as_json:
        echo(json.dumps([finding.as_json() for finding in findings]))
        return
    for finding in findings:
        echo(f"{finding.name} ({finding.severity}): {finding.meaning}")
        for sign in finding.evidence:
            echo(f"  seen by: {sign}")
        echo(f"  try: {finding.remedy}")
        echo(f"  more: {finding.link}")
    if not findings:
        echo("no issues found; it is not clear whether more training would help")


@app.command()
def bench(
    recipe: Recipe,
    data: Annotated[str | None, typer.Option(help="As train takes it; made-up images by default.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long to measure; a few steps may take longer.")] = 20.0,
    changes: Changes = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Json = False,
) -> None:
    """Measure how fast a recipe trains on this machine, and how long it will take without snapshots and evaluations."""
    from simulacra.verbs import bench as verb

    speed = verb.bench(recipe, data, seconds, changes=changes or (), device=device, say=say)
    if as_json:
        echo(json.dumps(speed.as_json()))
        return
    for sentence in verb.sentences(speed):
        echo(sentence)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="Name or number of a study, a TOML file, list, or new.")],
    file: Annotated[Path | None, path_argument("With new: the file to write.", "FILE")] = None,
    quick: Annotated[bool, typer.Option("--quick/--full", help="Minutes on a laptop, or the whole budget.")] = True,
    seeds: Annotated[int | None, typer.Option(help="How many seeds; more can be added later.")] = None,
    data: Annotated[str | None, typer.Option(help="As train takes it; the study's own data by default.")] = None,
    out: Annotated[Path, path_option("--out", "-o", text="Folder of all studies.")] = Path("studies"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; as many as there are cores by default.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, like tcp://HOST:8786; see docs/scale.md.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the runs and their minutes; train none.")] = False,
    as_json: Json = False,
) -> None:
    """Put a claim to the test: train several cases with several seeds, and end in a verdict."""
    from simulacra.verbs import study as verb

    if name == "list":
        rows = verb.listed()
        if as_json:
            echo(json.dumps(rows))
            return
        print_table(verb.list_table(rows))
        return
    if name == "new":
        echo(verb.new(file))
        return
    asked: dict[str, Any] = {"full": not quick, "seeds": seeds, "data": data, "out": out}
    if dry_run:
        cost = verb.cost(name, **asked, workers=workers, say=say)
        if as_json:
            echo(json.dumps({"runs": [row.to_json() for row in cost.rows], "summary": cost.summary}))
            return
        print_table(verb.cost_table(cost))
        echo(cost.summary)
        return
    finished = verb.study(name, **asked, workers=workers, scheduler=scheduler, say=say)
    if as_json:
        echo(json.dumps(finished.to_json()))
        return
    print_table(finished.table)
    for sentence in finished.sentences:
        echo(sentence)
    echo(f"page: {finished.page}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show what this machine and this installation offer: versions, cores, precision, load, disk, cache."""
    from simulacra.verbs import doctor as verb

    checks = verb.doctor()
    if as_json:
        echo(json.dumps([check.as_json() for check in checks]))
        return
    for check in checks:
        echo(f"{check.name:14} {check.value}")
        if check.remedy:
            echo(f"{'':14} -> {check.remedy}")


@app.command()
def explore(
    runs: Annotated[list[Path], path_argument("Run folders, or folders that hold runs.")],
    host: Annotated[str, typer.Option(help="Address to listen at; other machines need --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8000,
    token: Annotated[
        str | None, typer.Option(envvar="SIMULACRA_TOKEN", help="A password that every visitor has to give.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name under which browsers may ask: of this machine, or of a proxy.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Open a page in the browser where you change codes and attributes by hand."""
    from simulacra.verbs import explore as verb

    verb.explore(runs, host=host, port=port, token=token, names=allow_host or (), browser=not no_browser, say=say)


@app.command()
def export(
    run: Run,
    out: Annotated[Path, path_option("--out", "-o", text="Folder to write.")],
    form: Annotated[str, typer.Option("--format", "-f", help="safetensors, onnx, web or folder.")] = "safetensors",
    licence: Annotated[
        str | None, typer.Option("--license", help="Identifier of the model's licence, e.g. apache-2.0.")
    ] = None,
    ort: Annotated[Path | None, path_option(text="Folder of onnxruntime-web, where npm cannot fetch it.")] = None,
    step: Step = None,
    title: Annotated[str | None, typer.Option(help="Heading of card and page; by default what was trained.")] = None,
) -> None:
    """Write a trained model for others: weights, ONNX, a web page, or a run to go on with."""
    from simulacra.verbs import export as verb

    echo(verb.export(run, out, form, step=step, licence=licence, runtime=ort, title=title, say=say))


@app.command()
def edit(
    run: Run,
    picture: Annotated[Path, path_argument("A picture file of any size.")],
    label: Annotated[list[str], typer.Option(callback=one_each, help="NAME=1 towards a label, NAME=0 away from it.")],
    out: Annotated[Path, path_option("--out", "-o", text="FILE.png.")] = Path("edited.png"),
    strength: Annotated[str, typer.Option(help="How far; 1 is as far as pictures with and without are apart.")] = "1",
    strengths: Annotated[
        str | None, typer.Option(help="Several, like -2,-1,0,1,2: a row of all beside the original.")
    ] = None,
    method: Annotated[str, typer.Option(help="mean or normal: how a direction is computed.")] = "mean",
    keep: Annotated[list[str] | None, typer.Option(help="A label that must stay as it is.")] = None,
    data: Data = None,
    crop: Annotated[str, typer.Option(help="center, none, or LEFT,TOP,RIGHT,BOTTOM.")] = "center",
    step: Step = None,
) -> None:
    """Change a label of a picture of your own, e.g. Smiling."""
    from simulacra.verbs import edit as verb

    request = verb.request_of(label, verb.parse_strengths(strength, strengths), method, keep or ())
    echo(verb.edit(run, picture, request, out, step=step, data=data, crop=crop, say=say))
