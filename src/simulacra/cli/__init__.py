"""The command line: parse, call one verb, print. Nothing heavy is imported before a command needs it.

Its streams take any letter and survive a reader who leaves; what goes wrong becomes a sentence and an exit code.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from simulacra import __version__
from simulacra.cli import commands  # adds its commands to the application
from simulacra.cli.options import app, say
from simulacra.errors import SimulacraError, Stopped, one_line
from simulacra.progress import Forgiving

__all__ = ["app", "commands", "main"]

# What a disk or the system refuses, wherever it happens -> what to do.
DISKS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free space, then the same command goes on"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a place that you may read and write"),
    **dict.fromkeys((errno.ENAMETOOLONG, errno.ELOOP), "choose a shorter name, or one without links in a circle"),
    **dict.fromkeys((errno.EIO, errno.ESTALE, errno.ETIMEDOUT), "the disk or its network has failed; try again"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "too many files are open; allow more with ulimit -n 4096"),
}
FULL = ("can't allocate memory", "not enough memory", "out of memory")  # words of torch's errors, on any device


def main() -> None:
    """Runs the command line and exits: 0 done, 2 the user's mistake, 128 and a signal's number stopped, 1 our fault."""
    with streams():
        run()


def run() -> None:
    """Runs the command line; what goes wrong becomes a sentence and an exit code."""
    try:
        app()
    except SimulacraError as error:
        say(f"simulacra: {error}")
        sys.exit(2)
    except Stopped as stop:
        say(f"simulacra: {stop}")
        sys.exit(128 + stop.signal)
    except SystemExit as leave:
        if leave.code == 130:  # what typer makes of Ctrl-C
            say("simulacra: stopped; the same command begins this again")
        raise
    except OSError as error:
        if error.errno not in DISKS:
            report_fault()
        where = f"{error.filename}: " if error.filename else ""
        say(f"simulacra: {one_line(where)}{os.strerror(error.errno)}; {DISKS[error.errno]}")
        sys.exit(2)
    except Exception as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in FULL):
            say("simulacra: that takes more memory than this machine has; choose smaller numbers")
            sys.exit(2)
        report_fault()


def report_fault() -> NoReturn:
    """Prints the error that is being handled, and leaves."""
    traceback.print_exc()
    say(f"simulacra {__version__}: this is our fault, not yours; please report it with the lines above")
    sys.exit(1)


READER_LEFT = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1  # how other tools end in a pipe


class Results:
    """Stdout for results: where its reader has left, as `| head` does, nothing is left to do, and the command ends.

    Args:
        stream: a text stream.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text. Raises SystemExit: the reader has left."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError as error:
            raise SystemExit(READER_LEFT) from error

    def flush(self) -> None:
        """Hands on what was written. Raises SystemExit: the reader has left."""
        try:
            self._stream.flush()
        except BrokenPipeError as error:
            raise SystemExit(READER_LEFT) from error


@contextmanager
def streams() -> Iterator[None]:
    """While it is open, stdout and stderr print whatever they can, and an error of theirs is no error of a command."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if getattr(stream, "errors", None) in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal or a pipe that is not UTF-8 shows ? for a letter it lacks
    sys.stdout, sys.stderr = (Results(before[0]) if before[0] else before[0]), Forgiving(before[1])
    try:
        yield
        if before[0]:
            sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            _settle(stream)


def _settle(stream: Any) -> None:
    """Empties a stream; one that cannot be emptied goes nowhere, or Python would complain as it ends."""
    try:
        if stream:
            stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
