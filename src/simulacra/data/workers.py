"""Reading many pictures on all cores, in order, with few in memory at a time."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from simulacra.errors import DataError
from simulacra.files import cores

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 64
# Below this, starting processes takes longer than the work.
FEW = 512


def read_all(
    read: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterator[Result | DataError]:
    """Reads each item, in order; a DataError is yielded in place of its result, and not raised.

    Args:
        read: picklable.
        items: arguments of `read`, picklable.
        workers: processes; 1 stays in this one, None takes one per core unless there are few items.

    Raises:
        DataError: a worker process died.
    """
    if workers is None:
        workers = cores() if len(items) > FEW and may_start_processes() else 1
    if workers <= 1:
        for item in items:
            yield attempt(read, item)
        return
    # Spawned, not forked: a fork of a process with threads (torch, a web server) may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin)
    try:
        yield from _in_order(pool, read, items, ahead=4 * workers)
    except BrokenProcessPool as error:
        raise DataError(
            "a process that read pictures died (out of memory, or a script without `if __name__ == '__main__':`); free "
            "memory, or put that line before the call"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Begins a worker. Ctrl-C reaches all processes: the one that started this one ends it and prints the only message.

    Where that one is killed, nobody ends its workers, so they watch it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def may_start_processes() -> bool:
    """Whether processes can be started that import what this one runs.

    They cannot where that is no file (`python - <<END`), nor from a worker that may have no children; in a notebook
    they can, as its cells are not imported.
    """
    if multiprocessing.current_process().daemon:
        return False
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return path is None or getattr(main, "__spec__", None) is not None or Path(path).is_file()


def _in_order(
    pool: ProcessPoolExecutor, read: Callable[[Item], Result], items: Sequence[Item], ahead: int
) -> Iterator[Result | DataError]:
    waiting: deque[Future[list[Result | DataError]]] = deque()
    for start in range(0, len(items), CHUNK):
        waiting.append(pool.submit(_read_chunk, read, items[start : start + CHUNK]))
        if len(waiting) >= ahead:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def _read_chunk(read: Callable[[Item], Result], items: Sequence[Item]) -> list[Result | DataError]:
    return [attempt(read, item) for item in items]


def attempt(read: Callable[[Item], Result], item: Item) -> Result | DataError:
    """What `read` returns, or the DataError that it raises."""
    try:
        return read(item)
    except DataError as error:
        return error
