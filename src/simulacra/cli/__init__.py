"""The command line: parse, call one verb, print. Nothing heavy is imported before a command needs it."""

import errno
import os
import sys
import traceback
from typing import NoReturn

from simulacra import __version__
from simulacra.cli import commands  # adds its commands to the application
from simulacra.cli.options import app, say
from simulacra.cli.streams import streams
from simulacra.errors import SimulacraError, Stopped, one_line

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
