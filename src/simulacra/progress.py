"""The live view of a training: a progress bar on a terminal, plain lines elsewhere. All of it goes to stderr.

Only in a notebook it goes to stdout, because notebooks show stderr in red, as if it were a mistake.

Whoever reads it may go away, as `2>&1 | head` does; no training may end because a line about it cannot be printed.
"""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

FIRST_SECONDS = 5.0  # before a time left is guessed: the first steps are the slowest
ROW_SECONDS = 10.0  # between two rows, so that a terminal and a log file stay readable
NOTEBOOK_SECONDS = 1.0  # between two changes of the line that a notebook shows
TITLE, BAR = 20, 16  # letters, so that a bar fits a terminal of 80 with all that stands beside it


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
    """Shows how far something is: a bar at the bottom of a terminal, below rows of numbers; plain lines elsewhere.

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
        self.title, self.numbers, self.spoken = title, "", float("-inf")
        # When the stage began, how much of it was done then, and how much is done.
        self.begin, self.first, self.done = 0.0, float("inf"), 0.0
        self._line: Any = None  # of a notebook
        self.progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=_column(TITLE, "ellipsis")),
            BarColumn(bar_width=BAR),
            TextColumn("{task.percentage:>3.0f}%", table_column=_column(4)),
            TextColumn("{task.fields[left]}", markup=False, table_column=_column(13)),
            TextColumn("{task.fields[position]}", markup=False, table_column=_column(26, "ellipsis")),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(title, total=1.0, left="", position="")

    def __enter__(self) -> "Live":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, done: float, position: str, numbers: str | None = None, left: float | None = None) -> None:
        """Moves on; every ten seconds at most, the numbers stay as a row above the bar.

        Args:
            done: share of the work, in [0, 1].
            position: like "step 300 of 1,000".
            numbers: new numbers, if there are any.
            left: seconds that the rest will take; by the time that the share took so far, where nobody knows better.
        """
        self.progress.start()  # the first time; a bar that nothing moves is not drawn
        now = time.monotonic()
        if not self.first <= self.done <= done:  # the first call, or a new stage, whose pace is its own
            self.begin, self.first = now, done
        self.done, spent = done, now - self.begin
        if left is None and done > self.first and spent >= FIRST_SECONDS:
            left = spent * (1 - done) / (done - self.first)
        remaining = "" if left is None else f"{clock(left)} left"
        self.progress.update(self.task, completed=done, left=remaining, position=position)
        self.numbers, waited = numbers or self.numbers, time.monotonic() - self.spoken
        here = [f"{self.title}: {done:4.0%}", position, remaining] if not self.console.is_terminal else [position]
        line = "  ".join(filter(None, [*here, self.numbers]))
        if in_notebook():
            if waited >= NOTEBOOK_SECONDS or done >= 1:
                self.spoken = time.monotonic()
                self._show_in_notebook(line)
        elif waited >= ROW_SECONDS and (self.numbers or not self.console.is_terminal):
            self.console.print(line, markup=False)
            self.spoken, self.numbers = time.monotonic(), ""  # said once, so that old numbers do not look like new ones

    def _show_in_notebook(self, line: str) -> None:
        """Shows one line, which changes."""
        from IPython import display

        shown = {"text/plain": line}
        if self._line is None:
            self._line = display.display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._line.update(shown, raw=True)

    def say(self, line: str) -> None:
        """Prints a line that stays on the screen."""
        self.console.print(line, markup=False)

    def count(self, done: int, total: int) -> None:
        """Shows that `done` of `total` items are finished; serves as a progress function (done, total)."""
        self.show(done / max(total, 1), f"{done:,}/{total:,}")


def _column(width: int, overflow: Literal["ellipsis", "crop"] = "crop") -> Column:
    """A column of a bar: never broken over lines, and never wider."""
    return Column(no_wrap=True, overflow=overflow, max_width=width)


def clock(seconds: float) -> str:
    """A time as a clock shows it: 4:05, or 1:04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rough_duration(seconds: float) -> str:
    """A time in words, to two digits or so: "45 s", "4 min", "21 h"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(1, seconds):.0f} s"
