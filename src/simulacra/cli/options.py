"""What every command needs: the application, options that several have, and how a table is printed."""

import inspect
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from simulacra import __version__
from simulacra.errors import RunError
from simulacra.files import expand
from simulacra.progress import print_error
from simulacra.tabular import Table

# The commands in the order of work: what a group of them is for -> their names.
WORK = {
    "Begin": ("demo", "doctor"),
    "Get data": ("pack", "audit"),
    "Train": ("recipes", "summary", "bench", "train", "diagnose", "best"),
    "Look": ("sample", "explore", "edit"),
    "Measure and compare": ("evaluate", "compare", "study"),
    "Hand in, hand on": ("report", "export"),
}
EXAMPLE = (
    "Example: [bold]simulacra train demo-dcgan --data avatars --minutes 2 --out runs/first[/bold] draws faces, trains "
    "a GAN and writes runs/first/report.html. With your own pictures: [bold]simulacra train faces-fast --data PICTURES "
    "--out runs/mine[/bold]"
)


class Commands(TyperGroup):
    """The commands in the order of work.

    An EOFError is reported like any error, though typer would take it for Ctrl-D at a prompt.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands, in the order of work."""
        order = [name for names in WORK.values() for name in names]
        return sorted(self.commands, key=lambda name: order.index(name) if name in order else len(order))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, in the panel of its group."""
        command = super().get_command(ctx, cmd_name)
        panels = (group for group, names in WORK.items() if cmd_name in names)
        if command is not None:
            command.rich_help_panel = next(panels, "Commands")  # type: ignore[attr-defined]  # a command of typer
        return command

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise RuntimeError("a file ends too early") from error


app = typer.Typer(
    cls=Commands,
    help="Train, measure, compare and explore small generative models of images.",
    epilog=EXAMPLE,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def read_path(text: str | Path) -> Path:
    """A path, in which `~` is a home folder: shells leave it in `--out=~/runs`.

    Raises:
        BadParameter: it is empty: in a script that would mean the current folder.
    """
    if not str(text):
        raise typer.BadParameter("the path is empty")
    return expand(text)


def path_option(*names: str, text: str) -> Any:
    """An option that takes a path."""
    return typer.Option(*names, parser=read_path, metavar="PATH", help=text)


def path_argument(text: str, metavar: str = "PATH") -> Any:
    """An argument that is a path, or several."""
    return typer.Argument(parser=read_path, metavar=metavar, help=text)


Out = Annotated[Path, path_option("--out", "-o", text="Folder to write.")]
# What may be asked of the pictures' source, by the names that `data.sources.read_options` takes.
SOURCE_OPTIONS = {
    "labels": "Table: a column of file names, others labels.",
    "columns": "Columns of the table to read: A,B. All by default.",
    "missing": "What an empty cell of the table means: 0, 1 or drop.",
    "unknown": "What -1 means beside 0 and 1: 0, 1 or drop.",
    "factors": "Columns of numbers kept as factors: A,B.",
    "classes": "folders or none: whether folders are classes.",
    "split": "folder or random: whether folders are the split.",
    "source": "Which source reads --data: folder, celeba, idx ...",
    "crop": "center, none, or LEFT,TOP,RIGHT,BOTTOM.",
    "layout": "Layout of arrays: NHWC or NCHW.",
    "values": "LOW..HIGH: what is black and white in arrays and in deep pictures.",
    "background": "Colour under transparent parts; white.",
}
MaxPixels = Annotated[int | None, typer.Option(min=1, help="Pixels that a picture may have; 89 million by default.")]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Pack even if over 1% of the pictures is bad.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="A key of the recipe, e.g. optimizer.lr=1e-4; repeatable.")
]
Recipe = Annotated[str, typer.Argument(help="Name of a recipe, or a TOML file.")]
Run = Annotated[Path, path_argument("A run folder.", "RUN")]
Data = Annotated[
    Path | None, path_option("--data", text="What the run was trained on, if it has moved: a store, or pictures.")
]


def takes_source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of a source in the place of its `**asked`; what it names itself stays its own."""
    own = dict(inspect.signature(command).parameters)
    own.pop("asked")
    kinds: dict[str, tuple[Any, Any]] = {
        name: (Annotated[str | None, typer.Option(help=text)], None) for name, text in SOURCE_OPTIONS.items()
    }
    kinds |= {"max_pixels": (MaxPixels, None), "keep_going": (KeepGoing, False)}
    asked = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in kinds.items()
        if name not in own
    ]
    command.__signature__ = inspect.Signature([*own.values(), *asked])  # type: ignore[attr-defined]
    return command


def read_step(text: str) -> int | str:
    """What --step means. Raises BadParameter: neither a number nor "best"."""
    if text == "best":
        return text
    if not text.isdigit():
        raise typer.BadParameter(f"{text!r} is neither a number of updates nor best")
    return int(text)


def read_weights(text: str) -> str:
    """What --weights means. Raises BadParameter: neither ema nor raw."""
    if text not in ("ema", "raw"):
        raise typer.BadParameter(f"{text!r} is neither ema nor raw")
    return text


def one_each(words: list[str] | None) -> list[str] | None:
    """What --label means. Raises RunError: several labels are given at once."""
    for word in words or ():
        parts = [part.strip() for part in word.split(",")]
        if len(parts) > 1 and all(part[:-2] and part.endswith(("=0", "=1")) for part in parts):
            repeated = " ".join(f"--label {shlex.quote(part)}" for part in parts)
            raise RunError(f"--label {word}: give each label an option of its own: {repeated}")
    return words


# The value is a number, "best" or None, as `engine.checkpoints.Which`; typer knows no such union.
Step = Annotated[Any, typer.Option(parser=read_step, help="Step of a checkpoint, or best; the newest by default.")]
Weights = Annotated[
    Any, typer.Option(parser=read_weights, help="ema or raw; ema by default, where the run keeps an EMA.")
]


def say(line: str) -> None:
    """Prints a line for people to stderr, beside what scripts read; only the first process of a machine does."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print_error(line)


def echo(line: object) -> None:
    """Prints a line of a command's result to stdout."""
    print(line, flush=True)


def show_version(asked: bool) -> None:
    """Prints the version and leaves."""
    if asked:
        echo(f"simulacra {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Train, measure, compare and explore small generative models of images."""


def print_table(table: Table) -> None:
    """Prints a table: on a narrow terminal without the columns that give way; numbers are never broken."""
    from rich import box
    from rich.console import Console
    from rich.table import Column
    from rich.table import Table as Grid

    console = Console(soft_wrap=True, markup=False)
    if not console.is_terminal:
        console.width = 400  # a file is as wide as it needs to be
    table = table.fitting(console.width)
    console.width = max(console.width, table.width)  # a line that is too long is better than half a number
    columns = [
        Column(name, no_wrap=name not in table.words, min_width=max(map(len, parts)), justify=_side(table, index))
        for index, (name, parts) in enumerate(zip(table.columns, table.parts(), strict=True))
    ]
    grid = Grid(*columns, title=table.title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in table.rows:
        grid.add_row(*row)
    console.print(grid)


def _side(table: Table, index: int) -> Literal["left", "right"]:
    """Numbers stand to the right, words to the left."""
    if table.columns[index] in table.words:
        return "left"
    cells = [row[index] for row in table.rows if row[index]]
    return "right" if cells and all(cell[0].isdigit() or cell[0] in "-−" for cell in cells) else "left"
