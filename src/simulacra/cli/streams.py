"""What the command line prints to: streams that take any letter, and that survive a reader who leaves."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from simulacra.progress import Forgiving

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
        """Writes a text.

        Raises:
            SystemExit: the reader has left.
        """
        try:
            return int(self._stream.write(text))
        except BrokenPipeError as error:
            raise SystemExit(READER_LEFT) from error

    def flush(self) -> None:
        """Hands on what was written.

        Raises:
            SystemExit: the reader has left.
        """
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
