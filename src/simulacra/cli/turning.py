"""Commands that turn models by hand: explore."""

from pathlib import Path
from typing import Annotated

import typer

from simulacra.cli.base import app, say


@app.command()
def explore(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold runs.")],
    host: Annotated[str, typer.Option(help="Address to listen at; other machines need --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8000,
    token: Annotated[str | None, typer.Option(help="A word that every visitor has to know.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Open a page in the browser where codes and attributes are turned by hand."""
    from simulacra.workflow.exploring import explore as explore_runs

    explore_runs(runs, host=host, port=port, token=token, browser=not no_browser, say=say)
