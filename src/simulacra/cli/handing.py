"""Commands that hand a trained model on or use it: export and edit."""

from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import Run, Step, app, say


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
    from simulacra.workflow.exporting import export as export_run

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
    from simulacra.workflow.editing import edit as edit_picture
    from simulacra.workflow.editing import parse_strengths, wish_of

    wish = wish_of(label, parse_strengths(strength, strengths), method, keep or ())
    typer.echo(edit_picture(run, picture, wish, out, step=step, data=data, crop=crop, say=say))
