"""What can go wrong through no fault of the program, as an exception tree.

    SimulacraError             one sentence for the user; exit code 2
    ├── RecipeError            a recipe, or a key set on the command line
    ├── DataError              a picture, a table, a source, a packed store
    ├── RunError               a run folder: another recipe's, locked, no run at all
    ├── StudyError             a study: its file, or what it needs to be carried out
    └── Diverged               a loss or a weight stopped being a finite number
    Stopped                    Ctrl-C or another signal; the run was saved; exit code 128 and its number: 130, 143

Every message names the file, row or key, what was found there, and the remedy.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

# What would break a line or a terminal, or could not be printed: control characters, line separators, lone surrogates.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def one_line(text: str) -> str:
    """The text with its control characters escaped, for file names and labels may hold any."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class SimulacraError(Exception):
    """The user's mistake, reported in one sentence."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class RecipeError(SimulacraError):
    """A recipe says something that cannot be trained."""


class DataError(SimulacraError):
    """A data set, or a file in it, cannot be used as it is."""


class RunError(SimulacraError):
    """A run folder cannot be used as asked."""


class StudyError(SimulacraError):
    """A study says something that cannot be carried out, or what it needs is not there."""


class Diverged(SimulacraError):
    """A training produced a number that is not finite."""


class Stopped(Exception):
    """A signal ended the training after its state was saved.

    Args:
        signal: the number of the signal, like 2 (SIGINT) or 15 (SIGTERM); the exit code is 128 more.
        message: where the run stands and the command that goes on.
    """

    def __init__(self, signal: int, message: str) -> None:
        super().__init__(message)
        self.signal = signal


def nearest(word: str, known: Iterable[str]) -> str:
    """A half-sentence that helps with a misspelt word: the nearest known ones, or all of them if none is near."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
