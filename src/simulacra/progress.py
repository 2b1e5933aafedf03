"""The live view of a training: a progress bar on a terminal, plain lines elsewhere. All of it goes to stderr."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN_SECONDS = 10.0  # between two plain lines, so that a log file stays readable


class Live:
    """Shows how far something is, and what its numbers are.

    Args:
        title: what is going on.
        console: where to; stderr by default.
    """

    def __init__(self, title: str, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.title, self.numbers, self.spoken = title, "", 0.0
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
        due = time.monotonic() - self.spoken >= PLAIN_SECONDS
        if not self.console.is_terminal and due and (fresh or not self.numbers):
            self.spoken = time.monotonic()
            self.console.print(f"{self.title}: {done:4.0%}  {position}  {self.numbers}", markup=False)

    def say(self, line: str) -> None:
        """Prints a line that stays on the screen."""
        self.console.print(line, markup=False)

    def count(self, done: int, total: int) -> None:
        """Shows that `done` of `total` items are finished; serves as a progress function (done, total)."""
        self.show(done / max(total, 1), f"{done:,}/{total:,}")
