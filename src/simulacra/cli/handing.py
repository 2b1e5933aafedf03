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
