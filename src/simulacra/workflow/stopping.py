"""Ctrl-C and SIGTERM as a request: finish the update, save, and leave."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Request:
    """Whether somebody wants the training to stop.

    Attributes:
        signal: the number of the signal that came first, or None.
    """

    signal: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Takes note of a signal; a second one ends the program at once, with nothing more saved."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def stop_requests() -> Iterator[Request]:
    """Gathers signals for as long as it is open; in a thread other than the main one, none come."""
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
