"""The command line: parse, call one verb, print. Nothing heavy is imported before a command needs it."""

import sys
import traceback

from simulacra import __version__
from simulacra.cli import commands  # adds its commands to the application
from simulacra.cli.options import app, say
from simulacra.errors import SimulacraError, Stopped

__all__ = ["app", "commands", "main"]

FULL = ("can't allocate memory", "not enough memory", "out of memory")  # words of torch's errors, on any device


def main() -> None:
    """Runs the command line and exits: 0 done, 2 the user's mistake, 130 or 143 stopped, 1 our fault."""
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
    except Exception as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in FULL):
            say("simulacra: that takes more memory than this machine has; choose smaller numbers")
            sys.exit(2)
        traceback.print_exc()
        say(f"simulacra {__version__}: this is our fault, not yours; please report it with the lines above")
        sys.exit(1)
