"""The live view of a training: a progress bar on a terminal, plain lines elsewhere. All of it goes to stderr.

Only in a notebook it goes to stdout, because notebooks show stderr in red, as if it were a mistake.

Whoever reads it may go away, as `2>&1 | head` does; no training may end because a line about it cannot be printed.
"""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN_SECONDS = 10.0  # between two plain lines, so that a log file stays readable
NOTEBOOK_SECONDS = 1.0  # between two changes of the line that a notebook shows


class Forgiving:
    """A stream that drops what it cannot print: its reader has left, the disk is full, its encoding lacks a letter.

    Args:
        stream: a text stream; None where this process has none.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes what can be written; says that all of it was."""
        with suppress(OSError, ValueError, AttributeError):  # ValueError: a closed stream, or a letter
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hands on what was written, where that is possible."""
        with suppress(OSError, ValueError, AttributeError):
            self._stream.flush()


def in_notebook() -> bool:
    """Whether a notebook shows what this process prints."""
    return type(sys.stderr).__module__.startswith("ipykernel")


def messages() -> Any:
    """The stream for messages to a person."""
    return Forgiving(sys.stdout if in_notebook() else sys.stderr)


def print_error(line: str) -> None:
    """Prints a line for a person, if anybody reads it."""
    print(line, file=messages(), flush=True)


class Live:
    """Shows how far something is, and what its numbers are.

    Args:
        title: what is going on.
        console: where to; the stream for messages by default.
    """

    def __init__(self, title: str, console: Console | None = None) -> None:
        # A notebook says that it is a terminal, and rich would show every line there as HTML of its own.
        terminal = False if in_notebook() else None
        self.console = console or Console(
            file=messages(), highlight=False, soft_wrap=True, force_terminal=terminal, force_jupyter=False
        )
        self.title, self.numbers, self.spoken = title, "", 0.0
        self._line: Any = None  # of a notebook
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(title, total=1.0, numbers="")

    def __enter__(self) -> "Live":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, done: float, position: str, numbers: str | None = None) -> None:
        """Moves on.

        Args:
            done: share of the work, in [0, 1].
            position: like "step 300/1000".
            numbers: the newest numbers; without any, the former ones stay.
        """
        self.progress.start()  # the first time; a bar that nothing moves is not drawn
        fresh, self.numbers = numbers is not None, numbers if numbers is not None else self.numbers
        self.progress.update(self.task, completed=done, numbers=f"{position}  {self.numbers}")
        line, waited = f"{self.title}: {done:4.0%}  {position}  {self.numbers}", time.monotonic() - self.spoken
        if in_notebook() and (waited >= NOTEBOOK_SECONDS or done >= 1):
            self.spoken = time.monotonic()
            self._show_in_notebook(line)
        elif not self.console.is_terminal and waited >= PLAIN_SECONDS and (fresh or not self.numbers):
            self.spoken = time.monotonic()
            self.console.print(line, markup=False)

    def _show_in_notebook(self, line: str) -> None:
        """Shows one line, which changes."""
        from IPython.display import display

        shown = {"text/plain": line.rstrip()}
        if self._line is None:
            self._line = display(shown, raw=True, display_id=True)
        else:
            self._line.update(shown, raw=True)

    def say(self, line: str) -> None:
        """Prints a line that stays on the screen."""
        self.console.print(line, markup=False)

    def count(self, done: int, total: int) -> None:
        """Shows that `done` of `total` items are finished; serves as a progress function (done, total)."""
        self.show(done / max(total, 1), f"{done:,}/{total:,}")
