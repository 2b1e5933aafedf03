"""What every command needs: the application, options that several have, and how a table is printed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from simulacra import __version__


class Commands(TyperGroup):
    """The commands; of an EOFError, which typer would take for Ctrl-D at a prompt, all is told as of any error."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise RuntimeError("a file ends too early") from error


app = typer.Typer(
    cls=Commands,
    help="Train, measure, compare and explore small generative models of images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def read_place(text: str) -> Path:
    """A path that a script has not left empty, which would mean the folder it runs in.

    Raises:
        BadParameter: it is empty.
    """
    if not text:
        raise typer.BadParameter("the path is empty")
    return Path(text)


Out = Annotated[Path, typer.Option("--out", "-o", parser=read_place, help="Folder to write.")]
Labels = Annotated[Path | None, typer.Option("--labels", help="CSV table: a column of file names, others 0/1.")]
Crop = Annotated[str | None, typer.Option("--crop", help="center, none, or LEFT,TOP,RIGHT,BOTTOM.")]
Layout = Annotated[str | None, typer.Option(help="Of arrays: NHWC or NCHW.")]
Values = Annotated[
    str | None, typer.Option(help="LOW..HIGH: which value is black and which is white, of arrays and deep pictures.")
]
Background = Annotated[str | None, typer.Option(help="Colour under transparent parts: white by default.")]
MaxPixels = Annotated[int | None, typer.Option(min=1, help="Pixels that one picture may have: 89 million by default.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="key=value of the recipe, e.g. optimizer.lr=1e-4.")]
Run = Annotated[Path, typer.Argument(help="A run folder.")]


def read_step(text: str) -> int | str:
    """What --step means.

    Raises:
        BadParameter: neither a number nor "best".
    """
    if text == "best":
        return text
    if not text.isdigit():
        raise typer.BadParameter(f"{text!r} is neither a number of updates nor best")
    return int(text)


def read_weights(text: str) -> str:
    """What --weights means.

    Raises:
        BadParameter: neither ema nor raw.
    """
    if text not in ("ema", "raw"):
        raise typer.BadParameter(f"{text!r} is neither ema nor raw")
    return text


# The value is a number, "best" or None, as `engine.checkpoints.Which`; typer knows no such union.
Step = Annotated[Any, typer.Option(parser=read_step, help="Of a kept checkpoint, or best; the newest by default.")]
Weights = Annotated[
    Any, typer.Option(parser=read_weights, help="ema or raw; ema by default, where the run keeps an EMA.")
]


def say(line: str) -> None:
    """Tells a person something, beside what scripts read; of several processes on a machine, the first one does."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        typer.echo(line, err=True)


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
    for column in drawn.columns[1:]:
        column.overflow = "fold"
    for column in drawn.columns[1:] if columns[-1] == "parameters" else []:
        column.justify = "right"
    for row in rows:
        drawn.add_row(*row)
    console = Console(soft_wrap=True, markup=False)
    if not console.is_terminal:
        console.width = 400  # a file is as wide as it needs to be
    console.print(drawn)
