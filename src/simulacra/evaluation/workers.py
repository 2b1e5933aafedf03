"""Threads that each take a chunk of images through a network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import torch


class Threads:
    """How many threads torch has when nobody has workers.

    Attributes:
        count: as the first of those who have workers at once found it.
        users: how many have workers now.
    """

    def __init__(self) -> None:
        self.count, self.users, self._lock = 1, 0, Lock()

    def enter(self) -> int:
        """Counts one user more; the threads that torch has."""
        with self._lock:
            if not self.users:
                self.count = torch.get_num_threads()
            self.users += 1
            return self.count

    def leave(self) -> None:
        """Gives this thread, and those to come, torch's threads back."""
        with self._lock:
            self.users -= 1
            torch.set_num_threads(self.count)


_THREADS = Threads()


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """As many workers as torch has threads, each of which computes with one.

    Threads that share each layer wait for one another after it: beside another busy program that was seen to take ten
    times as long as a chunk of images for each thread does. Nor do digits then depend on how many threads there are.
    Several threads may have workers at once, as the explorer's desks do: torch keeps one number for threads to come and
    one in each thread, so each worker sets its own, and only one who found no other's setting remembers the number.
    """
    count = _THREADS.enter()
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        _THREADS.leave()
