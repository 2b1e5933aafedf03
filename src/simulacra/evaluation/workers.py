"""Threads that each take a chunk of images through a network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """As many workers as torch has threads, each of which computes with one.

    Threads that share each layer wait for one another after it: beside another busy program that was seen to take ten
    times as long as a chunk of images for each thread does. Nor do digits then depend on how many threads there are.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)
